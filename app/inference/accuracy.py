"""How far the prediction of a call was from what it took."""

from collections.abc import Iterator
from enum import StrEnum

from app.inference.estimates import US_PER_S
from app.inference.words.records import Usage
from app.inference.words.route import Candidate

LEAST_S = 0.005
"""A part that is predicted or measured shorter than this says nothing: a clock's step would be an error of half."""

LEAST_LOAD_S = 0.25
"""Ollama says for calls of a model in memory too how long they waited for it: some milliseconds."""


class Part(StrEnum):
    """A part of a call that is predicted and measured."""

    LOAD = "load"
    """Loading the model, where it was not in memory."""
    PREFILL = "prefill"
    """Reading the prompt."""
    DECODE = "decode"
    """Writing the answer: its length and the node's rate."""
    COMPLETION = "completion"
    """From the slot to the last token."""
    GPU = "gpu"
    """The GPU-seconds that it was charged."""


class Loading(StrEnum):
    """Why a model was loaded for a call."""

    FORESEEN = "foreseen"
    """It was not in memory, or with another context size, and no better candidate had a slot."""
    UNFORESEEN = "unforeseen"
    """It was taken to be in memory: something else on the node had pushed it out."""


def loading_of(predicted: Candidate, usage: Usage) -> Loading | None:
    """Return why a model was loaded for the call, None if it was not."""
    if usage.load_us < LEAST_LOAD_S * US_PER_S:
        return None
    return Loading.UNFORESEEN if predicted.resident else Loading.FORESEEN


def compare(predicted: Candidate, usage: Usage) -> Iterator[tuple[Part, float]]:
    """Yield how many times as long as predicted each part of a call took that came to its end; 1.0 is right."""
    took_s = (usage.ended_at - usage.started_at).total_seconds()
    pairs = (
        (Part.LOAD, predicted.load_s, usage.load_us / US_PER_S),
        (Part.PREFILL, predicted.prefill_s, usage.prefill_us / US_PER_S),
        (Part.DECODE, predicted.decode_s, usage.decode_us / US_PER_S),
        (Part.COMPLETION, predicted.load_s + predicted.prefill_s + predicted.decode_s, took_s),
        (Part.GPU, predicted.gpu_s, usage.gpu_us / US_PER_S),
    )
    for part, expected_s, measured_s in pairs:
        if expected_s >= LEAST_S and measured_s >= LEAST_S:
            yield part, measured_s / expected_s
