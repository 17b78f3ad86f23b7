"""Which stack a command talks to, and with which key."""

import argparse
from collections.abc import Mapping
from pathlib import Path

from app.conversation import Stack
from app.files import FileUnreadable, read_text
from app.mistakes import ConfigurationWrong, Mistake
from app.urls import AddressWrong, read_http_address
from app.variables import FILE_BYTES

# Names that the application's settings leave alone.
LOCAL_URL = "SWITCHYARD_LOCAL_URL"
LOCAL_KEY = "SWITCHYARD_LOCAL_KEY"
DEFAULT_URL = "http://127.0.0.1:8080"


def add_stack_arguments(parser: argparse.ArgumentParser, *, key: str = "the api key") -> None:
    """Add what says which stack, and with which `key`."""
    parser.add_argument("--url", help=f"the stack's address; else ${LOCAL_URL}, else {DEFAULT_URL}")
    parser.add_argument("--key", help=f"{key}; else ${LOCAL_KEY} (other users can see arguments)")
    parser.add_argument("--key-file", type=Path, help="a file whose first line is the api key")


def stack_of(given: argparse.Namespace, environ: Mapping[str, str]) -> Stack:
    """Return the stack that the arguments name. Raises ConfigurationWrong with all that is wrong with them."""
    mistakes: list[Mistake] = []
    stack = Stack(url_of(given, environ, mistakes), key_of(given, environ, mistakes))
    if mistakes:
        raise ConfigurationWrong(*mistakes)
    return stack


def url_of(given: argparse.Namespace, environ: Mapping[str, str], mistakes: list[Mistake]) -> str:
    """Return the stack's address, by the command line or the environment; what is wrong goes to `mistakes`."""
    text = given.url if given.url is not None else environ.get(LOCAL_URL) or DEFAULT_URL
    try:
        return read_http_address(text.strip())
    except AddressWrong as error:
        mistakes.append(Mistake("--url" if given.url is not None else LOCAL_URL, str(error)))
        return DEFAULT_URL


def key_of(given: argparse.Namespace, environ: Mapping[str, str], mistakes: list[Mistake]) -> str:
    """Return the api key, by the command line, a file or the environment; what is wrong goes to `mistakes`."""
    place, key = ("--key", given.key) if given.key is not None else (LOCAL_KEY, environ.get(LOCAL_KEY, ""))
    if given.key_file is not None:
        place = "--key-file"
        try:
            key = read_text(given.key_file, limit_bytes=FILE_BYTES).partition("\n")[0]
        except FileUnreadable as error:
            mistakes.append(Mistake(f"--key-file {given.key_file}", str(error)))
            return ""
    key = key.strip()
    if not key:
        mistakes.append(Mistake(place, f"is empty: give an api key with --key, --key-file or ${LOCAL_KEY}"))
    elif not (key.isascii() and key.isprintable() and " " not in key):
        mistakes.append(Mistake(place, "is no api key: those are letters, digits and `_`"))
    return key
