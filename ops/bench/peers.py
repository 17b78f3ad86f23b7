"""Peers beside the platform: those that the user runs, and those that the bench installs, starts and ends itself."""

import os
import secrets
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from ops.bench import cpu, litellm, parts
from ops.bench.install import Installation, NotInstalled
from ops.bench.plan import PEER_KEY, Peer, Plan
from ops.bench.sides import Side, peer
from ops.bench.world import World
from ops.local.layout import Layout
from ops.local.problems import LocalProblem
from ops.local.stack import Stack

Say = Callable[[str], None]


@dataclass(slots=True)
class Peers:
    """What stands beside the platform: `lost` says why a peer has no rows, `notes` how one was run."""

    sides: list[Side] = field(default_factory=list[Side])
    lost: dict[str, str] = field(default_factory=dict[str, str])
    notes: list[str] = field(default_factory=list[str])


@contextmanager
def opened(
    world: World,
    plan: Plan,
    environ: Mapping[str, str],
    say: Say,
    *,
    installation: Installation = litellm.INSTALLATION,
) -> Generator[Peers]:
    """Have the plan's peers running; a peer that cannot be installed or started is lost, and the rest goes on."""
    found = Peers()
    key = environ.get(PEER_KEY, "")
    for given in plan.peers:
        found.sides.append(peer(given, key, cpu.listener(given.port)))
        found.notes.append(f"{given.name}, started by the user")
    with ExitStack() as stack:
        for name in plan.installed:
            try:
                if installation.ensure(environ):
                    say("".join(f"$ {' '.join(command)}\n" for command in installation.commands()))
                _start(stack, world, found, say)
            except (NotInstalled, LocalProblem, OSError) as error:
                found.lost[name] = str(error)
        yield found


def _start(stack: ExitStack, world: World, found: Peers, say: Say) -> None:
    """Start LiteLLM with nothing of the user's environment, and add its rows. Raises PartFailed."""
    version = litellm.INSTALLATION.version
    directory = world.stack.layout.directory / "peers"
    layout = Layout.open(directory, {"PATH": os.defpath, "HOME": str(directory)})
    key = f"sk-{secrets.token_hex(16)}"
    text = litellm.config(world.url(parts.NODE))
    running = stack.enter_context(Stack(layout, ((lambda layout: litellm.part(layout, text, key),),)))
    child = running.get(litellm.NAME).child
    command = " ".join(litellm.part(layout, text, key).command)
    say(f"litellm {version}: {' '.join(f'{name}={value}' for name, value in litellm.SETTINGS.items())} ")
    say(f"{command}\n")
    address = f"http://{layout.ports.address(litellm.NAME)}/v1"
    for row in litellm.PROVIDERS:
        found.sides.append(_row(row, address, key, None if child is None else child.id.pid))
    found.notes.append(f"LiteLLM {version} as `{litellm.spelled()}`, {_rows()}")


def _row(row: str, address: str, key: str, pid: int | None) -> Side:
    return peer(Peer(row, address), key, pid, name_of=lambda model: litellm.model(row, model))


def _rows() -> str:
    return " and ".join(f"`{row}` by its provider `{provider}`" for row, provider in litellm.PROVIDERS.items())
