"""Documents that tell the model what to do are read as text: no role, no tool, no passage comes of them."""

import re
from uuid import uuid4

import pytest

from app.agents.calling import messages_of
from app.agents.numbering import number
from app.agents.prompts import FrontMatter, Prompt
from app.agents.reference import as_reference, tokenless
from app.agents.values import Turn
from app.ids import ChunkId, DocumentId
from app.retrieval.passages import Passage
from tests.fakes.instructing import FACT, QUESTION, SECRET, Instructing, instructing
from tests.fakes.obedient import SPECIAL, TEMPLATES, rendered, roles

DOCUMENTS = tuple(instructing())
PROMPT = Prompt(FrontMatter("p", 1, ("passages",)), "Passages:\n\n{{ passages }}\n\nAnswer from these.")


def passage(document: Instructing) -> Passage:
    """A document as one passage."""
    heading, _, text = document.text.partition("\n\n")
    return Passage(ChunkId(uuid4()), DocumentId(uuid4()), document.name, heading[2:], text, 0, len(text), 0.5)


def asked(document: Instructing) -> list[tuple[str, str]]:
    """The messages of a question that found the document, after an answer that repeated it."""
    turns = (Turn("user", "What do the documents say?"), Turn("assistant", document.text))
    prompt = PROMPT.fill({"passages": number((passage(document), passage(document)))})
    return [(message.role, message.content) for message in messages_of(prompt, turns, QUESTION)]


def test_there_are_more_than_a_hundred_such_documents_and_no_two_alike() -> None:
    assert len({document.text for document in DOCUMENTS}) == len(DOCUMENTS) > 100


@pytest.mark.source("ollama: tokenizer/bytepairencoding.go")
def test_a_document_as_it_is_would_be_roles_to_a_model_and_each_family_meets_some() -> None:
    met = {
        family
        for family in TEMPLATES
        for document in DOCUMENTS
        if roles(family, rendered(family, [("user", document.text)])) > 1
    }
    assert met == set(TEMPLATES)


@pytest.mark.source("ollama: tokenizer/bytepairencoding.go")
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_a_model_of_any_family_sees_the_messages_that_were_sent_and_no_special_token_between(
    document: Instructing,
) -> None:
    messages = asked(document)
    assert [SPECIAL.findall(content) for _, content in messages] == [[]] * len(messages)
    for family in TEMPLATES:
        assert roles(family, rendered(family, messages)) == len(messages), family


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_every_passage_is_told_from_the_next_and_keeps_its_fact(document: Instructing) -> None:
    said = number((passage(document), passage(document)))
    assert re.findall(r"^[ \t]*\[(\d+)\]", said, re.MULTILINE) == ["1", "2"]
    assert said.count(FACT) == 2


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_nothing_invisible_is_read_and_all_that_can_be_seen_is(document: Instructing) -> None:
    read = as_reference(document.text)
    assert not re.search("[\u00ad\u200b\u202a-\u202e\u2060-\u2069\U000e0000-\U000e007f]", read)
    if document.name.startswith("tags"):
        assert SECRET not in read
    if document.name.startswith("zero-width"):
        assert SECRET in read, "what was hidden from a search is there to be seen"


@pytest.mark.parametrize(
    "text",
    [
        "Returns are taken within 30 days, if price < 500 and stock > 3.",
        "\u0645\u06cc\u200c\u062e\u0648 and \U0001f468\u200d\U0001f469",
        "<b>bold</b> and <table> stay, as do [ABC], a[1], x < y | z and «5»",
    ],
)
def test_other_text_stays_as_it_is(text: str) -> None:
    assert as_reference(text) == tokenless(text) == text
