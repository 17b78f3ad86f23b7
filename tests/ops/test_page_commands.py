"""What pages tell people to type can be typed: routes, fields, commands, targets, services and log lines exist."""

import ast
import re
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from litestar.routes import HTTPRoute

from app.api.asking import ResumeRequest
from app.api.call_headers import QUEUE_EVENTS
from app.api.contracts import CONTRACT_HEADERS
from app.api.document_fields import FORM_FIELDS, DocumentChange
from app.api.event_shapes import EventRequest
from app.api.feedback import FeedbackRequest
from app.api.messages import DocumentChatRequest, MessageRequest
from app.api.multi_agent import MultiAgentRequest
from app.api.ollama import bodies as ollama_bodies
from app.api.openai import bodies as openai_bodies
from app.api.routes import PlanRequest
from app.api.search import SearchRequest
from app.api.shapes import ChatRequest
from app.api.task_shapes import TaskRequest
from app.cli import build_parser
from ops.docs.api_page import described_app
from tests.architecture.sources import dotted, none, sources
from tests.ops.compose import load
from tests.ops.page_commands import PAGES, ROOT, Command, commands, lines, parts

COMMANDS = commands()
APPLICATION = described_app()
ROUTES = {
    (method, route.path_format)
    for route in APPLICATION.routes
    if isinstance(route, HTTPRoute)
    for method in route.methods
}
HEADERS = {
    "authorization",
    "x-api-key",
    "content-type",
    "idempotency-key",
    "last-event-id",
    QUEUE_EVENTS,
    *CONTRACT_HEADERS,
}
BODIES = {
    "/api/v1/documents/$ID": DocumentChange,
    "/api/v1/search": SearchRequest,
    "/api/v1/chat": ChatRequest,
    "/api/v2/query-multi-agent": MultiAgentRequest,
    "/api/v1/routes": PlanRequest,
    "/api/chat": MessageRequest,
    "/chat": DocumentChatRequest,
    "/events": EventRequest,
    "/api/v1/tasks": TaskRequest,
    "/api/v1/runs/$RUN_ID/feedback": FeedbackRequest,
    "/api/v1/runs/$RUN_ID/resume": ResumeRequest,
    "/v1/chat/completions": openai_bodies.ChatBody,
    "/ollama/api/chat": ollama_bodies.ChatBody,
}
"""What the paths take that pages send bodies to."""
OTHERS = ("http://GRAFANA", "http://qdrant-1:6333/", "http://127.0.0.1:PORT/double/")
"""Servers of other people and the doubles of the local stack, whose paths are their own."""
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
SERVICES = set(load().services)
# Words that stand for a service that the reader chooses, and endings for both profiles.
PLACEHOLDERS = {"SERVICE", "PART"}
TAKES_SERVICES = {"exec", "logs", "restart", "up", "run", "stop", "ps", "stats"}
WITH_A_VALUE = {"--since", "--tail", "--scale", "-n", "--format"}


def path_of(url: str) -> str:
    """Return the path of an address, whose host may be a variable."""
    return re.sub(r"^(\$\w+|https?://[^/]+)", "", url).partition("?")[0] or "/"


def is_served(method: str, path: str) -> bool:
    """Return whether a route takes the method; a variable stands for any id."""
    return any(
        known == method and re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", template), path) for known, template in ROUTES
    )


def services_of(words: tuple[str, ...]) -> list[str]:
    """Return the services that a `docker compose` command names."""
    if not words or words[0] not in TAKES_SERVICES:
        return []
    named: list[str] = []
    skip = False
    for word in words[1:]:
        if skip or word.startswith("-"):
            skip = not skip and word in WITH_A_VALUE
        else:
            named.append(word)
    return named[:1] if words[0] in {"exec", "run"} else named


