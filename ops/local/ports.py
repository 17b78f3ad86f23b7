"""Loopback ports of the parts: free when first taken, the same again after `down` and `up` while they stay free."""

import socket
from collections.abc import Callable
from pathlib import Path

import msgspec

HOST = "127.0.0.1"


def is_free(port: int) -> bool:
    """Say whether a server could listen on that loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def find_free() -> int:
    """Return a loopback port that the kernel finds free."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


class Ports:
    """Ports by name, kept in a file."""

    def __init__(
        self,
        file: Path,
        preferred: dict[str, int] | None = None,
        *,
        is_free: Callable[[int], bool] = is_free,
        find_free: Callable[[], int] = find_free,
    ) -> None:
        self._file = file
        self._is_free = is_free
        self._find_free = find_free
        self._preferred = preferred or {}
        self._ports = msgspec.json.decode(file.read_bytes(), type=dict[str, int]) if file.is_file() else {}
        self._checked: set[str] = set()

    def of(self, name: str) -> int:
        """Return the port of `name`; the first time in this process another one is chosen if it is taken."""
        if name not in self._checked:
            self._checked.add(name)
            wanted = self._ports.get(name) or self._preferred.get(name, 0)
            self._choose(name, wanted)
        return self._ports[name]

    def address(self, name: str) -> str:
        """Return `127.0.0.1:port` of `name`."""
        return f"{HOST}:{self.of(name)}"

    def move_if_taken(self, name: str) -> None:
        """Choose another port for `name` if somebody listens on the one that it has."""
        self._choose(name, self.of(name))

    def _choose(self, name: str, wanted: int) -> None:
        others = {port for other, port in self._ports.items() if other != name}
        if not wanted or not self._is_free(wanted):
            wanted = 0
        while not wanted or wanted in others:
            wanted = self._find_free()
        if self._ports.get(name) != wanted:
            self._ports[name] = wanted
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.write_bytes(msgspec.json.encode(self._ports))
