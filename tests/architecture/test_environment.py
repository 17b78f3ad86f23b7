"""Who may look at the environment."""

import ast

from tests.architecture.sources import none, sources

# Roots: each hands the environment on, to read_settings or to the console.
ROOTS = {"app/main.py", "app/worker.py", "app/cli.py", "app/wiring.py"}
# Names two variables of the command line, and reads what a root hands it.
NAMES = "app/stack_arguments.py"
# Hides names from a library for a while, and uses no value of them.
HIDES = "app/inference/wire/environment.py"
SETTINGS = "app/settings.py"


def test_only_the_roots_read_the_environment() -> None:
    found = [
        source.at(node)
        for source in sources("app")
        if source.path not in ROOTS | {HIDES}
        for node in source.nodes
        if isinstance(node, ast.Attribute) and ast.unparse(node) in {"os.environ", "os.getenv", "os.environb"}
    ]
    none(found)


def test_variables_of_ours_are_known_to_settings_alone() -> None:
    found = [
        source.at(node)
        for source in sources("app")
        if source.path not in ROOTS | {SETTINGS, NAMES}
        for node in source.nodes
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("SWITCHYARD_")
    ]
    none(found)
