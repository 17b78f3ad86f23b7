"""What becomes of every field that clients of OpenAI's and Ollama's interfaces send."""

from collections.abc import Mapping

from app.api.direct.fields import Field
from app.api.ollama.fields import NOT_FROM_CLIENTS, OLLAMA_FIELDS
from app.api.openai.docs import CALL_HEADERS
from app.api.openai.fields import OPENAI_FIELDS
from app.api.queue_headers import QUEUE_HEADERS, REFUSED_HEADERS
from ops.docs.markdown import code, page, table


def write_dialects() -> str:
    """Return the page."""
    rows = [(code(f"/ollama/api/{name}"), text) for name, text in NOT_FROM_CLIENTS.items()]
    return page(
        "Fields of the clients' dialects",
        "`served`: it does what the dialect says. `ignored`: it is taken and changes nothing, because it is the "
        "installation's own affair or has no effect in the original either. `refused`: a request that asks for it gets "
        "400 with its name; null, false, 0 and what is empty ask for nothing. A field on none of these lists is "
        "refused by its name. How to point a client here: [use it with what you have](../how-to/use-your-clients.md).",
        "## Headers",
        "What a request may say beside its fields, under both `/v1` and `/ollama`:",
        table(("header", "what it says"), [(code(one.name), one.text) for one in CALL_HEADERS]),
        "What an answer says: the route and its cost (`x-route-*`, `x-cost-usd`), and how its call waited:",
        table(("header", "what it says"), [(code(name), text) for name, text in QUEUE_HEADERS.items()]),
        "What a refusal for want of a slot (503 `no_slot_in_time`) says beside `Retry-After`, as far as it is known:",
        table(("header", "what it says"), [(code(name), text) for name, text in REFUSED_HEADERS.items()]),
        "# OpenAI",
        *_tables(OPENAI_FIELDS),
        "# Ollama",
        *_tables(OLLAMA_FIELDS),
        "## What is not done from a client",
        "These answer 403: operators bring models with `switchyard nodes pull`.",
        table(("path", "what Ollama does there"), rows),
    )


def _tables(fields: Mapping[str, Mapping[str, Field]]) -> list[str]:
    parts: list[str] = []
    for part, known in fields.items():
        rows = [(code(field.path), field.treatment.value, field.why) for field in known.values()]
        parts += [f"## {part}", table(("field", "is", "how or why"), rows)]
    return parts
