"""Texts of our own in the languages that code pages are for, and the code pages that people keep each in."""

# ruff: noqa: RUF001 - the letters of languages

from random import Random

WEST = ("cp1252",)
MIDDLE = ("cp1250",)

TEXTS = {
    "English": (
        "The policy’s “deductible” is £500, not more: see section 3. The café at the pier opens at 7 – or so "
        "they say. Whoever calls after 6 o’clock reaches nobody; leave a message, and we’ll ring back the "
        "next day."
    ),
    "German": (
        "Die Kündigungsfrist beträgt für alle Geräte sechs Wochen. Größere Öfen müssen jährlich überprüft "
        "werden. Wer die Tür länger als fünf Minuten offen lässt, hört einen Ton; danach schließt sie von "
        "selbst."
    ),
    "French": (
        "Le contrat est résilié à l’échéance. L’assuré reçoit une indemnité dès le troisième jour, où qu’il "
        "soit. Ça dépend de la façon dont l’été s’achève : le dépôt ferme à Noël et rouvre après les fêtes."
    ),
    "Spanish": (
        "El contrato termina a los tres años. ¿Quién paga el envío? La compañía responde según la cláusula "
        "número ocho; el niño y la señora están también asegurados mañana, aunque el dueño no lo esté "
        "todavía."
    ),
    "Portuguese": (
        "A apólice não cobre danos à fundação. Após a inspeção, o relatório é enviado em três dias úteis. As "
        "obrigações começam amanhã; há exceções para órgãos públicos e instituições de educação."
    ),
    "Italian": (
        "La polizza scade dopo un anno, perché così è scritto. Più tardi la città pagherà le spese già "
        "sostenute; il caffè è aperto lunedì e martedì, e chi è là può già ritirare le chiavi."
    ),
    "Swedish": (
        "Försäkringen gäller från och med första maj. Båten måste läggas på land före vintern, annars "
        "förfaller rätten till ersättning. Frågor ställs på ett möte i början av året där också älgarna "
        "räknas."
    ),
    "Danish": (
        "Forsikringen gælder også på øer og færger. Børn under ni år rejser gratis, når en voksen er med; "
        "køber man billetten på dagen, må man stå i kø og få en blå seddel."
    ),
    "Polish": (
        "Umowa zostaje zawarta na rok. Składka płatna jest co miesiąc, a żądania należy zgłaszać w ciągu "
        "tygodnia. Później można jeszcze złożyć zażalenie, jeśli źródło szkody nie było znane właścicielowi "
        "łodzi."
    ),
    "Czech": (
        "Pojistná smlouva se uzavírá na dobu jednoho roku. Žádost musí být podána do třiceti dnů, jinak "
        "nárok zaniká. Příště se účastníci sejdou v létě; každý dostane klíč a přečte si řád budovy."
    ),
    "Hungarian": (
        "A szerződés egy évre szól. Az igénybejelentést harminc napon belül kell benyújtani; később őrizzük. "
        "A fűtést ősszel üzembe helyezzük, és a hűtő ajtaját sűrűn ellenőrizzük, hogy jól zár-e."
    ),
    "Romanian": (
        "Contractul se încheie pe un an. Reclamaţiile se depun în scris; după aceea, părţile îşi împart "
        "costurile. În schimb, staţia rămâne deschisă şi sâmbătă, iar preţul îl află oricine întreabă."
    ),
    "Turkish": (
        "Sigorta sözleşmesi bir yıl süreyle geçerlidir. Talepler otuz gün içinde yapılmalıdır. Işıklar "
        "değişmez. Öğrenciler için ücret düşüktür; kapı akşam kapanır ve sabah güneş doğunca açılır."
    ),
    "Russian": (
        "Договор страхования заключается на один год. Срок подачи заявления составляет тридцать дней. Если "
        "лампа погаснет, её заменят бесплатно; объезд закрыт, и ключи лежат у сторожа."
    ),
    "Ukrainian": (
        "Договір укладається на один рік. Заяву слід подати протягом тридцяти днів, інакше її не розглянуть. "
        "Їжа й ліжко входять у ціну; ґанок зачиняють увечері, а ключі має черговий."
    ),
    "Bulgarian": (
        "Договорът се сключва за една година. Искът се подава в срок от тридесет дни, иначе правото отпада. "
        "Ключовете са при пазача; лампата се сменя безплатно, ако изгасне през първите три години."
    ),
    "Greek": (
        "Το συμβόλαιο ισχύει για ένα έτος. Η αίτηση υποβάλλεται εντός τριάντα ημερών, αλλιώς το δικαίωμα "
        "χάνεται. Τα κλειδιά είναι στον φύλακα· η λάμπα αλλάζει δωρεάν τα πρώτα τρία χρόνια."
    ),
    "Hebrew": (
        "החוזה תקף לשנה אחת. את הבקשה יש להגיש בתוך שלושים יום, אחרת הזכות פוקעת. המפתחות נמצאים אצל השומר, "
        "והמנורה מוחלפת ללא תשלום בשלוש השנים הראשונות."
    ),
    "Arabic": (
        "العقد ساري المفعول لمدة سنة واحدة. يجب تقديم الطلب خلال ثلاثين يوما وإلا سقط الحق. المفاتيح عند "
        "الحارس، ويتم استبدال المصباح مجانا في السنوات الثلاث الأولى."
    ),
    "Thai": (
        "สัญญามีผลบังคับใช้หนึ่งปี ต้องยื่นคำขอภายในสามสิบวัน มิฉะนั้นสิทธิจะสิ้นสุดลง กุญแจอยู่ที่ยาม หลอดไฟเปลี่ยนให้ฟรีในสามปีแรก และประตูปิดตอนเย็น"
    ),
    "Latvian": (
        "Līgums ir spēkā vienu gadu. Iesniegums jāiesniedz trīsdesmit dienu laikā, citādi tiesības zūd. "
        "Atslēgas ir pie sarga; ķieģeļu krāsni pārbauda katru gadu, un šķūni slēdz vakarā."
    ),
    "Japanese": (
        "保険契約の期間は一年間です。請求は三十日以内に提出してください。窯の温度は千二百度を超えてはいけませ"
        "ん。ランプの保証は五年で、鍵は守衛が持っています。夕方には門を閉めますので、ご注意ください。"
    ),
    "Chinese": (
        "保险合同的期限为一年。索赔必须在三十天内提交。流明台灯的保修期为五年。钥匙由门卫保管，傍晚关门；如果"
        "灯不亮，前三年内免费更换。窑的温度不得超过一千二百度。"
    ),
    "Taiwanese": (
        "保險契約的期限為一年。理賠申請必須在三十天內提出，否則權利消滅。檯燈的保固期為五年。鑰匙由警衛保管，"
        "傍晚關門；如果燈不亮，前三年內免費更換。窯的溫度不得超過一千二百度。"
    ),
    "Korean": (
        "보험 계약 기간은 1년입니다. 청구는 30일 이내에 제출해야 합니다. 램프의 보증 기간은 5년입니다. "
        "열쇠는 경비원이 가지고 있으며 저녁에는 문을 닫습니다. 가마의 온도는 천이백 도를 넘으면 안 됩니다."
    ),
}
CODE_PAGES = {
    **dict.fromkeys(("English", "German", "French", "Spanish", "Portuguese", "Italian", "Swedish", "Danish"), WEST),
    **dict.fromkeys(("Polish", "Czech", "Hungarian", "Romanian"), MIDDLE),
    "Turkish": ("cp1254",),
    "Russian": ("cp1251", "koi8_r", "cp866"),
    "Ukrainian": ("cp1251",),
    "Bulgarian": ("cp1251",),
    "Greek": ("cp1253",),
    "Hebrew": ("cp1255",),
    "Arabic": ("cp1256",),
    "Thai": ("cp874",),
    "Latvian": ("cp1257",),
    "Japanese": ("cp932", "euc_jp", "iso2022_jp"),
    "Chinese": ("gb18030",),
    "Taiwanese": ("big5",),
    "Korean": ("cp949",),
}
WIDE = ("utf-8", "utf-16-le", "utf-16-be", "utf-16", "utf-8-sig")
CASES = [(language, encoding) for language in TEXTS for encoding in (*CODE_PAGES[language], *WIDE)]
LENGTHS = (10, 20, 30, 40, 50, 60, 75, 90, 120, 160, 400)
"""Characters of a text that are cut out of it. A line that all code pages write alike stands above some."""


def cut(draw: Random) -> tuple[str, str, str]:
    """A language, an encoding that it is kept in, and a piece of a text in it, drawn."""
    language, encoding = draw.choice(CASES)
    text, length = TEXTS[language], draw.choice(LENGTHS)
    at = draw.randrange(max(1, len(text) - length // 2))
    above = draw.choice(("", "", "Price list 2026, part A-12\n"))
    return language, encoding, f"{above}{text[at : at + length]}{draw.choice(('', chr(10)))}"
