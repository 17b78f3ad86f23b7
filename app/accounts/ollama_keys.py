"""The key pair of the `ollama` command: how its public key is read, and how a request that it signed."""

import base64
import re
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from app.errors import BadInput, KeyUnknown
from app.files import FileUnreadable, read_text

SKEW_S = 60
"""The clocks of both may differ by so much; a request that somebody overheard may be sent again for as long."""
FILE_BYTES = 10_000

# RFC 8709 section 4: the algorithm's name and the 32 bytes of the key, each after its length.
_HEAD = b"\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x20"
_KEY_BYTES = 32
_BLOB = r"([A-Za-z0-9+/]{68})"
_PUBLIC = re.compile(rf"\s*ssh-ed25519 +{_BLOB}(?:\s.*)?", re.ASCII | re.DOTALL)
_HEADER = re.compile(rf"{_BLOB}:([A-Za-z0-9+/]{{86}}==)", re.ASCII)
_INSTANT = re.compile(r"[0-9]{1,12}", re.ASCII)


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """A request as its sender signed it: `path` is the one that it knows, `ts` the instant that its query says."""

    header: str
    method: str
    path: str
    ts: str

    def signer(self, now_s: float) -> bytes:
        """Return the public key whose owner signed the request lately. Raises KeyUnknown.

        What is signed is `METHOD,/path?ts=SECONDS`, and no more: neither the body nor what stands before the path
        (ollama, api/client.go, do and stream; auth/auth.go, Sign).
        """
        found = _HEADER.fullmatch(self.header)
        public_key = None if found is None else _key_of(found[1])
        if found is None or public_key is None or _INSTANT.fullmatch(self.ts) is None:
            raise KeyUnknown("the signature of the request is none")
        said = f"{self.method},{self.path}?ts={self.ts}".encode()
        try:
            Ed25519PublicKey.from_public_bytes(public_key).verify(base64.b64decode(found[2]), said)
        except (InvalidSignature, ValueError) as error:
            raise KeyUnknown("the signature of the request is wrong") from error
        if abs(now_s - int(self.ts)) > SKEW_S:
            raise KeyUnknown(f"the request was signed more than {SKEW_S} s ago, or one of the two clocks is wrong")
        return public_key


def is_signature(header: str) -> bool:
    """Whether an `Authorization` has the form of such a signature."""
    return _HEADER.fullmatch(header) is not None


def read_public_key(given: str) -> bytes:
    """Return the key of a line of `id_ed25519.pub`, or of that file. Raises BadInput, which quotes nothing."""
    text = given
    if not given.strip().startswith("ssh-"):
        try:
            text = read_text(Path(given), limit_bytes=FILE_BYTES)
        except FileUnreadable as error:
            raise BadInput("this is neither a public key nor a file that can be read") from error
    found = _PUBLIC.fullmatch(text)
    public_key = None if found is None else _key_of(found[1])
    if public_key is None:
        raise BadInput("a public key of `ollama` is one line, `ssh-ed25519 AAAA…`, as ~/.ollama/id_ed25519.pub has it")
    return public_key


def _key_of(blob: str) -> bytes | None:
    raw = base64.b64decode(blob)
    return raw[len(_HEAD) :] if raw.startswith(_HEAD) and len(raw) == len(_HEAD) + _KEY_BYTES else None
