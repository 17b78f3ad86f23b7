"""What an installation holds, kept in a few text files: for a test that has no history to run."""

import base64
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, LiteralString

import httpx
import msgspec
import psycopg
from psycopg import sql

from ops.drill.application import COLLECTION
from ops.drill.target import DrillFailed
from ops.drill.upgrade import story
from ops.drill.upgrade.story import Story
from ops.drill.upgrade.tree import take_out
from ops.drill.upgrade.world import World, open_world
from ops.local.layout import Layout
from ops.local.parts.postgres import program_folder
from ops.local.process import run_once

DATABASE, VECTORS, BLOBS, STORY = "database.sql", "vectors.json", "blobs", "story.json"
PROGRAM_LIMIT_S = 60.0
DIGITS = 5
"""Of a vector's numbers: what the fake embedding says needs no more."""
PAGE = 1000

SELECT_TIMES: LiteralString = """
    SELECT c.table_name, c.column_name FROM information_schema.columns c
    JOIN information_schema.tables t ON t.table_schema = c.table_schema AND t.table_name = c.table_name
    WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE' AND c.data_type = 'timestamp with time zone'
"""


class Kept(msgspec.Struct, frozen=True):
    """A story, and when it was recorded."""

    recorded_at: datetime
    story: Story


class Points(msgspec.Struct, frozen=True):
    """A collection of the vector store: its name behind the alias, what it was made with, its indexes, its points."""

    name: str
    created: dict[str, Any]
    indexes: dict[str, Any]
    points: list[dict[str, Any]]


def record_from(commit: str, directory: Path, *, say: Callable[[str], None]) -> str:
    """Have the code of a commit make data and keep all of it in `directory`. Raises DrillFailed."""
    with tempfile.TemporaryDirectory(prefix="switchyard-upgrade-", ignore_cleanup_errors=True) as folder:
        tree = take_out(commit, Path(folder) / "trees")
        with open_world(Path(folder) / "stack", os.environ) as world:
            say(f"data by {tree.name}")
            told = story.tell(world, tree)
            _record(world, told, directory / tree.commit)
    return str(directory / tree.commit)


def _record(world: World, told: Story, directory: Path) -> None:
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    words = ("--no-owner", "--no-privileges", "--restrict-key=none", world.layout.database_url)
    (directory / DATABASE).write_text(_program(world.layout, "pg_dump", *words), encoding="utf-8")
    (directory / VECTORS).write_bytes(_lines(_read_points(world.vectors_url)))
    originals = {
        str(path.relative_to(world.blobs)): base64.b64encode(path.read_bytes()).decode()
        for path in sorted(world.blobs.rglob("*"))
        if path.is_file()
    }
    (directory / f"{BLOBS}.json").write_text(json.dumps(originals, indent=1) + "\n", encoding="utf-8")
    kept = msgspec.json.encode(Kept(datetime.now(UTC), told))
    (directory / STORY).write_bytes(msgspec.json.format(kept, indent=1) + b"\n")


def restore(world: World, directory: Path) -> Story:
    """Put a recorded installation into empty stores, as if it had been left just now. Raises DrillFailed."""
    kept = msgspec.json.decode((directory / STORY).read_bytes(), type=Kept)
    _program(world.layout, "psql", "--quiet", "--set=ON_ERROR_STOP=1", f"--file={directory / DATABASE}",
             world.layout.database_url)  # fmt: skip
    _move_times(world.layout.database_url, kept.recorded_at)
    _write_points(world.vectors_url, msgspec.json.decode((directory / VECTORS).read_bytes(), type=Points))
    originals = json.loads((directory / f"{BLOBS}.json").read_text(encoding="utf-8"))
    for name, content in originals.items():
        path = world.blobs / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(content))
    return kept.story


def _move_times(database_url: str, recorded_at: datetime) -> None:
    """Move every instant to where it would be had the recording been made now: leases and sessions run out."""
    passed = datetime.now(UTC) - recorded_at
    with psycopg.connect(database_url) as conn:
        conn.execute("SET session_replication_role = replica")  # the queue's triggers tell of nothing
        for table, column in conn.execute(SELECT_TIMES).fetchall():
            name, field = sql.Identifier(table), sql.Identifier(column)
            conn.execute(sql.SQL("UPDATE {} SET {} = {} + %s").format(name, field, field), [passed])


def _program(layout: Layout, name: str, *words: str) -> str:
    try:
        done = run_once([str(program_folder(layout) / name), *words], environ={"LC_ALL": "C"}, limit_s=PROGRAM_LIMIT_S)
    except subprocess.TimeoutExpired as error:
        raise DrillFailed(f"{name} took longer than {PROGRAM_LIMIT_S:g} s") from error
    if done.returncode != 0:
        raise DrillFailed(f"{name} failed: {done.stderr.strip()[-400:]}")
    return done.stdout


def _read_points(url: str) -> Points:
    with httpx.Client(base_url=url, timeout=PROGRAM_LIMIT_S, trust_env=False) as client:
        aliases = _result(client.get("/aliases"))["aliases"]
        name = next(str(one["collection_name"]) for one in aliases if one["alias_name"] == COLLECTION)
        about = _result(client.get(f"/collections/{name}"))
        asked = {"limit": PAGE, "with_payload": True, "with_vector": True}
        found = _result(client.post(f"/collections/{name}/points/scroll", json=asked))
    params = about["config"]["params"]
    created = {key: value for key, value in params.items() if key != "on_disk_payload"}
    indexes = {field: index.get("params") or index["data_type"] for field, index in about["payload_schema"].items()}
    points = [
        {"id": one["id"], "payload": one["payload"], "vector": _rounded(one["vector"])} for one in found["points"]
    ]
    return Points(name, created, indexes, points)


def _write_points(url: str, kept: Points) -> None:
    with httpx.Client(base_url=url, timeout=PROGRAM_LIMIT_S, trust_env=False) as client:
        _result(client.put(f"/collections/{kept.name}", json=kept.created))
        for field, schema in kept.indexes.items():
            asked = {"field_name": field, "field_schema": schema}
            _result(client.put(f"/collections/{kept.name}/index", params={"wait": "true"}, json=asked))
        _result(client.put(f"/collections/{kept.name}/points", params={"wait": "true"}, json={"points": kept.points}))
        alias = {"collection_name": kept.name, "alias_name": COLLECTION}
        _result(client.post("/collections/aliases", json={"actions": [{"create_alias": alias}]}))


def _result(reply: httpx.Response) -> Any:  # noqa: ANN401 - the vector store's own shapes
    if reply.is_error:
        raise DrillFailed(f"the vector store: {reply.status_code} {reply.text[:300]}")
    return reply.json()["result"]


def _rounded(vectors: dict[str, Any]) -> dict[str, Any]:
    dense = {name: msgspec.convert(one, list[float]) for name, one in vectors.items() if isinstance(one, list)}
    return vectors | {name: [round(number, DIGITS) for number in numbers] for name, numbers in dense.items()}


def _lines(points: Points) -> bytes:
    """Return JSON with a point a line, so that a change of one is a change of one line."""
    head = msgspec.json.encode(msgspec.structs.replace(points, points=[]))
    body = b",\n".join(msgspec.json.encode(point) for point in points.points)
    return head.removesuffix(b"[]}") + b"[\n" + body + b"\n]}\n"
