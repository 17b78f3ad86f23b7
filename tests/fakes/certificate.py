"""A self-signed certificate for tests, made anew each time, so that no key lies in the repository.

Python's standard library reads certificates but makes none. The curve is P-256 (FIPS 186-4, D.1.2.3), the signature
ECDSA with SHA-256 (X9.62; RFC 5758), the form RFC 5280 in DER (X.690). Not fit for anything but tests.
"""

import base64
import hashlib
import secrets
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

Point: TypeAlias = tuple[int, int] | None

P = 2**256 - 2**224 + 2**192 + 2**96 - 1
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
EC_KEY, P_256, SIGNED = "1.2.840.10045.2.1", "1.2.840.10045.3.1.7", "1.2.840.10045.4.3.2"
NAME, OTHER_NAMES = "2.5.4.3", "2.5.29.17"


def make_certificate(*names: str, days: int = 2) -> tuple[str, str]:
    """Return a certificate for DNS `names` and its private key, both PEM."""
    secret = secrets.randbelow(N - 1) + 1
    public = _bytes_of(_times(secret, G))
    body = _body(names, public, timedelta(days=days))
    signature = _sign(secret, body)
    certificate = _tag(0x30, body, _tag(0x30, _oid(SIGNED)), _bits(signature))
    curve = _tag(0xA0, _oid(P_256))
    key = _tag(0x30, _integer(1), _tag(0x04, secret.to_bytes(32, "big")), curve, _tag(0xA1, _bits(public)))
    return _pem("CERTIFICATE", certificate), _pem("EC PRIVATE KEY", key)


def _body(names: tuple[str, ...], public: bytes, valid: timedelta) -> bytes:
    now = datetime.now(UTC)
    name = _tag(0x30, _tag(0x31, _tag(0x30, _oid(NAME), _tag(0x0C, names[0].encode()))))
    times = (f"{at:%y%m%d%H%M%SZ}".encode() for at in (now - timedelta(days=1), now + valid))
    alternatives = _tag(0x30, *(_tag(0x82, each.encode()) for each in names))
    extension = _tag(0x30, _oid(OTHER_NAMES), _tag(0x04, alternatives))
    return _tag(
        0x30,
        _tag(0xA0, _integer(2)),
        _integer(secrets.randbits(64) | 1),
        _tag(0x30, _oid(SIGNED)),
        name,
        _tag(0x30, *(_tag(0x17, each) for each in times)),
        name,
        _tag(0x30, _tag(0x30, _oid(EC_KEY), _oid(P_256)), _bits(public)),
        _tag(0xA3, _tag(0x30, extension)),
    )


def _sign(secret: int, text: bytes) -> bytes:
    digest = int.from_bytes(hashlib.sha256(text).digest(), "big")
    nonce = secrets.randbelow(N - 1) + 1
    point = _times(nonce, G)
    first = (point[0] if point else 0) % N
    second = pow(nonce, -1, N) * (digest + first * secret) % N
    return _tag(0x30, _integer(first), _integer(second))


def _times(factor: int, point: Point) -> Point:
    result: Point = None
    while factor:
        if factor & 1:
            result = _plus(result, point)
        point = _plus(point, point)
        factor >>= 1
    return result


def _plus(one: Point, other: Point) -> Point:
    if one is None or other is None:
        return other if one is None else one
    if one[0] == other[0] and (one[1] + other[1]) % P == 0:
        return None
    if one == other:
        slope = (3 * one[0] * one[0] - 3) * pow(2 * one[1], -1, P)
    else:
        slope = (other[1] - one[1]) * pow(other[0] - one[0], -1, P)
    x = (slope * slope - one[0] - other[0]) % P
    return x, (slope * (one[0] - x) - one[1]) % P


def _bytes_of(point: Point) -> bytes:
    x, y = point or (0, 0)
    return b"\x04" + x.to_bytes(32, "big") + y.to_bytes(32, "big")


def _tag(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    size = len(content)
    if size < 128:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def _integer(value: int) -> bytes:
    return _tag(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _bits(content: bytes) -> bytes:
    return _tag(0x03, b"\x00" + content)


def _oid(dotted: str) -> bytes:
    first, second, *others = (int(word) for word in dotted.split("."))
    content = bytearray([first * 40 + second])
    for number in others:
        groups = [number & 0x7F]
        while number := number >> 7:
            groups.append(number & 0x7F | 0x80)
        content.extend(reversed(groups))
    return _tag(0x06, bytes(content))


def _pem(kind: str, der: bytes) -> str:
    lines = base64.encodebytes(der).decode().replace("\n", "")
    folded = "\n".join(lines[at : at + 64] for at in range(0, len(lines), 64))
    return f"-----BEGIN {kind}-----\n{folded}\n-----END {kind}-----\n"
