"""Nothing runs in the background but through app/loops.py, or as a task that its owner waits for."""

import ast
from collections.abc import Iterator

from tests.architecture.sources import Function, Source, dotted, none, sources

LOOPS = "app/loops.py"
# Tasks of one request, one run, one call or one look: their owner waits for them, cancels them, reads what they raised.
OWNED = {
    "app/agents/execution.py": "the work and the log of one run",
    "app/agents/runner.py": "one run",
    "app/agents/together.py": "the branches of one step",
    "app/api/direct/door.py": "the calls of one request",
    "app/api/direct/reply.py": "one stream",
    "app/api/gone.py": "one request",
    "app/api/server.py": "the drain, at the end of the process",
    "app/api/sse.py": "one stream",
    "app/blob_directory.py": "one look",
    "app/looks.py": "one look",
    "app/inference/slots/register.py": "one release, finished although its caller was cancelled",
    "app/jobs/stopping.py": "the parse of one job, ended with it",
    "app/jobs/following.py": "the looks at jobs, for as long as somebody follows one",
    "app/retrieval/documents.py": "what one removal left behind: finished although its request was answered",
    "app/retrieval/ingest.py": "the batches of one document that are embedded ahead",
    "app/worker.py": "the drain, at the end of the process",
}
STARTERS = {"create_task", "ensure_future", "run_coroutine_threadsafe"}


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    """Yield every call in `tree`."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def name_of(call: ast.Call) -> str:
    """Return the last word of what is called."""
    return dotted(call.func).rpartition(".")[2]


def endless(function: Function) -> Iterator[ast.While]:
    """Yield the `while True` of a function that nothing but a cancellation or an exception leaves."""
    for node in ast.walk(function):
        if not (isinstance(node, ast.While) and isinstance(node.test, ast.Constant) and node.test.value is True):
            continue
        if not any(isinstance(part, (ast.Return, ast.Break, ast.Raise, ast.Yield)) for part in ast.walk(node)):
            yield node


def sleeps(loop: ast.While) -> bool:
    """Whether a loop waits by itself: for a time, or for something to happen."""
    return any(name_of(call) in {"sleep", "wait", "get_message"} for call in calls(loop))


def found_in(source: Source) -> Iterator[str]:
    """Yield every endless waiting loop of a file."""
    for function in source.functions():
        for loop in endless(function):
            if sleeps(loop):
                yield f"{source.path} {function.name}"


def test_tasks_are_begun_by_the_loops_or_belong_to_an_owner() -> None:
    begun = {
        source.path: source.at(call)
        for source in sources("app")
        for call in calls(source.tree)
        if name_of(call) in STARTERS and source.path != LOOPS
    }
    none([place for path, place in begun.items() if path not in OWNED])
    assert OWNED.keys() == begun.keys(), "a file that begins no task any more"


def test_what_goes_on_for_ever_is_a_turn_of_a_loop() -> None:
    # A listener's own rounds, and what a run or a stream does until its owner stops it.
    allowed = {
        "app/agents/live.py write": "stopped by the run",
        "app/api/sse.py _keep_alive": "stopped by the stream",
        "app/inference/calls/usage_book.py keep_writing": "held by Loop.USAGE",
        "app/inference/slots/freed.py listen": "held by Loop.FREED_LISTENER",
        "app/loops.py repeat": "the loop itself",
        "app/loops.py hold": "the loop itself",
    }
    found = {place for source in sources("app") for place in found_in(source)}
    assert found - allowed.keys() == set()


def test_what_these_tests_look_for_they_find() -> None:
    tree = ast.parse("async def f():\n    while True:\n        await asyncio.sleep(1)\n        await look()\n")
    source = Source("app/x.py", [], tree)
    assert list(found_in(source)) == ["app/x.py f"]
    assert [name_of(call) for call in calls(ast.parse("group.create_task(f())"))] == ["create_task", "f"]
