"""Which models go on from a final assistant message: by template, and by the two halves of an answer."""

from collections.abc import Callable

import pytest

from app.inference.calls.continuation import QUESTIONS, Continuation, Continuations, find_out, halves, may_go_on
from ops.local.models.store import TEMPLATES

OPEN = (TEMPLATES / "qwen2.5-coder").read_text()
WHOLE = "One, two, three, four, five, six, seven, eight, nine, ten, eleven, twelve."


@pytest.mark.parametrize(
    ("template", "may"),
    [
        (OPEN, True),
        ((TEMPLATES / "smollm2").read_text(), False),
        # ollama: template/chatml.gotmpl.
        ("{{- range .Messages }}{{ .Role }}\n{{ .Content }}<|im_end|>\n{{ end }}<|im_start|>assistant\n", False),
        # ollama: template/llama3-instruct.gotmpl: a condition on a message being the last, but none for its end.
        ("{{ range $i, $_ := .Messages }}{{ .Content }}<|eot_id|>{{ end }}<|start_header_id|>assistant", False),
        # As the library's llama3.1, mistral and gemma3 have it.
        ("{{ range $i, $_ := .Messages }}{{ .Content }}{{ if not $last }}<|eot_id|>{{ end }}{{ end }}", True),
        ("{{ range .Messages }}{{ .Content }}{{ if not (eq (len (slice $.Messages $i)) 1) }}</s>{{ end }}", True),
        # ollama: template/template.go, Execute: without messages it is cut at .Response.
        ("<|user|>{{ .Prompt }}<|end|><|assistant|>{{ .Response }}<|end|>", True),
        ("{{ .Prompt }}", True),
        # llama.cpp leaves the last message open whatever a Jinja template says.
        ("{% for message in messages %}{{ message.content }}<|im_end|>{% endfor %}", True),
    ],
)  # fmt: skip
def test_a_template_that_closes_every_message_rules_it_out(template: str, may: bool) -> None:  # noqa: FBT001
    assert may_go_on(template) is may


def test_an_answer_is_cut_after_the_word_nearest_its_middle_so_that_the_rest_begins_with_a_blank() -> None:
    assert halves("alpha beta gamma delta epsilon zeta") == ("alpha beta gamma", " delta epsilon zeta")
    assert halves("") is None
    assert halves("alpha beta gamma") is None
    assert halves("unbroken" * 9) is None


class Model:
    """A model that says the whole answer, and after a prefix what `after` makes of the rest; each call is kept."""

    def __init__(self, after: Callable[[str], str], whole: str = WHOLE) -> None:
        self.after = after
        self.whole = whole
        self.calls: list[tuple[str, str]] = []

    async def say(self, question: str, prefix: str, _max_tokens: int) -> str:
        """Answer."""
        self.calls.append((question, prefix))
        return self.after(self.whole.removeprefix(prefix)) if prefix else self.whole


async def test_a_model_that_gives_the_rest_of_its_own_answer_goes_on() -> None:
    model = Model(lambda rest: rest)
    assert await find_out(OPEN, model.say) is Continuation.GOES_ON
    assert model.calls == [(QUESTIONS[0], ""), (QUESTIONS[0], "One, two, three, four, five, six, seven,")]


@pytest.mark.parametrize(
    "said",
    [
        "The answer is:",
        "\nThe answer is:",
        WHOLE,
        # A model that begins anew may well go on in what it says, but not in the middle of a line.
        "eight, nine, ten, eleven, twelve.",
        " eight, nine",
        "",
    ],
)
async def test_a_model_that_says_anything_else_begins_anew(said: str) -> None:
    model = Model(lambda _rest: said)
    assert await find_out(OPEN, model.say) is Continuation.ANEW
    assert {question for question, _ in model.calls} == set(QUESTIONS)


async def test_answers_too_short_to_tell_prove_nothing() -> None:
    model = Model(lambda rest: rest, whole="No.")
    assert await find_out(OPEN, model.say) is Continuation.ANEW


async def test_a_template_that_closes_is_not_tried() -> None:
    model = Model(lambda rest: rest)
    assert await find_out((TEMPLATES / "smollm2").read_text(), model.say) is Continuation.CLOSED
    assert model.calls == []


def test_only_what_was_seen_counts_and_only_for_its_digest() -> None:
    known = Continuations()
    assert not known.goes_on("m", "a")
    known.learn("m", "a", Continuation.GOES_ON)
    known.learn("m", "b", Continuation.ANEW)
    assert [known.goes_on("m:latest", digest) for digest in "abc"] == [True, False, False]
