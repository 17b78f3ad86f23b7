"""The words that the cues are counted by, in six languages and their relatives.

Words are lower-case ASCII: marks of letters are dropped before the look-up ("é" is "e", "ß" nothing). A word that ends
in "-" stands for every word with these first six letters. Chinese and Japanese are written without spaces: theirs are
pairs of characters, found wherever they stand.
"""

from enum import IntEnum


class Cue(IntEnum):
    """A countable sign. Each can only raise the need; none is decisive alone."""

    ASKS = 0
    """Things asked beyond the first (0 to 3)."""
    EXPLAIN = 1
    """An explanation or a procedure is wanted (0 to 2)."""
    TROUBLE = 2
    """Something does not work as it should (0 or 1)."""
    COMPARE = 3
    """Alternatives are set beside each other (0 to 2)."""
    JUDGE = 4
    """A recommendation, an assessment or reasons are wanted (0 to 3)."""
    CONDITIONS = 5
    """Conditions, exceptions and causes that must hold together (0 to 4)."""
    ARITHMETIC = 6
    """Numbers, when an amount is asked for (0 to 4)."""
    WORK = 7
    """Something has to be planned, designed, proved or worked out (0 to 2)."""
    CLAUSES = 8
    """Natural logarithm of one plus the clauses beyond the first."""
    CODE = 9
    """The text holds program code or a formula (0 or 1)."""
    TERMS = 10
    """Words of a field of study: mathematics, law, physics, economics, philosophy (0 to 2)."""
    CLAIM = 11
    """It is asked whether something holds in general: of no person, or of all there is (0 to 2)."""
    MATERIAL = 12
    """Logarithm of one plus the hundreds of characters that are pasted beside the question."""
    STORY = 13
    """A word problem, about nobody who asks: its length, beside that of an ordinary one. No other cue counts then."""


WORDS: dict[int, str] = {
    Cue.EXPLAIN: "how why explain explains describe steps step guide happens difference summarise summarize summary "
    "understand instructions show teach draft write rewrite reply meaning affect solve translate "
    "wie warum wieso weshalb erklar- beschr- anleit- unterschied unterschiede zusammenfassung zusammenfassen fasse "
    "schritte bedeutet macht funktioniert schreibe schreib passiert lose losen ubersetze "
    "comment pourquoi expliq- decriv- etapes difference signifie resume resumez redige- fait fonctionne resous traduis "
    "comoq porqueq explic- descri- pasos diferencia significa resumir escribe redacta hace funciona sucede resuelve "
    "perche spiega- passi differenza riassu- diferenca resumo",
    Cue.TROUBLE: "problem trouble wrong fails failed failing slow stuck broken crash crashes crashed cannot "
    "cant wont doesnt didnt isnt forgot lost missing incorrect corrected although twice again fix offline "
    "proble- fehler kaputt verges- langsam verloren doppelt falsch hoher erreur bloque bloquee panne perdu lent deux "
    "error recupe- perdido roto lento veces cobraron errore bloccato",
    Cue.COMPARE: "compare compared comparing comparison versus vs differ differs differences cheaper cheapest better "
    "faster rather instead alternatives alternative than tradeoff pros cons either beside against compar- vergle- "
    "statt anstatt besser gunstiger lieber lohnt laquelle lequel plutot mieux meille- mejor peor frente barato "
    "confro- meglio melhor",
    Cue.JUDGE: "should recommend recommended whether best justify argue assess evaluate decide considering weigh worth "
    "implications consequences reasons reason risk risks likely causes dispute appeal advise suitable fit fits valid "
    "recomm- recomi- justif- empfeh- begrun- bewert- beurte- entsch- sollte sollten risiken risiko vorteile nachteile "
    "risques avantages evalue- dois devrais riesgos ventajas debo deberia evalua- consig- rischi riscos",
    Cue.CONDITIONS: "if unless given assuming suppose provided while whereas but although without only both each "
    "because after before since so until taking except least avoid keep half neither nor "
    "wenn falls sofern ohne ausser obwohl wahrend bevor nachdem weil damit nur hochstens mindestens halfte "
    "si sans sauf sinon lorsque tandis parce afin tenant uniquement condition "
    "sin salvo excepto aunque mientras despues cuando solo cada porque senza tranne mentre sem",
    Cue.WORK: "design propose analyse analyze analysis prove proof derive reconcile optimise optimize strategy migrate "
    "migration rollout refactor implement algorithm debug diagnose calculate calculation counterexample break create "
    "combination schedule investigate rewrite planif- strate- analys- analiz- optimi- migrat- migrac- algori- "
    "entwir- entwer- entwic- beweis- konzep- berech- verall- herleiten umziehen demont- prouve- concev- calcul- "
    "elabor- disena- diseno demues- demost- demons- deduce- dimost- proget- propos- umsetz-",
    Cue.TERMS: "theore- axiom axioms axioma lemma conjec- continuous stetig- bijection bijekt- biject- isomor- homeom- "
    "homoom- homomo- holomo- polyno- polino- eigenv- eigenw- matrix matriz tensor manifold topolo- compact "
    "kompak- cauchy hilbert abelian cyclic cyclique zyklis- ciclic- prime primes primza- irrati- integral "
    "integrale derivative differential stocha- bayesi- asympt- asinto- converge converges convergence konver- "
    "decidable decida- decidible computable turing recursive np quine halting modulo congruent infinity "
    "infinite unendl- concurrency deadlock consensus raft paxos idempo- crypto- krypto- cripto- compiler "
    "mutex byzant- invari- monad quantu- quante- quanti- cuanti- entrop- relativity thermo- termod- gravit- "
    "cosmol- kosmol- lagran- hamilt- epigen- pathog- immuno- apopto- liable liabil- haftet haften haftung "
    "jurisd- jurisp- estopp- tort negligence consti- verfas- insolv- fiduci- treuha- indemn- arbitr- extrad- "
    "gmbh geschaftsfuhrer governs law laws droit derecho statute clause sovere- sobera- souver- concurrence "
    "patent copyri- testam- treaty moneta- fiscal fiskal- inflat- inflac- deflat- macroe- keynes- equili- "
    "oligop- monopo- elasti- solven- arbitrage determinism deterministic deterministischen deterministische "
    "determinismo determinisme episte- ontolo- metaph- metafi- consci- bewuss- morali- ethics ethisch "
    "utilitarian kantian paradox paradoxon paradoxe paradoja qualia causal- kausal- phenom- phanom- fenome- "
    "willen albedrio",
    Cue.CLAIM: "every any always never ever necessarily imply implies entail entails jede jeder jedes immer stets "
    "notwendig tout toute toujours toda siempre ogni sempre",
}

