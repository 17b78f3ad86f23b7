"""A body comes as it is: what is packed is refused, and the refusal says what would be taken."""

import gzip

import pytest

from tests.fakes.asgi import JSON, Client
from tests.fakes.platform import FakePlatform

CHAT, UPLOAD = "/api/v1/chat", "/api/v2/upload"
MULTIPART = ("content-type", "multipart/form-data; boundary=edge")
BODY = b'{"message":"a"}'
FORM = b'--edge\r\nContent-Disposition: form-data; name="file"; filename="a.md"\r\n%b\r\n# Returns\n\r\n--edge--\r\n'


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "x-gzip", "br", "deflate", "zstd", "gzip, identity", "identity,br"])
@pytest.mark.parametrize("path", [CHAT, UPLOAD])
async def test_a_packed_body_is_refused_and_told_what_is_taken(
    client: Client, platform: FakePlatform, path: str, coding: str
) -> None:
    # RFC 9110 section 15.5.16: Accept-Encoding tells the client that the coding was the problem.
    kind = JSON if path == CHAT else MULTIPART
    reply = await client.send("POST", path, body=gzip.compress(BODY), headers=[kind, ("content-encoding", coding)])
    assert (reply.status, reply.json()["code"]) == (415, "content_coding_unknown")
    assert reply.headers["accept-encoding"] == "identity"
    assert (platform.runner.started, platform.documents.kept) == ([], [])


@pytest.mark.parametrize("coding", ["identity", "Identity", "", "identity, identity"])
async def test_a_body_that_says_it_is_as_it_is_is_taken(client: Client, coding: str) -> None:
    reply = await client.send("POST", CHAT, body=BODY, headers=[JSON, ("content-encoding", coding)])
    assert reply.status == 200


async def test_a_second_header_with_a_coding_counts_too(client: Client) -> None:
    codings = [("content-encoding", "identity"), ("content-encoding", "gzip")]
    reply = await client.send("POST", CHAT, body=BODY, headers=[JSON, *codings])
    assert (reply.status, reply.json()["code"]) == (415, "content_coding_unknown")


async def test_another_media_type_is_not_told_that_its_coding_is_wrong(client: Client) -> None:
    reply = await client.send("POST", CHAT, body=b"a", headers=[("content-type", "text/plain")])
    assert (reply.status, reply.json()["code"]) == (415, "media_type_unknown")
    assert "accept-encoding" not in reply.headers


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"Content-Encoding: gzip\r\n", 415),
        (b"Content-Transfer-Encoding: base64\r\n", 422),
        (b"Content-Transfer-Encoding: quoted-printable\r\n", 422),
        (b"content-transfer-encoding: BASE64\r\n", 422),
        (b"Content-Transfer-Encoding: binary\r\n", 202),
        (b"Content-Transfer-Encoding: 8bit\r\n", 202),
        (b"Content-Encoding: identity\r\n", 202),
    ],
)
async def test_a_part_comes_as_it_is_too(client: Client, platform: FakePlatform, line: bytes, status: int) -> None:
    reply = await client.send("POST", UPLOAD, body=FORM % line, headers=[MULTIPART])
    assert reply.status == status
    assert [body for _, _, body in platform.documents.kept] == ([b"# Returns\n"] if status == 202 else [])
