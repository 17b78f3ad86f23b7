"""The metrics of answers: whether passages say them, and what people think of them."""

from prometheus_client import CollectorRegistry

from app.telemetry.metric import Counter


class AnswerMetrics:
    """A part of `Metrics`."""

    def _declare_answers(self, r: CollectorRegistry) -> None:
        self.answer_sentences = Counter(
            "switchyard_answer_sentences_total",
            "Sentences of answers, by whether the passages found say them.",
            ("supported",),
            registry=r,
        )
        self.answers_said = Counter(
            "switchyard_answers_said_total",
            "Answers with passages, by who says them.",
            ("answered_by",),
            registry=r,
        )
        self.answer_sentences_withheld = Counter(
            "switchyard_answer_sentences_withheld_total",
            "Sentences that nothing supports, kept back.",
            registry=r,
        )
        self.feedback = Counter(
            "switchyard_feedback_total",
            "Ratings that people gave to answers; one that is changed counts again.",
            ("rating", "team"),
            registry=r,
        )