ASK, AMOUNT, NUMBER, JOIN, PERSON, OPENS = range(len(Cue), len(Cue) + 6)
"""What is counted besides: questions, amounts, numbers, joints, persons, and verbs that open a question to be answered
by yes or no."""

OTHER_WORDS: dict[int, str] = {
    ASK: "what why how explain compare describe calculate list recommend draft write propose assess evaluate justify "
    "argue analyse analyze summarise summarize decide show prove rewrite which who where when "
    "was wer wann wo welche welcher welches warum quel quelle quels quelles combien pourquoi comment cual cuando "
    "donde quien cuanto",
    AMOUNT: "cost costs total pay pays much cheaper price budget per percent sum calculate calculation bill billed "
    "owe owed saves save worth even remains amount average rate fee discount profit interest altogether left many "
    "kosten kostet preis summe rabatt viel viele prix cout payer remise combien precio cuesta coste descuento cuanto "
    "cuantos cuantas quanto",
    NUMBER: "two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty hundred thousand "
    "half twice third quarter dozen",
    JOIN: "and but which that because while so then or und aber dass sowie oder et mais puis ou y pero e",
    PERSON: "i you me my your we our us mine yours ich mein meine meinen wir unser unsere sie ihr ihre ihnen du "
    "dein je mon ma mes vous votre vos nous notre nos tu yo mi mis usted ustedes tienen nuestro nuestra",
    OPENS: "is are does do did can could would will has have must should may might ist sind hat haben kann "
    "konnen gibt muss mussen darf haftet gilt gelten es est-il peut puede pueden tiene tienen existe existen son ha",
}

KNOWN = (
    "the a an is are was do does did of to in on for with what how why who where when which can could i you my "
    "your we our it this that and or if me not from by at be have has please should would will there thanks hello "
    "der die das ein eine einen ist sind wie wann ich und zu auf fur mit nicht wir sie es im von bei gibt hat "
    "welche le la les un une est de du des et que je vous nous pour au ou qui quel quelle dans sur il el los las "
    "una del y yo para con por se su en cual hay lo gli di che per non sono o os um uma da"
)
"""Words by which a language that the cues know is told."""

PAIRS: dict[int, str] = {
    Cue.EXPLAIN: "为什 怎么 怎样 如何 解释 说明 步骤 区别 意思 总结 介绍 原理 翻译 なぜ どう 説明 方法 手順 違い 意味 "
    "何を 要約",
    Cue.TROUBLE: "问题 错误 无法 故障 失败 没有 忘记 丢失 忘れ エラ 問題 失敗",
    Cue.COMPARE: "比较 对比 更好 哪个 比較 どち どれ",
    Cue.JUDGE: "推荐 建议 评估 理由 风险 应该 分析 利弊 判断 有效 提案 推薦 評価 べき リス 検討 考慮 妥当",
    Cue.CONDITIONS: "如果 除非 只有 不超 至少 并且 考虑 情况 假设 中途 もし 場合 限り 途中 ずに 可能 回滚",
    Cue.WORK: "设计 证明 方案 计划 推导 优化 迁移 计算 制定 规划 策略 設計 証明 計画 最適 算出 計算 移行 構築 戦略 "
    "改善 述べ",
    Cue.TERMS: "定理 公理 极限 紧致 连续 函数 矩阵 量子 概率 收敛 债券 清偿 破产 主权 通胀 货币 宪法 意志 意识 侵权 "
    "管辖 诉讼 微分 积分 拓扑 同构 素数 质数 算法 悖论 因果 伦理 法院 继承 極限 連続 関数 行列 確率 収束 "
    "有限 乗法 観測 力学 善管 義務 取締 憲法 主権 通貨 意識 逆説 倫理 破産 債務 管轄 訴訟 位相 同型 可換 "
    "相対 熱力 細胞 遺伝",
    Cue.CLAIM: "任意 一定 必有 必然 总是 所有 必ず すべ 全て 常に",
    AMOUNT: "多少 费用 价格 一共 总共 いく 総額 料金 金額 合計",
    ASK: "什么 哪里 哪个 谁是 几点 多少 等于 何時 何曜 何メ 何日 何円 いく どこ いつ だれ 誰が 誰で",
    PERSON: "你们 我们 你好 您好 我的 请问 有没 私た あり ござ くだ いた お願 います",
    JOIN: "以及 但是 而且 并且 また およ",
}
