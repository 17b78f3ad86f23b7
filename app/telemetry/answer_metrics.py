"""The metrics of answers: whether passages say them, and what people and judges think of them."""

from prometheus_client import CollectorRegistry

from app.telemetry.metric import Counter, Histogram

QUALITY_BUCKETS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


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
        self.response_quality = Histogram(
            "response_quality_score",
            "How good answers are, from 0 to 1, of the runs that are judged.",
            ("metric_type",),
            buckets=QUALITY_BUCKETS,
            registry=r,
        )
        self.feedback = Counter(
            "switchyard_feedback_total",
            "Ratings that people gave to answers; one that is changed counts again.",
            ("rating", "team"),
            registry=r,
        )
        self.answers_by_mode = Counter(
            "switchyard_answers_by_mode_total",
            "The assistant's answers, by the mode that they were made in and by what chose it.",
            ("mode", "chosen_by"),
            registry=r,
        )
