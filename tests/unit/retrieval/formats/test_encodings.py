"""How bytes are decoded, and when they are not."""

# ruff: noqa: RUF001 - the letters of languages

from collections import Counter
from collections.abc import Callable
from random import Random

import pytest

from app.retrieval.formats.encodings import decode
from app.retrieval.formats.reading import reader_of
from app.retrieval.media import MediaType
from app.retrieval.unreadable import DocumentUnreadable, Unreadable
from tests.fakes.written import CASES, TEXTS, cut

GERMAN = "Die Kündigungsfrist beträgt für alle Geräte sechs Wochen. Größere Öfen müssen jährlich überprüft werden."
ENGLISH = "The policy’s “deductible” is £500, not more: see section 3. " * 3
FRENCH = "Le contrat est résilié à l'échéance. L'assuré reçoit une indemnité dès le troisième jour, où qu'il soit."
POLISH = "Umowa zostaje zawarta na rok. Składka płatna jest co miesiąc, a żądania należy zgłaszać w ciągu tygodnia."
CZECH = "Pojistná smlouva se uzavírá na dobu jednoho roku. Žádost musí být podána do třiceti dnů, jinak nárok zaniká."
HUNGARIAN = "A szerződés egy évre szól. Az igénybejelentést harminc napon belül kell benyújtani; később őrizzük."
RUSSIAN = "Договор страхования заключается на один год. Срок подачи заявления составляет тридцать дней."
TURKISH = "Sigorta sözleşmesi bir yıl süreyle geçerlidir. Talepler otuz gün içinde yapılmalıdır. Işıklar değişmez."
JAPANESE = "保険契約の期間は一年間です。請求は三十日以内に提出してください。窯の温度は千二百度を超えてはいけません。"
CHINESE = "保险合同的期限为一年。索赔必须在三十天内提交。流明台灯的保修期为五年。"
KOREAN = "보험 계약 기간은 1년입니다. 청구는 30일 이내에 제출해야 합니다. 램프의 보증 기간은 5년입니다."


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        *((GERMAN, "cp1252"), (ENGLISH, "cp1252"), (FRENCH, "cp1252"), (POLISH, "cp1250"), (CZECH, "cp1250")),
        *((HUNGARIAN, "cp1250"), (RUSSIAN, "cp1251"), (RUSSIAN, "koi8_r"), (TURKISH, "cp1254")),
        *((JAPANESE, "cp932"), (JAPANESE, "euc_jp"), (JAPANESE, "iso2022_jp"), (CHINESE, "gb18030")),
        *((CHINESE, "utf-8"), (KOREAN, "cp949"), (GERMAN, "utf-8-sig")),
        *(
            (f"{text}\n", wide)
            for text in (GERMAN, JAPANESE)
            for wide in ("utf-16", "utf-16-le", "utf-16-be", "utf-32")
        ),
    ],
)
def test_text_in_an_encoding_that_can_be_told_is_read_as_it_was_written(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding), None)[0] == text


# Names alone: in the code page of Central Europe they look Romanian.
PORTUGUESE = "São Paulo, Olhão, Leão, Mourão, Simão, Brandão, Galvão, Falcão, Aragão. " * 2


@pytest.mark.parametrize(
    "raw",
    [b"caf\xe9", b"\xe9\xe8\xe0 \xe9", b"\xc3\x28 a", bytes(range(128, 256)) * 3, PORTUGUESE.encode("cp1252")],
)
def test_an_encoding_that_cannot_be_told_is_asked_for(raw: bytes) -> None:
    with pytest.raises(DocumentUnreadable) as caught:
        decode(raw, None)
    assert caught.value.why is Unreadable.ENCODING_UNKNOWN


def test_the_uploader_says_what_cannot_be_told() -> None:
    assert decode(b"caf\xe9", "cp1252") == ("café", "cp1252")
    assert decode(b"caf\xe9", "cp1251") == ("cafй", "cp1251")
    with pytest.raises(DocumentUnreadable):
        decode(b"caf\xe9", "utf-8")


def told(raw: bytes) -> str | None:
    """The text of bytes of which nothing is said; None where the encoding is asked for."""
    try:
        return decode(raw, None)[0]
    except DocumentUnreadable as error:
        return None if error.why is Unreadable.ENCODING_UNKNOWN else error.why


PIECES = 4_000
ALL_PIECES = 400_000
SOON_TOLD = {"utf-8", "utf-8-sig", "utf-16", "iso2022_jp"}


@pytest.mark.parametrize(("language", "encoding"), CASES)
def test_a_page_of_every_language_is_told_in_every_encoding_that_people_keep_it_in(
    language: str, encoding: str
) -> None:
    page = "\n".join([TEXTS[language]] * 8)
    assert decode(page.encode(encoding), None)[0] == page


@pytest.mark.timeout(1800)
def test_pieces_of_texts_are_never_read_as_something_else(
    seeded: Callable[..., Random], record_property: Callable[[str, object], None], *, is_full: bool
) -> None:
    count = ALL_PIECES if is_full else PIECES
    draw = seeded(count, of=ALL_PIECES)
    ends: Counter[str] = Counter()
    for language, encoding, text in (cut(draw) for _ in range(count)):
        read = told(text.encode(encoding))
        assert read == text or (read is None and encoding not in SOON_TOLD), (language, encoding)
        ends[f"{encoding}:{'refused' if read is None else 'right'}"] += 1
    record_property("did", " ".join(f"{end}={number}" for end, number in sorted(ends.items())))
    assert sum(number for end, number in ends.items() if end.endswith(":right")) > count * 0.7


@pytest.mark.parametrize("text", ["яють увечері, а ключі має черговий. Їжа й ліжко входять у ціну", "яють у саду всі"])
def test_two_letters_that_look_like_a_mark_are_none_where_no_text_follows_it(text: str) -> None:
    assert told(text.encode("cp1251")) in {text, None}


def test_text_in_two_bytes_without_a_blank_is_told_by_its_stops_or_refused() -> None:
    assert (
        decode("請求は三十日以内に提出してください。".encode("utf-16-le"), None)[0]
        == "請求は三十日以内に提出してください。"
    )
    for order in ("utf-16-le", "utf-16-be"):
        with pytest.raises(DocumentUnreadable) as caught:
            decode("สัญญามีผลบังคับใช้หนึ่งปี".encode(order), None)
        assert caught.value.why is Unreadable.ENCODING_UNKNOWN


def test_a_table_of_semicolons_and_a_page_that_names_its_encoding_are_read_as_they_were_written() -> None:
    table = "Artikel;Menge;Preis\r\nTürschließer, groß;5;43,50 €\r\nÖse für Rüttler;12;0,80 €\r\nBügel;1;7,00 €\r\n"
    parts = reader_of(MediaType.CSV).read(table.encode("cp1252"), None)
    assert (parts.text, len(parts.tables[0].rows)) == (table, 3)
    page = "<html><head><meta charset=windows-1251><title>Лампы</title><body><p>Лампа погасла"
    parts = reader_of(MediaType.HTML).read(page.encode("cp1251"), None)
    assert (parts.title, parts.text) == ("Лампы", "Лампа погасла\n")


def test_a_nul_moves_nothing() -> None:
    assert decode(b"a\x00b", None) == ("a\ufffdb", "utf-8")
