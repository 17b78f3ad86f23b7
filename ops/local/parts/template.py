"""Configuration files with `${SWITCHYARD_NAME}` in them."""

import re
from collections.abc import Mapping

from ops.local.problems import LocalProblem

PLACE = re.compile(r"\$\{(SWITCHYARD_[A-Z_]+)\}")


def fill(template: str, values: Mapping[str, str]) -> str:
    """Return the template with its places filled, as envsubst does; nginx's own `$variables` stay.

    Raises LocalProblem for a place without a value.
    """

    def value(place: re.Match[str]) -> str:
        name = place.group(1)
        if name not in values:
            raise LocalProblem(f"a template asks for {name}, which has no value")
        return values[name]

    return PLACE.sub(value, template)
