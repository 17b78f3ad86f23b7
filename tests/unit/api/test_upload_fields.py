"""What an upload says of its document, in fields beside the file."""

import pytest

from tests.fakes.asgi import Client
from tests.fakes.platform import FakePlatform
from tests.unit.api.test_uploads import END, FILE, part, send


@pytest.mark.parametrize("after", [False, True], ids=["before the file", "after the file"])
async def test_fields_beside_a_file_say_something_of_it(client: Client, platform: FakePlatform, *, after: bool) -> None:
    fields = (
        part("set", b"filings"),
        part("ticker", b" aapl "),
        part("date", b"2024-09-28"),
        part("tags", b"10-K, annual"),
        part("tags", "Öl".encode()),
        part("metadata", b'{"company": "Apple"}'),
    )
    form = [FILE, *fields] if after else [*fields, FILE]
    assert (await send(client, [*form, END])).status == 202
    _, document, body = platform.documents.kept[0]
    assert (document.set_name, body) == ("filings", b"# Returns\n")
    assert document.metadata == {
        "ticker": "AAPL",
        "date": "2024-09-28",
        "tags": ("10-K", "annual", "Öl"),
        "company": "Apple",
    }


async def test_an_empty_field_says_nothing(client: Client, platform: FakePlatform) -> None:
    fields = [part(name, b" ") for name in ("set", "ticker", "date", "tags", "metadata")]
    assert (await send(client, [*fields, FILE, END])).status == 202
    assert (platform.documents.kept[0][1].set_name, platform.documents.kept[0][1].metadata) == (None, {})


@pytest.mark.parametrize(
    ("field", "name", "words"),
    [
        (part("tag", b"10-K"), "tag", "no field `tag`, but file, date, metadata, set, tags, ticker"),
        (part("date", b"28.9.2024"), "date", "YYYY-MM-DD"),
        (part("ticker", b"a b"), "ticker", "A-Z"),
        (part("ticker", b"A") + part("ticker", b"B"), "ticker", "more than once"),
        (part("metadata", b"[]"), "metadata", "a JSON object of strings"),
        (part("metadata", b'{"a": 1}'), "metadata", "a JSON object of strings"),
        (part("set", b"\xff"), "set", "UTF-8"),
        (part("set", b"x" * 9000), "set", "8192 bytes"),
        (part("set", b"x" * 101), "set", "1 to 100 characters"),
    ],
)
@pytest.mark.parametrize("after", [False, True], ids=["before the file", "after the file"])
async def test_a_field_that_cannot_be_kept_refuses_the_upload(
    client: Client, platform: FakePlatform, field: bytes, name: str, words: str, *, after: bool
) -> None:
    reply = await send(client, [FILE, field, END] if after else [field, FILE, END])
    assert (reply.status, reply.json()["code"], reply.json()["field"]) == (422, "bad_input", name)
    assert words in reply.json()["detail"]
    assert platform.documents.kept == []
