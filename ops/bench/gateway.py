"""LiteLLM's proxy over the same nodes as the crowd's replicas."""

import os
import secrets
from collections.abc import Generator, Mapping
from contextlib import contextmanager

from ops.bench import litellm
from ops.bench.crowded import GATEWAY, MODEL, NODES, TENANTS, Crowd, Door, door
from ops.bench.install import NotInstalled
from ops.bench.peers import Say
from ops.local.layout import Layout
from ops.local.problems import LocalProblem
from ops.local.stack import Stack


@contextmanager
def litellm_door(crowd: Crowd, environ: Mapping[str, str], say: Say) -> Generator[Door]:
    """Have it run, by its faster provider, both nodes under one name. Raises PeerLost."""
    directory = crowd.world.stack.layout.directory / "peers"
    layout = Layout.open(directory, {"PATH": os.defpath, "HOME": str(directory)})
    key = f"sk-{secrets.token_hex(16)}"
    entries = [
        litellm.entry(litellm.OPENAI, MODEL, crowd.world.url(name)) | {"model_name": MODEL} for name in NODES
    ]  # fmt: skip
    try:
        if litellm.INSTALLATION.ensure(environ):
            say("LiteLLM was installed\n")
        running = Stack(layout, ((lambda layout: litellm.part(layout, litellm.written(entries), key),),))
        running.start()
    except (NotInstalled, LocalProblem, OSError) as error:
        raise PeerLost(str(error)) from error
    try:
        child = running.get(litellm.NAME).child
        trees = {} if child is None else {GATEWAY: child.id.pid}
        keys = dict.fromkeys(TENANTS, key)
        yield door(GATEWAY, [f"http://{layout.ports.address(litellm.NAME)}/v1"], keys, trees)
    finally:
        running.stop()


class PeerLost(Exception):
    """The gateway could not be installed or started; the message says why."""
