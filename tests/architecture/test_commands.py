"""Every command that people type ends in one way: quietly where `head` has seen enough."""

import ast

from tests.architecture.sources import none, sources

OF_OTHER_PROGRAMS = {
    "app/main.py": "a replica: app.process ends it",
    "app/worker.py": "the worker: app.process ends it",
    "app/retrieval/parse_child.py": "a child whose end must open nothing",
    "ops/deploy/health.py": "a file of its own in the image, without this package; it writes nothing but errors",
    "ops/load/swarm.py": "a child of `ops.load`",
    "ops/bench/durable.py": "a child of `ops.bench`",
    "ops/bench/passthrough.py": "a child of `ops.bench`",
    "ops/local/demo_key.py": "a part of the local stack",
    "ops/local/fetch.py": "a part of the local stack",
    "ops/local/launch.py": "becomes a part of the local stack",
    "ops/local/models/minilm.py": "a child of the models' conversion",
    "ops/local/ollama/engine_process.py": "a child of a node of the local stack",
    "ops/local/ollama_node.py": "a part of the local stack",
    "ops/local/qdrant_node.py": "a part of the local stack",
    "ops/local/supervisor.py": "what keeps the local stack",
}
"""Programs that others start and read to the end, each with who."""


def guards() -> dict[str, list[ast.stmt]]:
    """Return what each module of a program does when it is run."""
    return {
        source.path: node.body
        for source in sources("app", "ops", "grafana")
        for node in source.tree.body
        if isinstance(node, ast.If) and "__name__" in ast.unparse(node.test)
    }


def test_a_command_ends_by_finish_alone() -> None:
    wrong: list[str] = []
    for path, body in guards().items():
        does = [ast.unparse(line).partition("(")[0] for line in body]
        if path not in OF_OTHER_PROGRAMS and does not in (["finish"], ["command"]):
            wrong.append(f"{path}: ends by {', '.join(does)}; commands end by app.finish.finish")
    none(wrong)


def test_the_listed_programs_are_there() -> None:
    assert guards().keys() >= OF_OTHER_PROGRAMS.keys()
    assert {"app/cli.py", "ops/breaks/__main__.py", "grafana/__main__.py"} <= guards().keys()
