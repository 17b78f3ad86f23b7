"""`switchyard documents`: adds, lists, shows, removes, cancels and reads again, on a running stack."""

import argparse
import os
import re
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from app.asking_again import WAIT_LIMIT_S, Waits
from app.console import Console
from app.conversation import Stack, StackRefused
from app.document_lines import HEADS, STEPS, cells_of, describe_counts, describe_error, facts_of, shown
from app.finish import INTERRUPTED
from app.form_body import FormBody
from app.progress_bar import ProgressBar
from app.stack_arguments import add_stack_arguments, stack_of

DONE, FAILED = 0, 1
LATER = os.EX_TEMPFAIL
"""The exit status where the stack said until the wait was over that asking again may help."""
PAGE = 100
FILTERS = ("set", "ticker", "tag", "date_from", "date_to", "name", "state")
SEVERAL = frozenset({"tag", "state"})
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `switchyard documents` takes."""
    acts = parser.add_subparsers(required=True, metavar="ACT")
    adding = _act(acts.add_parser("add", help="upload files, and wait until questions find them"), Documents.add)
    adding.add_argument("files", nargs="+", type=Path, metavar="FILE")
    adding.add_argument("--set", help="the set in which they stand")
    adding.add_argument("--tag", action="append", default=[], help="a tag; may come several times")
    adding.add_argument("--ticker", help="of the company that they are about")
    adding.add_argument("--date", help="YYYY-MM-DD")
    adding.add_argument("--type", help="what they are, where their content does not say: text/plain; charset=big5")
    adding.add_argument(
        "--wait",
        type=float,
        default=WAIT_LIMIT_S,
        metavar="SECONDS",
        help="wait so long for a stack that says that asking again may help (%(default)g)",
    )
    adding.add_argument("--no-wait", action="store_true", help="end once they are kept")
    listing = _act(acts.add_parser("list", help="show documents, newest first"), Documents.list)
    for name in FILTERS:
        option, meaning = f"--{name.replace('_', '-')}", f"those with this {name.replace('_', ' ')}"
        if name in SEVERAL:
            listing.add_argument(option, help=f"{meaning}; may come several times", action="append", default=[])
        else:
            listing.add_argument(option, help=meaning)
    for name, help_text, act in (
        ("show", "show a document and its versions", Documents.show),
        ("remove", "remove documents with all their versions", Documents.remove),
        ("cancel", "stop reading documents in", Documents.cancel),
        ("reprocess", "read documents in again", Documents.reprocess),
    ):
        doing = _act(acts.add_parser(name, help=help_text), act)
        doing.add_argument("documents", nargs=1 if name == "show" else "+", metavar="DOCUMENT", help="its id, or name")
        if name == "reprocess":
            doing.add_argument("--no-wait", action="store_true", help="end once that is queued")


def run_documents(given: argparse.Namespace, environ: Mapping[str, str], console: Console, notes: Console) -> int:
    """Do what the command line says; return the worst that came of it. Raises ConfigurationWrong, StackAway."""
    stack = stack_of(given, environ)
    bar = ProgressBar(sys.stderr, notes, is_quiet=given.json)
    return given.act(Documents(stack, console, notes, bar, as_json=given.json), given)


def _act(
    parser: argparse.ArgumentParser, act: "Callable[[Documents, argparse.Namespace], int]"
) -> argparse.ArgumentParser:
    add_stack_arguments(parser)
    parser.add_argument("--json", action="store_true", help="answer as JSON, one line for each document")
    parser.set_defaults(act=act)
    return parser


class Documents:
    """What may be done with documents."""

    def __init__(
        self,
        stack: Stack,
        console: Console,
        notes: Console,
        bar: ProgressBar,
        *,
        as_json: bool,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._stack = stack
        self._console = console
        self._notes = notes
        self._bar = bar
        self._as_json = as_json
        self._wait = wait

    def add(self, given: argparse.Namespace) -> int:
        """Upload files, one after another."""
        fields = [(name, text) for name in ("set", "ticker", "date") if (text := getattr(given, name)) is not None]
        fields += [("tags", tag) for tag in given.tag]
        return self._each(given.files, lambda path: self._add(path, fields, given))

    def list(self, given: argparse.Namespace) -> int:
        """Show the documents that the filters leave."""
        asked = {name: value for name in FILTERS if (value := getattr(given, name))}
        documents = list(self._pages(asked))
        if self._as_json:
            for document in documents:
                self._console.show_json(document)
        else:
            self._console.table(HEADS, [cells_of(document) for document in documents])
        return DONE

    def show(self, given: argparse.Namespace) -> int:
        """Show one document."""
        return self._each(given.documents, self._show)

    def remove(self, given: argparse.Namespace) -> int:
        """Remove documents."""
        return self._each(given.documents, self._remove)

    def cancel(self, given: argparse.Namespace) -> int:
        """Stop ingestions."""
        return self._each(given.documents, self._cancel)

    def reprocess(self, given: argparse.Namespace) -> int:
        """Read documents in again."""
        return self._each(given.documents, lambda one: self._reprocess(one, follows=not given.no_wait))

    def _each(self, names: Sequence[str | Path], act: Callable[[Any], int]) -> int:
        """Do it for each; what is refused for one is told, and the next has its turn. Return the worst."""
        worst = DONE
        for name in names:
            try:
                worst = max(worst, act(name))
            except StackRefused as refused:
                worst = max(worst, LATER if refused.problem.get("retryable") is True else FAILED)
                self._tell_wrong(str(name), str(refused))
            except FileNotFoundError:
                worst = max(worst, FAILED)
                self._tell_wrong(str(name), "there is no such file")
            except KeyboardInterrupt:
                self._tell_wrong(
                    str(name), "interrupted; what was kept goes on: `switchyard documents cancel` stops it"
                )
                return INTERRUPTED
        return worst

    def _add(self, path: Path, fields: Sequence[tuple[str, str]], given: argparse.Namespace) -> int:
        waits = Waits(given.wait)
        while True:
            try:
                kept = self._upload(path, fields, given.type)
                return self._follow(path.name, kept, follows=not given.no_wait)
            except StackRefused as refused:
                wait_s = waits.take(refused.problem, refused.retry_after_s)
                if wait_s is None:
                    raise
                self._bar.clear()
                self._notes.say(f"({refused}; again in {wait_s:g} s)")
                self._wait(wait_s)

    def _upload(self, path: Path, fields: Sequence[tuple[str, str]], media_type: str | None) -> Mapping[str, Any]:
        if path.is_dir():
            raise StackRefused({"code": "no_file", "detail": "this is a folder; name its files"})
        with path.open("rb") as file:
            body = FormBody(file, path, fields, media_type)
            self._bar.show(path.name, "uploading", 0.0)
            pieces = body.pieces(partial(self._bar.show, path.name, "uploading"))
            return self._stack.send("/api/v2/upload", body.media_type, body.size_bytes, pieces)

    def _follow(self, name: str, kept: Mapping[str, Any], *, follows: bool) -> int:
        """Show how a job goes on; return what came of it."""
        job: Mapping[str, Any] = {}
        if follows:
            for event in self._stack.follow(f"{kept['status_url']}/events"):
                job = event.body
                self._bar.show(name, STEPS.get(job["step"], job["step"]), job["progress"], describe_counts(job))
        self._bar.clear()
        if self._as_json:
            self._console.show_json({"name": name, **kept, **({"job": job} if follows else {})})
        elif not follows:
            self._console.say(f"{name}: kept as version {kept['version']}, document {kept['document_id']}")
        elif job["status"] == "done":
            again = "" if kept["is_new"] else ", as it was already"
            found = f"questions find version {kept['version']}{again}"
            counts = f" ({counted})" if (counted := describe_counts(job)) else ""
            self._console.say(f"{name}: {found}{counts}, document {kept['document_id']}")
        if not follows or job["status"] == "done":
            return DONE
        self._tell_wrong(name, f"{job['status']}: {describe_error(job)}")
        return FAILED

    def _show(self, name: str) -> int:
        document = self._detail(name)
        if self._as_json:
            self._console.show_json(document)
            return DONE
        made = {"pages": document["pages"], "chunks": document["chunks"]}
        said = {"set": document["set"], **document["metadata"]}
        for head, value in {**facts_of(document), **said, **made}.items():
            self._console.say(f"{head:12}{shown(value)}")
        self._console.say("")
        versions = [
            (str(one["version"]), one["state"], str(one["size_bytes"]), one["created_at"], one["id"])
            for one in document["versions"]
        ]
        self._console.table(("VERSION", "STATE", "BYTES", "ADDED", "ID"), versions)
        return DONE

    def _remove(self, name: str) -> int:
        document_id = self._id_of(name)
        self._stack.delete(f"/api/v1/documents/{document_id}")
        self._tell({"document_id": document_id, "removed": True}, f"{name}: removed")
        return DONE

    def _cancel(self, name: str) -> int:
        document = self._detail(name)
        if document["job_id"] is None:
            raise StackRefused({"code": "job_unknown", "detail": "nothing reads this document in"})
        job = self._stack.post(f"/api/v2/jobs/{document['job_id']}/cancel", {})
        ends = "stops at its next step" if job["is_stopping"] else "cancelled"
        self._tell(job, f"{name}: {ends}")
        return DONE

    def _reprocess(self, name: str, *, follows: bool) -> int:
        kept = self._stack.post(f"/api/v1/documents/{self._id_of(name)}/reprocess", {})
        return self._follow(name, kept, follows=follows)

    def _detail(self, name: str) -> Mapping[str, Any]:
        return self._stack.get(f"/api/v1/documents/{self._id_of(name)}")

    def _id_of(self, name: str) -> str:
        """Return the id that is given, or that of the newest version of that name. Raises StackRefused."""
        if _ID.fullmatch(name):
            return name
        found = next((one for one in self._pages({"name": name}) if one["name"] == name), None)
        if found is None:
            raise StackRefused({"code": "document_unknown", "detail": "there is no document of this name"})
        return quote(str(found["id"]))

    def _pages(self, asked: Mapping[str, object]) -> Generator[Mapping[str, Any]]:
        cursor: str | None = None
        while True:
            query = {**asked, "limit": PAGE, **({"cursor": cursor} if cursor else {})}
            page = self._stack.get(f"/api/v1/documents?{urlencode(query, doseq=True)}")
            yield from page["documents"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def _tell(self, facts: object, line: str) -> None:
        if self._as_json:
            self._console.show_json(facts)
        else:
            self._console.say(line)

    def _tell_wrong(self, name: str, why: str) -> None:
        self._bar.clear()
        self._notes.say(f"switchyard: {name}: {why}")
