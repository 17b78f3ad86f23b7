"""A file of each type becomes passages that point at its page, and quotes that stand where they say."""

import json
from email.message import EmailMessage

import pytest

from app.agents.citing import cite
from app.errors import DocumentUnknown
from app.ids import DocumentId, TenantId
from app.jobs.states import JobState
from tests.fakes import files
from tests.fakes import office_files as office
from tests.fakes.retrieval import Retrieval, pieces
from tests.integration.retrieval_fixtures import retrieval as retrieval

pytestmark = pytest.mark.integration

ROWS = [["Cable", "Number", "Run"], ["Control", "FR-5108", "35 metres"], ["Door", "FR-5120", "60 metres"]]
PDF = files.pdf(["# Lift Link", "It calls a lift."], ["# Cables", "Kept in store.", "", *ROWS], title="Sheet")
DOCX = files.docx(files.paragraph("Cables", "H1") + files.table(ROWS), title="Sheet")
HTML = f"""<!DOCTYPE html><title>Sheet</title><h1>Cables</h1>
<table>{"".join(f"<tr><td>{'<td>'.join(row)}</tr>" for row in ROWS)}</table>""".encode()
CSV = "\r\n".join(",".join(row) for row in ROWS).encode()
MARKDOWN = "# Sheet\n\n## Cables\n\n| Cable | Number | Run |\n| - | - | - |\n| Door | FR-5120 | 60 metres |\n".encode(
    "utf-16"
)


PPTX = office.pptx(
    office.slide(office.shape("Lift Link", kind="title")),
    office.slide(office.shape("Cables", kind="title") + office.slide_table(ROWS)),
    more={"docProps/core.xml": '<c xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Sheet</dc:title></c>'},
)
XLSX = office.xlsx({"Cables": office.plain_sheet(ROWS)})
JSON = json.dumps({"title": "Sheet", "cables": [dict(zip(ROWS[0], row, strict=True)) for row in ROWS[1:]]}).encode()
LINES = b'{"Cable": "Door", "Number": "FR-5120", "Run": "60 metres"}\n{"Cable": "Control", "Number": "FR-5108"}\n'


def forwarded() -> bytes:
    """A mail in a mail, in one of the old encodings."""
    inner, outer = EmailMessage(), EmailMessage()
    inner["From"] = outer["From"] = "Jo <jo@example.com>"
    inner["Subject"], outer["Subject"] = "Cables", "Sheet"
    inner.set_content("\n".join(f"| {' | '.join(row)} |" for row in ROWS) + "\nžluť", charset="iso-8859-2")
    outer.set_content("See below.")
    outer.add_attachment(inner)
    return outer.as_bytes()


async def added(retrieval: Retrieval, tenant: TenantId, name: str, content: bytes, media_type: str = "") -> DocumentId:
    """Upload a file and have it read in."""
    upload = await retrieval.documents.add(tenant, name, media_type, pieces(content))
    await retrieval.ingest().run(upload.job_id)
    job = await retrieval.job(tenant, upload.job_id)
    assert (job.state, job.error_code) == (JobState.DONE, None)
    return upload.document_id


