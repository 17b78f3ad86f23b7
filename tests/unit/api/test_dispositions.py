r"""The names of files as browsers and programs write them.

What browsers send: WHATWG HTML, section 4.10.21.8 "Multipart form data" (`"` is `%22`, CR `%0D`, LF `%0A`, a backslash
stays). What the installed parser of multipart 2.0.1 makes of other forms: `content_disposition_unquote` and
`parse_content_disposition` in `multipart.py`; it knows no `filename*`, so the head is read here.
"""

import pytest

from app.api.dispositions import Disposition, parse_disposition
from app.errors import BadInput
from app.retrieval.names import clean_name


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (b'filename="handbook.md"', "handbook.md"),
        (b"filename=handbook.md", "handbook.md"),
        (b'FileName="handbook.md"', "handbook.md"),
        (b'filename = "handbook.md"', "handbook.md"),
        ('filename="Grüße und 手順.md"'.encode(), "Grüße und 手順.md"),
        (b'filename="a %22b%22%0D%0A.md"', 'a "b"\r\n.md'),
        (b'filename="100%25.md"', "100%25.md"),
        (rb'filename="a \"b\" \\c.md"', r'a "b" \c.md'),
        (rb'filename="C:\new\file.md"', r"C:\new\file.md"),
        (rb'filename="a\"', "a\\"),
        (b'filename="a;b=c.md"', "a;b=c.md"),
        (b"filename*=UTF-8''Gr%C3%BC%C3%9Fe.md", "Grüße.md"),
        (b"filename*=utf-8'de'Gr%c3%bc%c3%9fe.md", "Grüße.md"),
        (b"filename*=ISO-8859-1''Gr%FC%DFe.md", "Grüße.md"),
        (b"filename=\"Gr__e.md\"; filename*=UTF-8''Gr%C3%BC%C3%9Fe.md", "Grüße.md"),
        (b"filename*=UTF-8''Gr%C3%BC%C3%9Fe.md; filename=\"Gr__e.md\"", "Grüße.md"),
        (b"filename=\"=?utf-8?B?R3LDvMOfZS5tZA==?=\"; filename*=utf-8''Gr%C3%BC%C3%9Fe.md", "Grüße.md"),
        (b'filename=""', ""),
        (b"filename*=UTF-8''", ""),
    ],
)
def test_a_file_s_name_is_what_its_owner_sees(written: bytes, expected: str) -> None:
    assert parse_disposition(b'form-data; name="file"; ' + written) == Disposition("file", expected)


@pytest.mark.parametrize(
    ("written", "words"),
    [
        (b'filename="Gr\xfc\xdfe.md"', "not in UTF-8"),
        (b"filename*=windows-1252''Gr%FC.md", "character set that is not taken"),
        (b"filename*=''a.md", "character set that is not taken"),
        (b"filename*=UTF-8''Gr%FC.md", "not in the character set"),
        (b"filename*=UTF-8''Gr%F.md", "RFC 8187"),
        (b"filename*=UTF-8''a b.md", "cannot be read"),
        (b"filename*=\"UTF-8''a b.md\"", "RFC 8187"),
        (b"filename*=a.md", "RFC 8187"),
        (b'filename*0="a"; filename*1=".md"', "RFC 2231"),
        (b"filename*0*=UTF-8''a; filename*1=.md", "RFC 2231"),
        (b'filename="=?UTF-8?Q?Gr=C3=BC=C3=9Fe.md?="', "RFC 2047"),
        (b'filename="a.md"; filename="b.md"', "`filename` twice"),
        (b"filename*=UTF-8''a.md; filename*=UTF-8''b.md", "`filename*` twice"),
        (b'filename="a.md', "cannot be read"),
        (b'filename="a.md"x', "cannot be read"),
        (b"filename=a b.md", "cannot be read"),
    ],
)
def test_another_form_is_refused_by_its_name(written: bytes, words: str) -> None:
    with pytest.raises(BadInput) as refused:
        parse_disposition(b'form-data; name="file"; ' + written)
    assert words in refused.value.detail
    assert refused.value.facts == {"field": "file"}


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b'form-data; filename="a.md"', "has no name"),
        (b"form-data", "has no name"),
        (b'attachment; name="file"; filename="a.md"', "not declared as form-data"),
        (b"", "not declared as form-data"),
        (b'form-data; name="file"; name="file"', "`name` twice"),
    ],
)
def test_a_part_that_is_not_of_a_form_is_refused(head: bytes, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        parse_disposition(head)


def test_a_part_without_a_file_has_no_file_name() -> None:
    assert parse_disposition(b'form-data; name="note"') == Disposition("note", None)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (rb'filename="C:\Users\me\handbook.md"', "handbook.md"),
        (rb'filename="C:\\Users\\me\\handbook.md"', "handbook.md"),
        (rb'filename="\\server\share\handbook.md"', "handbook.md"),
        (b'filename="../../etc/handbook.md"', "handbook.md"),
        (b"filename*=UTF-8''C%3A%5CUsers%5Chandbook.md", "handbook.md"),
        (b"filename*=UTF-8''..%2F..%2Fhandbook.md", "handbook.md"),
    ],
)
def test_the_path_before_a_name_is_dropped_however_it_is_written(written: bytes, expected: str) -> None:
    file_name = parse_disposition(b'form-data; name="file"; ' + written).file_name
    assert file_name is not None
    assert clean_name(file_name) == expected


@pytest.mark.parametrize(
    "written",
    [
        b"filename*=UTF-8''a%00.md",
        b"filename*=UTF-8''a%E2%80%AEdm.txt",
        b"filename*=UTF-8''a%E2%80%A8.md",
        b"filename*=UTF-8''a%C2%85.md",
        b'filename="a%0D%0A.md"',
        b"filename*=UTF-8''" + b"x" * 300 + b".md",
        b"filename*=UTF-8''..",
        b"filename*=UTF-8''%2F",
    ],
)
def test_what_hides_or_reorders_a_name_does_not_come_in_percent_signs_either(written: bytes) -> None:
    file_name = parse_disposition(b'form-data; name="file"; ' + written).file_name
    assert file_name is not None
    with pytest.raises(BadInput):
        clean_name(file_name)
