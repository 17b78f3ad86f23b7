"""`switchyard routing`: makes, judges and tries the weights of the complexity rating."""

import argparse
import asyncio
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import msgspec

from app.console import Console
from app.errors import BadInput
from app.inference.routing.complexity import Rater, Weights, read_weights
from app.inference.routing.lab import calibrate, evaluate, page, report, train
from app.inference.routing.lab.nearness import Vectors
from app.inference.routing.lab.outcomes import Outcomes, read_outcomes
from app.inference.wire.ollama import open_ollama
from app.routing_vectors import BATCH, Embedding, vectors_of

REFUSED = 1
"""The exit status where a shuffle of the same cost is as good as the router: nothing was written."""


def score(given: argparse.Namespace, lines: Iterable[str], console: Console, notes: Console) -> int:
    """Write the need of the strongest tier, a line for each line of JSON."""
    rater = Rater(_weights(given.weights))
    if given.embedder is None:
        for text in _texts(lines):
            console.say(_need(rater, text))
        return 0
    asyncio.run(_score_embedded(given, rater, _texts(lines), (console, notes)))
    return 0


async def _score_embedded(
    given: argparse.Namespace, rater: Rater, texts: Iterator[str], consoles: tuple[Console, Console]
) -> None:
    console, notes = consoles
    async with open_ollama(tls_ca=given.node_ca) as ollama:
        embedding = Embedding(ollama, given.embedder, given.embed_model)
        digest = await embedding.digest()
        if not rater.knows(digest):
            notes.say(f"the weights are not of this embedder ({digest}): the text alone decides")
        while batch := list(islice(texts, BATCH)):
            rows = await embedding.embed(batch) if rater.knows(digest) else [None] * len(batch)
            for text, row in zip(batch, rows, strict=True):
                console.say(_need(rater, text, row, digest))


def _need(rater: Rater, text: str, row: tuple[float, ...] | None = None, digest: str | None = None) -> str:
    rating = rater.rate(text, turns=0, session_tier=None, embedding=row, embedder_digest=digest)
    return f"{rating.need:.9f}"


def train_weights(given: argparse.Namespace, console: Console, notes: Console) -> int:
    """Train, judge with whole subjects left out, and write weights and evidence if they may serve."""
    outcomes, vectors = _read(given)
    blend = train.fit_blend(train.labels_of(given.data))
    rated = evaluate.rate_left_out(
        outcomes, vectors, lambda part, near: train.fit(part, near, blend, seed=given.seed), seed=given.seed
    )
    verdict = train.judge(rated, seed=given.seed)
    if not verdict.may_serve:
        notes.say(f"switchyard: {verdict} The weights are not written.")
        return REFUSED
    weights = train.fit(outcomes, vectors, blend, seed=given.seed)
    written = page.trained(rated, blend, weights, verdict, _sampling(given), given.without)
    given.out.write_bytes(msgspec.json.format(msgspec.json.encode(weights), indent=1) + b"\n")
    if given.evidence is not None:
        given.evidence.parent.mkdir(parents=True, exist_ok=True)
        given.evidence.write_text(written, encoding="utf-8")
    console.say(written)
    return 0


def evaluate_weights(given: argparse.Namespace, console: Console, notes: Console) -> int:
    """Show what finished weights are worth; 1 if a shuffle of the same cost is as good. Enable them if not."""
    outcomes, vectors = _read(given)
    weights = _weights(given.weights)
    rated = evaluate.rate_with(outcomes, vectors, weights, seed=given.seed)
    console.say(report.evaluation(rated, _sampling(given), given.without))
    verdict = train.judge(rated, seed=given.seed)
    console.say(f"\n{verdict}")
    if not verdict.may_serve:
        notes.say("switchyard: the router may not serve: it is no better than a shuffle of the same cost")
        return REFUSED
    if given.enable is not None:
        _write(given.enable, weights)
        notes.say(f"{given.enable} holds these weights")
    return 0


def calibrate_weights(given: argparse.Namespace, console: Console, notes: Console) -> int:
    """Set the thresholds so that wanted shares of the prompts are simple and complex."""
    outcomes, vectors = _read(given)
    weights = _weights(given.weights)
    rated = evaluate.rate_with(outcomes, vectors, weights, seed=given.seed)
    try:
        found = calibrate.thresholds(weights, rated.orders[rated.router], given.simple_share, given.complex_share)
    except ValueError as error:
        raise BadInput(str(error)) from error
    console.say(report.calibration(rated))
    console.say(f"\nsimple below {found.simple_below:.3f}, complex from {found.complex_from:.3f}")
    if given.out is not None:
        _write(given.out, found)
        notes.say(f"{given.out} holds these weights")
    return 0


def _read(given: argparse.Namespace) -> tuple[Outcomes, Vectors | None]:
    try:
        outcomes = read_outcomes(given.data)
    except (ValueError, KeyError) as error:
        raise BadInput(str(error)) from error
    if given.embedder is None:
        return outcomes, None
    return outcomes, asyncio.run(_embed(given, outcomes))


async def _embed(given: argparse.Namespace, outcomes: Outcomes) -> Vectors:
    async with open_ollama(tls_ca=given.node_ca) as ollama:
        return await vectors_of(outcomes.prompts, Embedding(ollama, given.embedder, given.embed_model), given.vectors)


def _sampling(given: argparse.Namespace) -> evaluate.Sampling:
    return evaluate.Sampling(given.seed, given.samples)


def _weights(path: Path) -> Weights:
    try:
        return read_weights(path)
    except msgspec.MsgspecError as error:
        raise BadInput(f"{path} holds no weights: {error}") from error


def _write(path: Path, weights: Weights) -> None:
    path.write_bytes(msgspec.json.format(msgspec.json.encode(weights), indent=1) + b"\n")


def _texts(lines: Iterable[str]) -> Iterator[str]:
    for number, line in enumerate(lines, 1):
        try:
            yield msgspec.json.decode(line, type=str)
        except (msgspec.MsgspecError, UnicodeError) as error:
            raise BadInput(f"line {number} is no JSON string") from error
