"""The collections and aliases of one storage directory.

Layout: `collections/<name>/config.json`, `collections/<name>/<shard>/`, `aliases/data.json`. A collection exists once
its `config.json` does; both kinds of file are replaced atomically. A directory without one is the rest of a creation
that was cut, and is removed.
"""

import fcntl
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

import msgspec
import qdrant_edge as edge

from ops.local.qdrant import faults
from ops.local.qdrant.cluster import Cluster
from ops.local.qdrant.configured import (
    changed,
    check_changed,
    check_created,
    concerns_shards,
    create_shards,
    load_shards,
)
from ops.local.qdrant.placement import replicated, with_copies
from ops.local.qdrant.requests import AliasAction, CreateCollection, CreateIndex, ReplicateShard, UpdateCollection
from ops.local.qdrant.shards import Collection, Configuration

CONFIG = "config.json"


class Catalog:
    """Collections and aliases by name. Every method blocks: call it on the engine's thread."""

    def __init__(self, storage: Path, cluster: Cluster | None = None) -> None:
        self.cluster = cluster or Cluster()
        self._collections_path = storage / "collections"
        self._aliases_path = storage / "aliases" / "data.json"
        self._deleted_path = storage / ".deleted"
        self.scratch = storage / ".scratch"
        self._lock_path = storage / ".lock"
        self._lock: int | None = None
        self.collections: dict[str, Collection] = {}
        self.aliases: dict[str, str] = {}

    def open(self) -> None:
        """Open every collection that was acknowledged; remove what was cut, deleted or half brought in.

        Raises:
            BlockingIOError: another process has the storage open.
        """
        self._lock_path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(self._lock_path, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the kernel releases it with the process
        shutil.rmtree(self._deleted_path, ignore_errors=True)
        shutil.rmtree(self.scratch, ignore_errors=True)
        self._collections_path.mkdir(parents=True, exist_ok=True)
        for directory in sorted(self._collections_path.iterdir()):
            if not (directory / CONFIG).is_file():
                shutil.rmtree(directory)
                continue
            stored = msgspec.json.decode((directory / CONFIG).read_bytes(), type=Configuration)
            configuration = with_copies(stored, self.cluster.size)
            shards = load_shards(directory, configuration)
            self.collections[directory.name] = Collection(configuration, shards, self.cluster)
        if self._aliases_path.is_file():
            self.aliases = msgspec.json.decode(self._aliases_path.read_bytes(), type=dict[str, str])

    def close(self) -> None:
        """Close every collection and let another process open the storage."""
        for collection in self.collections.values():
            collection.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def get(self, name: str) -> Collection:
        """The collection of that name or alias.

        Raises:
            Fault: there is none.
        """
        collection = self.find(name)
        if collection is None:
            raise faults.no_collection(name)
        return collection

    def find(self, name: str) -> Collection | None:
        """The collection of that name or alias, if there is one."""
        return self.collections.get(self.real_name(name))

    def real_name(self, name: str) -> str:
        """The name of the collection behind an alias; another name is its own."""
        return self.aliases.get(name, name)

    def written_out(self, name: str, place: int) -> dict[int, Path]:
        """Write a collection's shards out; the directories of those of which the peer at `place` has a copy.

        Raises:
            Fault: there is no such collection.
        """
        found = self.get(name)
        held = [number for number, places in enumerate(found.configuration.copies) if place in places]
        for number in held:
            found.shards[number].flush()
        return {number: self._directory(name) / str(number) for number in held}

    def replace_shard(self, name: str, number: int, files: Path) -> None:
        """Let a collection's shard be what these files hold."""
        found, directory = self.get(name), self._directory(name) / str(number)
        self._deleted_path.mkdir(exist_ok=True)

        def exchanged() -> Sequence[edge.EdgeShard]:
            directory.rename(self._deleted_path / uuid4().hex)
            files.rename(directory)
            return load_shards(self._directory(name), found.configuration)

        found.reopen(exchanged)
        shutil.rmtree(self._deleted_path, ignore_errors=True)

    def create(self, name: str, created: CreateCollection) -> None:
        """Make an empty collection.

        Raises:
            Fault: the name is taken, or the configuration is not valid.
        """
        check_created(created)
        self.cluster.check_majority()
        if name in self.collections:
            raise faults.already_exists(name)
        if name in self.aliases:
            raise faults.wrong_input(
                f"Can't create collection with name {name}. Alias with the same name already exists"
            )
        directory = self._collections_path / name
        shutil.rmtree(directory, ignore_errors=True)
        configuration = with_copies(Configuration(created), self.cluster.size)
        self.collections[name] = Collection(configuration, create_shards(directory, configuration), self.cluster)
        self._save(directory, configuration)

    def delete(self, name: str) -> bool:
        """Delete a collection with its aliases; False when there is none."""
        self.cluster.check_majority()
        collection = self.collections.pop(name, None)
        if collection is None:
            return False
        self._replace_aliases({alias: target for alias, target in self.aliases.items() if target != name})
        collection.close()
        self._deleted_path.mkdir(exist_ok=True)
        doomed = self._deleted_path / uuid4().hex
        (self._collections_path / name).rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)
        return True

    def create_index(self, name: str, request: CreateIndex) -> Collection:
        """Index a payload field of a collection and remember it."""
        collection = self.get(name)
        self.cluster.check_majority()
        collection.create_index(request)
        self.keep(name, collection.configuration)
        return collection

    def change(self, name: str, asked: UpdateCollection) -> None:
        """Change what of a collection can be changed in place; its shards are opened anew where it concerns them.

        Raises:
            Fault: what is asked is not valid, or there is no such collection or vector.
        """
        check_changed(asked)
        found = self.get(name)
        self.cluster.check_majority()
        before, after = found.configuration, changed(found.configuration, asked)
        self.keep(name, after)
        if concerns_shards(before, after):
            found.reopen(lambda: load_shards(self._directory(name), after))

    def replicate(self, name: str, asked: ReplicateShard) -> None:
        """Have a peer hold one more copy of a shard.

        Raises:
            Fault: there is one peer only, or what is asked makes no sense.
        """
        if self.cluster.size < 2:
            raise faults.standalone()
        found = self.get(name)
        self.cluster.check_majority()
        self.keep(name, replicated(found.configuration, asked, name, self.cluster, found.replicas))

    @property
    def is_recovering(self) -> bool:
        """Whether a copy of any collection is not whole."""
        return any(collection.replicas.is_recovering for collection in tuple(self.collections.values()))

    def recover(self) -> None:
        """One step for every copy that missed something."""
        for collection in self.collections.values():
            collection.recover()

    def _directory(self, name: str) -> Path:
        return self._collections_path / self.real_name(name)

    def keep(self, name: str, configuration: Configuration) -> None:
        """Let this be the configuration of a collection."""
        self._save(self._directory(name), configuration)
        self.get(name).configuration = configuration

    def change_aliases(self, actions: Sequence[AliasAction]) -> None:
        """Apply all actions, in order, or none.

        Raises:
            Fault: a collection or an alias is missing, or an alias would hide a collection.
        """
        self.cluster.check_majority()
        aliases = dict(self.aliases)
        for action in actions:
            self._change(aliases, action)
        self._replace_aliases(aliases)

    def _change(self, aliases: dict[str, str], action: AliasAction) -> None:
        match action:
            case AliasAction(create_alias=create) if create is not None:
                if create.collection_name not in self.collections:
                    raise faults.no_collection(create.collection_name)
                if create.alias_name in self.collections:
                    raise faults.already_exists(create.alias_name)
                aliases[create.alias_name] = create.collection_name
            case AliasAction(delete_alias=delete) if delete is not None:
                aliases.pop(delete.alias_name, None)
            case AliasAction(rename_alias=rename) if rename is not None:
                if rename.old_alias_name not in aliases:
                    raise faults.Fault(404, f"Not found: Alias {rename.old_alias_name} does not exists!")
                aliases[rename.new_alias_name] = aliases.pop(rename.old_alias_name)
            case _:
                raise faults.bad_format("data did not match any variant of untagged enum AliasOperations")

    def _replace_aliases(self, aliases: dict[str, str]) -> None:
        if aliases != self.aliases:
            write_atomically(self._aliases_path, msgspec.json.encode(aliases))
            self.aliases = aliases

    def _save(self, directory: Path, configuration: Configuration) -> None:
        write_atomically(directory / CONFIG, msgspec.json.encode(configuration))


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file so that a reader, also one after a crash, sees the old or the new content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".new")
    with fresh.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