@pytest.mark.requirement("UPL-04.types")
@pytest.mark.parametrize(
    ("name", "content", "page", "title", "quoted"),
    [
        ("sheet.pdf", PDF, 2, "Sheet", "| Door | FR-5120 | 60 metres |"),
        ("sheet.docx", DOCX, None, "Sheet", "| Door | FR-5120 | 60 metres |"),
        ("sheet.html", HTML, None, "Sheet", "| Door | FR-5120 | 60 metres |"),
        ("sheet.csv", CSV, None, "", "Door,FR-5120,60 metres"),
        ("sheet.pptx", PPTX, 2, "Sheet", "| Door | FR-5120 | 60 metres |"),
        ("sheet.xlsx", XLSX, None, "Cables", "| Door | FR-5120 | 60 metres |"),
        ("sheet.json", JSON, None, "Sheet", "| Door | FR-5120 | 60 metres |"),
        ("sheet.jsonl", LINES, None, "", "| Door | FR-5120 | 60 metres |"),
        ("sheet.eml", forwarded(), None, "Sheet", "| Door | FR-5120 | 60 metres |"),
        ("sheet.md", MARKDOWN, None, "Sheet", "| Door | FR-5120 | 60 metres |"),
    ],
)
async def test_a_citation_has_title_page_and_the_verbatim_words_at_their_offsets(
    retrieval: Retrieval, name: str, content: bytes, page: int | None, title: str, quoted: str
) -> None:
    tenant = await retrieval.tenant()
    document_id = await added(retrieval, tenant, name, content)
    question = "How long may the door cable be?"
    (citation,) = cite(await retrieval.ask(tenant, question), question, "The door cable may run 60 metres.")
    assert (citation.document, citation.document_id) == (name, document_id)
    assert (citation.title, citation.page) == (title, page)
    assert quoted in citation.quote
    text = await retrieval.documents.text(tenant, document_id, start=citation.start_offset, end=citation.end_offset)
    assert text.text == citation.quote
    assert page is None or text.pages[page - 1] <= citation.start_offset < [*text.pages, text.length][page]
    assert (await retrieval.documents.get(tenant, document_id)).title == title


async def test_a_part_of_a_long_table_is_found_by_the_name_of_its_column(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    rows = "".join(f"FR-{number},{number * 3}\n" for number in range(2000, 2300))
    await added(retrieval, tenant, "prices.csv", f"part,price in euros\n{rows}".encode())
    found = await retrieval.ask(tenant, "What is the price in euros of FR-2250?", limit=20)
    assert any("FR-2250,6750" in passage.text for passage in found)
    assert {passage.lead for passage in found if passage.start_offset > 0} == {"part,price in euros\n"}


async def test_the_text_is_the_tenants_own_and_goes_with_its_document(retrieval: Retrieval) -> None:
    tenant, other = await retrieval.tenant(), await retrieval.tenant()
    document_id = await added(retrieval, tenant, "sheet.txt", b"The door cable may run 60 metres.")
    assert (await retrieval.documents.text(tenant, document_id, start=4, end=8)).text == "door"
    with pytest.raises(DocumentUnknown):
        await retrieval.documents.text(other, document_id, start=0, end=10)
    await retrieval.documents.remove(tenant, document_id)
    with pytest.raises(DocumentUnknown):
        await retrieval.documents.text(tenant, document_id, start=0, end=10)
    assert await retrieval.execute("SELECT 1 FROM document_texts WHERE document_id = %s", document_id) == []


@pytest.mark.parametrize(
    ("name", "content", "code", "told"),
    [
        ("a.pdf", files.scanned_pdf(), "scanned", "OCR"),
        ("a.pdf", files.encrypted_pdf(), "encrypted", "password"),
        ("a.txt", b"caf\xe9", "encoding_unknown", "charset=windows-1251"),
    ],
)
async def test_a_file_that_cannot_be_read_says_why_and_what_to_do(
    retrieval: Retrieval, name: str, content: bytes, code: str, told: str
) -> None:
    tenant = await retrieval.tenant()
    upload = await retrieval.documents.add(tenant, name, "", pieces(content))
    await retrieval.ingest().run(upload.job_id)
    job = await retrieval.job(tenant, upload.job_id)
    assert (job.state, job.error_code) == (JobState.FAILED, code)
    assert told in (job.error_detail or "")


async def test_what_the_uploader_says_of_the_encoding_is_kept_for_the_worker(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    document_id = await added(retrieval, tenant, "a.txt", b"caf\xe9", "text/plain; charset=windows-1252")
    text = await retrieval.documents.text(tenant, document_id, start=0, end=100)
    assert (text.text, text.encoding) == ("café", "cp1252")
