"""What `switchyard nodes` is told."""

import argparse
import re

from app import node_calibration, node_command
from app.commandline import acts, finite

_BYTES = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,6})?)\s*([kKMGTP]?)(i?)B?", re.ASCII)
_POWERS = {"": 0, "k": 1, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5}


def size(text: str) -> int:
    """Return the bytes that an argument names: `24GB` is 24,000,000,000, `24GiB` 25,769,803,776.

    Raises ArgumentTypeError.
    """
    found = _BYTES.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no size like 24GB or 24GiB")
    return round(float(found[1]) * (1024 if found[3] else 1000) ** _POWERS[found[2]])


def names(text: str) -> tuple[str, ...]:
    """Return the names that an argument lists. Raises ArgumentTypeError for an empty one."""
    items = tuple(item.strip() for item in text.split(","))
    if not all(items):
        raise argparse.ArgumentTypeError(f"{text!r} has an empty item")
    return items


def label(text: str) -> tuple[str, str]:
    """Return the name and the value of a label. Raises ArgumentTypeError for what is none."""
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is no label like zone=a")
    return name, value


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `switchyard nodes` takes."""
    nodes = parser.add_subparsers(required=True)
    acts(nodes.add_parser("list", help="show every node"), node_command.list_nodes)
    adding = acts(nodes.add_parser("add", help="add a node; replicas use it within seconds"), node_command.add_node)
    adding.add_argument("name")
    adding.add_argument("url", help="http://host:11434; a token of a gateway is in a file, see the how-to page")
    _add_profile(adding, is_new=True)
    changing = acts(nodes.add_parser("change", help="change what is said of a node"), node_command.change_node)
    changing.add_argument("name")
    changing.add_argument("--url", help="another address: another server, of which nothing is known")
    _add_profile(changing, is_new=False)
    for word, text, act in (
        ("drain", "have a node finish what it has and take nothing new", node_command.drain_node),
        ("undrain", "have a drained node take calls again", node_command.undrain_node),
        ("remove", "remove a node; what runs there goes on to its end", node_command.remove_node),
    ):
        acts(nodes.add_parser(word, help=text), act).add_argument("name")
    calibrating = acts(
        nodes.add_parser("calibrate", help="drain a node, measure what it does at most, and take it back"),
        node_calibration.calibrate_node,
    )
    calibrating.add_argument("name")
    calibrating.add_argument("--model", help="this chat model only, not every one that it is declared to hold")
    pulling = acts(nodes.add_parser("pull", help="have a node fetch a model"), node_command.pull_model)
    pulling.add_argument("name")
    pulling.add_argument("model")
    for word, text, act in (
        ("pin", "keep a model in a node's memory, whoever asks for it", node_command.pin_model),
        ("unpin", "let a pinned model leave again", node_command.unpin_model),
    ):
        pinning = acts(nodes.add_parser(word, help=text), act)
        pinning.add_argument("name")
        pinning.add_argument("model")
    acts(
        nodes.add_parser("apply", help="have the nodes be what the nodes file says; others stay"),
        node_command.apply_file,
    )


def _add_profile(parser: argparse.ArgumentParser, *, is_new: bool) -> None:
    parser.add_argument("--slots", type=int, required=is_new, help="calls at a time: OLLAMA_NUM_PARALLEL of the node")
    parser.add_argument("--models", type=names, required=is_new, help="the models that it holds, separated by commas")
    parser.add_argument("--gpus", type=int, help="how many GPUs it has; 1 unless told")
    parser.add_argument("--gpu", help="which kind, like `NVIDIA L4`")
    parser.add_argument("--vram", dest="vram_bytes", type=size, help="the memory of one GPU, like 24GB")
    parser.add_argument("--watts", type=int, help="what one GPU draws at work")
    parser.add_argument("--price", dest="price_usd_per_hour", type=finite, help="what an hour of one GPU costs, in USD")
    parser.add_argument("--label", dest="labels", type=label, action="append", help="name=value; as often as needed")
