"""Whatever a citation quotes stands, letter by letter, at its offsets in the text that the API serves."""

from collections.abc import Sequence
from uuid import UUID, uuid4

import pytest

from app.agents.citing import cite
from app.api.app import create_app
from app.ids import JobId
from app.wiring import Platform
from tests.fakes import files
from tests.fakes.asgi import Client
from tests.fakes.node import FakeNode
from tests.fakes.retrieval import Hashed
from tests.integration.platforms import Servers, opened, settings_for

pytestmark = pytest.mark.integration

LINES = [
    "The kiln of Zoe\u0301 holds 48 plates, \U0001f469\u200d\U0001f373 and all.",
    "One firing of the kiln costs 19 e\u0301uros; \u706b is included.",
]
ROWS = [["kiln", "plates"], ["Zoe\u0301's", "48 plates in the kiln"], ["the large", "96 plates in the kiln"]]
PLAIN = "# Kiln\n\n" + "\n\n".join(LINES) + "\n\n## Prices\n\nThe kiln is let for 7 euros an hour.\n"
CSV = "\n".join(f'"{kiln}","{plates}"' for kiln, plates in ROWS)
HTML = f"<!doctype html><title>Kiln</title><h1>Kiln</h1>{''.join(f'<p>{line}</p>' for line in LINES)}"
DOCX = files.docx(files.paragraph("Kiln", "H1") + "".join(files.paragraph(line) for line in LINES) + files.table(ROWS))
FILES = {
    "plain.txt": PLAIN.encode(),
    "plain.md": PLAIN.encode(),
    "bom.md": b"\xef\xbb\xbf" + PLAIN.encode(),
    "crlf.md": PLAIN.replace("\n", "\r\n").encode(),
    "nul.txt": PLAIN.replace(" ", "\x00 ", 1).encode(),
    "cr.txt": PLAIN.replace("\n", "\r").encode(),
    "cr.md": PLAIN.replace("\n", "\r").encode(),
    "utf-16.txt": PLAIN.encode("utf-16"),
    "utf-16-be.md": b"\xfe\xff" + PLAIN.replace("\n", "\r\n").encode("utf-16-be"),
    "utf-32.txt": PLAIN.encode("utf-32"),
    "rows.csv": CSV.encode(),
    "rows-crlf.csv": CSV.replace("\n", "\r\n").encode("utf-16"),
    "rows-cr.csv": CSV.replace("\n", "\r").encode(),
    "quoted.csv": CSV.replace("48 plates in", '48 plates,\n""all"" of them,\r\nin').encode(),
    "page.html": HTML.encode(),
    "page-16.html": HTML.encode("utf-16"),
    "sheet.docx": DOCX,
    "sheet.pdf": files.pdf(
        ["# Kiln", "The kiln holds 48 plates."], ["# Prices", "The kiln costs 19 euros.", "", *ROWS]
    ),
}
QUESTION = "How many plates does the kiln hold?"


async def add(platform: Platform, client: Client, name: str, content: bytes) -> UUID:
    """Upload a file as a client does, and have it read in."""
    head = f'--edge\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
    form = ("content-type", "multipart/form-data; boundary=edge")
    reply = await client.send("POST", "/api/v2/upload", body=head + content + b"\r\n--edge--\r\n", headers=[form])
    assert reply.status == 202, (name, reply.json())
    await platform.workers.run(JobId(UUID(reply.json()["job_id"])))
    job = (await client.get(f"/api/v2/jobs/{reply.json()['job_id']}")).json()
    assert job["status"] == "done", (name, job)
    return UUID(reply.json()["document_id"])


async def embed(_model: str, texts: Sequence[str]) -> Hashed:
    """Vectors that leave the choice to the words."""
    return Hashed([[1.0] * 384 for _ in texts])


async def test_every_quote_stands_at_its_offsets_in_the_text_that_is_served(servers: Servers, node: FakeNode) -> None:
    async with opened(settings_for(servers, node)) as (platform,):
        app = create_app(platform)
        for name, content in FILES.items():
            tenant = await platform.tenants.add(f"tenant-{uuid4()}")
            client = Client(app, (await platform.keys.add(tenant.id, "x")).key)
            document_id = await add(platform, client, name, content)
            passages = (await platform.search.find(tenant.id, QUESTION, embed=embed, limit=5)).passages
            said = " ".join(passages[0].text.split())
            for citation in cite(passages, QUESTION, said) or pytest.fail(f"{name}: {said}"):
                assert citation.document_id == document_id
                place = f"start={citation.start_offset}&end={citation.end_offset}"
                served = (await client.get(f"/api/v1/documents/{document_id}/text?{place}")).json()
                assert served["text"] == citation.quote != "", name