def asked(command: Command) -> tuple[str, str, list[str], list[str]] | None:
    """Return method, URL, headers and bodies of a `curl`, or None for another command or server."""
    words = next((found for at in range(len(command.words)) if (found := command.words[at:])[0] == "curl"), None)
    if words is None:
        return None
    url = next((word for word in words if re.match(r"(\$\w+/|https?://)", word)), None)
    if url is None or url.startswith(OTHERS):
        return None
    given = list(pairwise(words))
    bodies = [value for name, value in given if name in {"-d", "--data"}]
    forms = [value for name, value in given if name == "-F"]
    method = next((value for name, value in given if name == "-X"), "POST" if bodies or forms else "GET")
    known = [form.startswith("file=@") or form.partition("=")[0] in FORM_FIELDS for form in forms]
    assert all(known), str(command)
    return method, url, [value for name, value in given if name == "-H"], bodies


def test_the_pages_have_commands_of_every_kind() -> None:
    firsts = {command.words[0] for command in COMMANDS}
    assert {"curl", "make", "docker", "switchyard"} <= firsts
    assert sum(asked(command) is not None for command in COMMANDS) >= 8


@pytest.mark.requirement("ORC-06.runs")
def test_every_address_that_is_asked_is_served_and_takes_what_is_sent() -> None:
    wrong: list[str] = []
    for command in COMMANDS:
        found = asked(command)
        if found is None:
            continue
        method, url, headers, bodies = found
        if not (path_of(url).startswith("/runbooks/") or is_served(method, path_of(url))):
            wrong.append(f"{command}: {method} {path_of(url)}")
        wrong += [f"{command}: {header}" for header in headers if header.partition(":")[0].lower() not in HEADERS]
        for body in bodies:
            msgspec.json.decode(body, type=BODIES[path_of(url)])
    none(wrong)


@pytest.mark.requirement("ORC-06.runs")
def test_every_command_of_switchyard_is_understood() -> None:
    found = [
        command.words[at + 1 :]
        for command in COMMANDS
        for at, word in enumerate(command.words)
        if word in {"switchyard", ".venv/bin/switchyard"} and command.words[at - 1 : at] != ("-d",)
    ]
    assert len(found) > 10
    for words in found:
        build_parser().parse_args(list(words))


def test_every_python_is_the_one_that_make_sets_up() -> None:
    none([str(command) for command in COMMANDS if command.words[0] in {"python", "python3"}])


def test_every_target_script_and_module_exists() -> None:
    wrong: list[str] = []
    for command in COMMANDS:
        words = command.words
        if words[0] == "make":
            wrong += [str(command) for word in words[1:] if "=" not in word and word not in TARGETS]
        wrong += [str(command) for word in words if re.fullmatch(r"ops/\S+\.sh", word) and not (ROOT / word).is_file()]
        if "-m" in words and words[0].endswith("python"):
            module = words[words.index("-m") + 1]
            wrong += [str(command)] if find_spec(module) is None else []
    none(wrong)


def test_every_service_that_compose_is_told_of_exists() -> None:
    wrong: list[str] = []
    for command in COMMANDS:
        words = command.after("docker", "compose")
        if words is not None:
            unknown = set(services_of(words)) - SERVICES - PLACEHOLDERS
            wrong += [f"{command}: {name}" for name in sorted(unknown)]
    none(wrong)


def test_every_line_that_is_looked_for_in_the_log_is_written_by_somebody() -> None:
    events = {
        node.args[0].value
        for source in sources("app")
        for node in source.nodes
        if isinstance(node, ast.Call)
        and dotted(node.func).rpartition(".")[2] in {"debug", "info", "warning", "error", "tell"}
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
    }
    looked_for = [
        pattern
        for command in COMMANDS
        if command.words[0] == "grep"
        for pattern in command.words
        # What names a field looks for its value, in lines that were found by their event.
        if '"' in pattern and '":' not in pattern
    ]
    assert looked_for
    none([pattern for pattern in looked_for if not any(re.search(pattern, f'"{event}"') for event in events)])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    none([link for link in links if "://" not in link and not (page.parent / link).exists()])


def test_a_command_over_two_lines_is_one_and_a_pipe_makes_two() -> None:
    page = '```\ncurl -s "$URL/x" \\\n  -d \'{"a":\n 1}\'   # why\nA=1 make up | tail\n```\n`docker compose ps` and `x`'
    assert [tuple(parts(line)) for line in lines(page)] == [
        (("curl", "-s", "$URL/x", "-d", '{"a":\n 1}'),),
        (("make", "up"), ("tail",)),
        (("docker", "compose", "ps"),),
    ]
