"""One quick look at a server: does it answer?"""

import http.client
import socket
from contextlib import suppress
from http import HTTPStatus

from ops.local.ports import HOST

LOOK_S = 1.0


def http_ok(port: int, path: str) -> bool:
    """Say whether GET `path` on a loopback port answers 2xx."""
    connection = http.client.HTTPConnection(HOST, port, timeout=LOOK_S)
    try:
        connection.request("GET", path)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES


def valkey_ok(port: int, password: str) -> bool:
    """Say whether a Redis or Valkey with that password has loaded its files and answers PING."""
    with suppress(OSError), socket.create_connection((HOST, port), timeout=LOOK_S) as connection:
        connection.sendall(f"AUTH {password}\r\nPING\r\n".encode())
        answer = b""
        while answer.count(b"\r\n") < 2:
            block = connection.recv(256)
            if not block:
                return False
            answer += block
        return answer == b"+OK\r\n+PONG\r\n"
    return False
