"""The report of what reading documents in costs."""

from ops.bench.figures import paired, spread
from ops.bench.goals import Goal
from ops.bench.ingest import Read
from ops.bench.tables import Table, number, ratio, spelled

UPLOAD_S, PROCESSING_S = 30, 60


def ingest_goals(read: Read) -> list[Goal]:
    """Return the goals of reading documents in."""
    alone = [one.alone_s for one in read.rounds]
    took = [one.ingested.took_s for one in read.rounds]
    processing_s = read.long.took_s - read.long.upload_s
    what = f"{read.long_pages} pages of PDF"
    return [
        Goal("ingest", "tokens a second, all included ÷ those of the embedder alone", 0.8, 0.9,
             paired(alone, took), more=True),
        Goal("UPL-20", f"seconds of the upload of {what}", UPLOAD_S, UPLOAD_S, spread([read.long.upload_s])),
        Goal("UPL-21", f"seconds of processing {what}", PROCESSING_S, PROCESSING_S, spread([processing_s])),
    ]  # fmt: skip


def ingest_tables(read: Read) -> list[Table]:
    """Return what it takes, which process uses the time, and what is held in memory."""
    return [_rounds_table(read), _cpu_table(read), _memory_table(read)]


def _rounds_table(read: Read) -> Table:
    rounds = read.rounds
    per_s = [one.tokens / one.ingested.took_s for one in rounds]
    alone_per_s = [one.tokens / one.alone_s for one in rounds]
    lines = [
        ("four documents", number(spread([one.tokens for one in rounds]).middle),
         spelled(spread([one.ingested.read_s for one in rounds])),
         spelled(spread([one.ingested.took_s for one in rounds])), spelled(spread(per_s)),
         spelled(spread(alone_per_s)), ratio(paired(per_s, alone_per_s))),
        (f"a PDF of {read.long_pages} pages", "", number(read.long.read_s), number(read.long.took_s), "", "", ""),
    ]  # fmt: skip
    heads = ("what", "tokens", "read and cut, s", "ready, s", "tokens/s", "the embedder alone", "÷ alone")
    note = (
        f"Embedded by {read.embedder}. A PDF, a text, a table and a Markdown file are uploaded and waited for; the "
        "embedder alone is asked for the same texts in the same calls, as many at a time as it takes, in turns before "
        "and after. A page has 40 lines of plain English."
    )
    return Table("Reading documents in", heads, tuple(lines), (note,))


def _cpu_table(read: Read) -> Table:
    first = read.rounds[0].ingested.cpu_s
    lines = tuple(
        (name, spelled(spread([one.ingested.cpu_s[name] * 1_000_000 / one.tokens for one in read.rounds])))
        for name in first
    )
    note = "The worker's includes the processes that parse. The vector store is the local stack's double, not Qdrant."
    return Table("CPU of reading documents in", ("process", "CPU s a million tokens"), lines, (note,))


def _memory_table(read: Read) -> Table:
    lines = tuple(
        (f"{one.kb:,}", number(one.worker_mib), number(one.parsing_mib), number(one.worker_mib + one.parsing_mib))
        for one in read.memory
    )
    note = (
        "Over a double that embeds as fast as it can; the worker is the same process for all three, smallest first. "
        "A text of more than 16 MiB is refused, and a parsing process ends at 768 MiB."
    )
    return Table("Memory of reading a text in", ("kB of text", "worker, MiB", "parsing, MiB", "both"), lines, (note,))
