"""A name server that knows the addresses it is told, as compose's own does (RFC 1035): A records over UDP."""

import asyncio
import socket
import struct
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import cast

A, INTERNET, POINTER = 1, 1, 0xC00C
ANSWER, NO_SUCH_NAME = 0x8180, 0x8183
HEAD = struct.Struct("!HHHHHH")


class Names(asyncio.DatagramProtocol):
    """Answers every name with `addresses`, or says that there is no such name while there are none."""

    def __init__(self) -> None:
        self.addresses: list[str] = []
        self.asked = 0
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way to answer."""
        # In Python 3.11 the class of the loop's own transport does not say what it is.
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer one question."""
        assert self._transport is not None
        self.asked += 1
        number = HEAD.unpack_from(data)[0]
        end = data.index(b"\x00", HEAD.size) + 5
        records = [
            struct.pack("!HHHIH", POINTER, A, INTERNET, 1, 4) + socket.inet_aton(address) for address in self.addresses
        ]
        head = HEAD.pack(number, ANSWER if records else NO_SUCH_NAME, 1, len(records), 0, 0)
        self._transport.sendto(head + data[HEAD.size : end] + b"".join(records), addr)


@asynccontextmanager
async def name_server() -> AsyncGenerator[tuple[Names, int]]:
    """Run a name server on a loopback port; yield it and the port."""
    loop = asyncio.get_running_loop()
    transport, names = await loop.create_datagram_endpoint(Names, local_addr=("127.0.0.1", 0))
    try:
        yield names, int(transport.get_extra_info("sockname")[1])
    finally:
        transport.close()
