"""Files and functions stay small."""

from tests.architecture.sources import none, sources

FILE_LINES = 300
FUNCTION_LINES = 40


def test_no_file_is_longer_than_a_reader_can_hold() -> None:
    none([f"{source.path}: {len(source.lines)}" for source in sources() if len(source.lines) > FILE_LINES])


def test_no_function_is_longer_than_a_screen() -> None:
    long = [
        f"{source.at(function)} {function.name}: {(function.end_lineno or 0) - function.lineno + 1}"
        for source in sources()
        for function in source.functions()
        if (function.end_lineno or 0) - function.lineno + 1 > FUNCTION_LINES
    ]
    none(long)
