"""`switchyard retrieval calibrate`: fits the weights of the fusion, over the installation's index."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from app.accounts.tenants import Tenants
from app.command_index import Index, acts_on_index
from app.commandline import share
from app.console import Console
from app.errors import BadInput, DocumentUnknown
from app.inference.wire.ollama import open_ollama
from app.question_files import digest_of
from app.retrieval.evaluation.fitting import Example, example_of, fit, reliability
from app.retrieval.evaluation.golden import FITTED, Golden, read_golden
from app.retrieval.fusion import SHIPPED, Fitted
from app.retrieval.scope import ALL, Scope
from app.retrieval.search import Search
from app.routing_vectors import Embedding

EMBED_MODEL = "all-minilm:22m"
LOST = 0.02


@dataclass(frozen=True, slots=True)
class Vectors:
    """What a node embedded, and with which weights."""

    vectors: Sequence[Sequence[float]]
    digest: str


def add_acts(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the act to `switchyard retrieval`."""
    fitting = acts_on_index(add("calibrate", help="fit the weights of the fusion to labelled questions"), calibrate)
    fitting.add_argument(
        "--questions",
        type=_read_questions,
        required=True,
        action="append",
        metavar="TENANT=FILE",
        help="golden questions and whose documents they are about; may come several times",
    )
    fitting.add_argument("--embedder", required=True, metavar="URL", help="an Ollama node that embeds")
    fitting.add_argument("--embed-model", default=EMBED_MODEL, help="the model that it embeds with (%(default)s)")
    fitting.add_argument("--node-ca", metavar="FILE", help="the authority of the node's certificate")
    fitting.add_argument(
        "--lost", type=share, default=LOST, help="the share of right passages that the floor may cost (%(default)s)"
    )
    fitting.add_argument("--out", type=Path, default=SHIPPED, help="the weights file to write")


def _read_questions(text: str) -> tuple[str, Path]:
    tenant, equals, path = text.partition("=")
    if not (tenant and equals and path):
        raise argparse.ArgumentTypeError("is TENANT=FILE")
    return tenant, Path(path)


async def calibrate(given: argparse.Namespace, index: Index, console: Console, notes: Console) -> None:
    """Fit to the questions of the halves `fit` and `develop`, write the weights, and show how both halves do.

    Raises BadInput, TenantUnknown, DocumentUnknown, StoreUnavailable, OSError.
    """
    files = [(tenant, read_golden(path)) for tenant, path in given.questions]
    examples: list[Example] = []
    async with open_ollama(tls_ca=given.node_ca) as ollama:
        embedding = Embedding(ollama, given.embedder, given.embed_model)
        digest = await embedding.digest()
        for tenant, golden in files:
            examples += await _examples(tenant, golden, index, embedding, digest)
            notes.say(f"{len(examples)} lists of candidates")
    fitted_to = [one for one in examples if one.golden.half in FITTED]
    weights = fit(fitted_to, lost=given.lost)
    fitted = Fitted(
        digest=digest,
        weights=weights,
        questions=tuple(digest_of(golden) for _, golden in files),
        fitted_to=len(fitted_to),
        lost=given.lost,
    )
    given.out.write_bytes(msgspec.json.format(msgspec.json.encode(fitted), indent=1) + b"\n")
    if given.json:
        console.show_json(fitted)
        return
    rest = [one for one in examples if one.golden.half not in FITTED]
    for name, part in (("fitted to", fitted_to), ("only counted", rest)):
        console.say(f"{name}: {len(part)} lists of candidates")
        rows = [
            (f"{band.low:g} to {band.high:g}", str(band.candidates), f"{band.mean:.3f}", f"{band.right:.3f}")
            for band in reliability(part, weights)
        ]
        console.table(("SCORES", "CANDIDATES", "MEAN SCORE", "RIGHT"), rows)
    console.say(f"{given.out} holds the weights; nothing below {weights.floor:.4f} is found")


async def _examples(
    tenant: str, golden: Sequence[Golden], index: Index, embedding: Embedding, digest: str
) -> list[Example]:
    """Return the candidates of each question among all documents of the tenant, and among its own."""

    async def embed(model: str, texts: Sequence[str]) -> Vectors:
        if model != embedding.model:
            raise BadInput(f"documents are embedded by {model}, questions would be by {embedding.model}")
        return Vectors(await embedding.embed(texts), digest)

    owner = (await Tenants(index.database).get(tenant)).id
    search, found = Search(index.database, index.editions), list[Example]()
    for one in golden:
        for scope in (ALL, Scope(documents=one.documents)) if one.documents else (ALL,):
            try:
                measured = await search.measured(owner, one.question, embed=embed, scope=scope)
            except DocumentUnknown as error:
                raise BadInput(f"{tenant} lacks a document of {one.id}: {', '.join(one.documents)}") from error
            found.append(example_of(one, measured))
    return found
