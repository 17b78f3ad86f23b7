"""Whether a message asks anything: greetings and thanks need no document."""

import unicodedata
from re import compile as pattern

MOST_WORDS = 8

_KIND_WORDS = """
    hi hello hey howdy greetings morning afternoon evening night welcome bye goodbye cheers thanks thank thx ty ok okay
    yes yeah yep no nope sure great good fine nice cool perfect excellent awesome wonderful lovely super brilliant
    alright understood sorry please later hallo danke dankeschön bitte tschüss guten servus gut klar bonjour bonsoir
    salut merci revoir hola gracias adiós buenos buenas ciao grazie buongiorno arrivederci olá obrigado obrigada tchau
    bom boa dank dankjewel привет здравствуйте спасибо пока добрый доброе cześć dobry dziękuję merhaba teşekkürler
    مرحبا شكرا शुक्रिया नमस्ते धन्यवाद
"""
_WORDS_AROUND = """
    day right clear see got it all again very much so many lot lots a for the your help you to and that that's thats is
    was i i'm im am how are doing there everyone everybody team soon take care have well done one vielen schön sehr tag
    morgen abend alles beaucoup au días tardes noches muchas dia noite tarde большое день утро dzień
"""
KIND = frozenset(_KIND_WORDS.split())
"""What people say to begin, to end and to be kind."""
AROUND = frozenset(_WORDS_AROUND.split())
"""What goes with it."""
_PHRASES = pattern(
    "(?:你好|您好|谢谢|謝謝|多谢|再见|早上好|晚上好|好的|こんにちは|こんばんは"
    "|おはよう(?:ございます)?|ありがとう(?:ございます|ございました)?|どうも|さようなら|안녕(?:하세요|히가세요)?"
    "|감사합니다|고맙습니다|네|สวัสดี(?:ครับ|ค่ะ)?|ขอบคุณ(?:ครับ|ค่ะ|มาก)*|ลาก่อน)+"
)


_HOW_ARE_YOU = pattern(r"\bhow are you(?: doing)?(?: today)?\s*\??")


def is_small_talk(message: str) -> bool:
    """Say whether a message only greets, thanks, agrees or takes leave, in some common languages, or has no word.

    What asks is none, but for how one is: "how good is it?" is of kind words only, and about something.
    """
    folded = unicodedata.normalize("NFKC", message).casefold().replace("\u2019", "'")
    folded = _HOW_ARE_YOU.sub(" ", folded)
    kept = "".join(letter if _is_of_a_word(letter) else " " for letter in folded)
    words = kept.split()
    if not words or _PHRASES.fullmatch("".join(words)):
        return True
    return (
        "?" not in folded
        and len(words) <= MOST_WORDS
        and (KIND | AROUND).issuperset(words)
        and not KIND.isdisjoint(words)
    )


def _is_of_a_word(letter: str) -> bool:
    return letter == "'" or unicodedata.category(letter)[0] in "LMN"
