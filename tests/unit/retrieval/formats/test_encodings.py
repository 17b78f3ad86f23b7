"""How bytes are decoded, and when they are not."""

# ruff: noqa: RUF001 - the letters of languages

import pytest

from app.retrieval.formats.encodings import decode
from app.retrieval.unreadable import DocumentUnreadable, Unreadable

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


@pytest.mark.parametrize("raw", [b"caf\xe9", b"\xe9\xe8\xe0 \xe9", b"\xc3\x28 a", bytes(range(128, 256)) * 3])
def test_an_encoding_that_cannot_be_told_is_asked_for(raw: bytes) -> None:
    with pytest.raises(DocumentUnreadable) as caught:
        decode(raw, None)
    assert caught.value.why is Unreadable.ENCODING_UNKNOWN


def test_the_uploader_says_what_cannot_be_told() -> None:
    assert decode(b"caf\xe9", "cp1252") == ("café", "cp1252")
    assert decode(b"caf\xe9", "cp1251") == ("cafй", "cp1251")
    with pytest.raises(DocumentUnreadable):
        decode(b"caf\xe9", "utf-8")


def test_a_nul_moves_nothing() -> None:
    assert decode(b"a\x00b", None) == ("a\ufffdb", "utf-8")
