"""A code that can be met is described, and one that is described can be met; both pages say the same."""

import ast
import json
import re
from collections.abc import Iterator

from app.agents.run_failure import RunFailure
from app.api import codes
from app.api.docs import write_errors_page
from app.api.problems import ROUTER_CODES, title_of
from app.errors import BodyTooLarge, MediaTypeUnknown, RunFailed, SwitchyardError
from app.retrieval.states import GONE, code_of
from app.retrieval.unreadable import Unreadable
from ops.docs.errors_page import write_errors
from ops.docs.words_page import write_words
from tests.architecture.sources import ROOT, Source, sources

ASKING = {"isinstance", "issubclass", "suppress"}
TABLES = {"app/api/codes.py", "app/errors.py", "app/stored_ends.py"}
NGINX = (ROOT / "nginx" / "switchyard.conf.template").read_text(encoding="utf-8")


def classes() -> dict[str, type[SwitchyardError]]:
    """Return every class of the tree by its name."""
    found, left = dict[str, type[SwitchyardError]](), [SwitchyardError]
    while left:
        kind = left.pop()
        found[kind.__name__] = kind
        left.extend(kind.__subclasses__())
    return found


def made(tree: ast.AST) -> Iterator[str]:
    """Yield what is called, handed on to be called, or chosen: `X(…)`, `f(X)`, `X if … else Y`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and name_of(node.func) not in ASKING:
            yield from map(name_of, (node.func, *node.args))
        elif isinstance(node, ast.IfExp):
            yield from map(name_of, (node.body, node.orelse))


def name_of(node: ast.expr) -> str:
    """Return `X` of `X` and of `module.X`."""
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""


def raised(found: tuple[Source, ...]) -> set[str]:
    """Return the codes of all facts that these sources can raise."""
    kinds = classes()
    names = {name for source in found if source.path not in TABLES for name in made(source.tree)}
    return {kinds[name].code for name in names & kinds.keys()}


def said_by_nginx() -> dict[str, str]:
    """Return the title of each code that nginx says."""
    problems = [json.loads(text) for text in re.findall(r"return \d+ '(\{.*\})';", NGINX)]
    return {problem["code"]: problem["title"] for problem in problems}


def cells(page: str) -> list[list[str]]:
    """Return the cells of the page's table as plain text."""
    if page.startswith("<"):
        found = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", line) for line in re.findall(r"<tr.*?</tr>", page)]
        return [[re.sub(r"<[^>]+>", "", cell).replace("&#x27;", "'") for cell in line] for line in found]
    lines = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| ")]
    return [[cell.replace("`", "").strip() for cell in line] for line in lines if line[0] != "---"]


def test_what_can_be_met_is_described_and_nothing_else() -> None:
    met = raised(sources("app")) | set(said_by_nginx()) | {code for code, _, _ in ROUTER_CODES}
    met |= set(Unreadable) | {code_of(state) for state in GONE}
    assert {code.name for code in codes.codes()} == met
    assert len(codes.codes()) == len(met)


def test_a_class_that_nobody_makes_is_noticed() -> None:
    tree = ast.parse(
        "try:\n    f()\nexcept KeyUnknown as error:\n    raise Draining from error\nisinstance(e, BadInput)"
    )
    assert raised((Source("app/x.py", [], tree),)) == set()
    tree = ast.parse("raise errors.Draining('x')\nuuid_or(text, KeyUnknown)\nkind = RowExists if x else StatementWrong")
    expected = {"draining", "key_unknown", "row_exists", "statement_wrong"}
    assert raised((Source("app/x.py", [], tree),)) == expected


def reasons(found: tuple[Source, ...]) -> list[str]:
    """Return what each `RunFailed(…)` of these sources gives as its reason, as it is written."""
    calls = [node for source in found for node in source.nodes if isinstance(node, ast.Call)]
    given = [{one.arg: ast.unparse(one.value) for one in call.keywords} for call in calls if is_run_failed(call)]
    return [keywords.get("reason", "none") for keywords in given]


def is_run_failed(call: ast.Call) -> bool:
    return name_of(call.func) == RunFailed.__name__


def test_a_run_fails_for_one_of_the_listed_reasons_and_each_is_given_somewhere() -> None:
    found = tuple(source for source in sources("app") if source.path not in TABLES)
    assert set(reasons(found)) == {f"RunFailure.{why.name}" for why in RunFailure}
    wrong = ast.parse("RunFailed('x')\nerrors.RunFailed('x', reason='odd')")
    assert reasons((Source("app/x.py", [], wrong),)) == ["none", "'odd'"]


def test_every_reason_of_a_failed_run_is_on_the_page_of_words() -> None:
    below = write_words().partition("## RunFailure")[2].partition("\n## ")[0]
    listed = re.findall(r"^\| `(\w+)` \|", below, re.MULTILINE)
    assert listed == [
        "attempts",
        "run_diverged",
        "no_reply",
        "prompts_gone",
        "team_unknown",
        "unstorable",
        "wrong_thread",
        "internal",
    ]


def test_both_pages_say_the_same() -> None:
    page = cells(write_errors())
    assert len(page) == len(codes.codes()) + 1
    assert page[0] == ["code", "status", "met in", "what happened", "the same request may work later"]
    assert ["session_busy", "409", "answer", "Another run of the session has not ended.", "yes"] in page
    assert cells(write_errors_page()) == page


def test_a_code_has_one_text_whoever_says_it() -> None:
    texts = {code.name: code.text for code in codes.codes()}
    said = {code: title for code, _, title in ROUTER_CODES} | said_by_nginx()
    said |= {kind.code: title_of(kind) for kind in (BodyTooLarge, MediaTypeUnknown)}
    assert {code: texts[code] for code in said} == {code: f"{title}." for code, title in said.items()}
