"""Filters of the REST dialect as filters of the engine."""

from collections.abc import Sequence

import qdrant_edge as edge

from ops.local.qdrant import faults
from ops.local.qdrant.points import point_id
from ops.local.qdrant.requests import Condition, Filter, Match

Clause = Sequence[Condition] | Condition | None


def engine_filter(*filters: Filter | None) -> edge.Filter | None:
    """One filter that holds where all given ones hold; None when none is given.

    Raises:
        Fault: a condition is empty, mixed or names a wrong id.
    """
    given = [_filter(one) for one in filters if one is not None]
    if len(given) < 2:
        return given[0] if given else None
    return edge.Filter(must=list(given))


def _filter(one: Filter | Condition) -> edge.Filter:
    return edge.Filter(must=_clause(one.must), should=_clause(one.should), must_not=_clause(one.must_not))


def _clause(clause: Clause) -> "list[edge.ConditionType] | None":
    if clause is None:
        return None
    conditions = [clause] if isinstance(clause, Condition) else clause
    return [_condition(condition) for condition in conditions]


def _condition(condition: Condition) -> "edge.ConditionType":
    nested = (condition.must, condition.should, condition.must_not) != (None, None, None)
    if condition.key is not None and condition.match is not None and condition.has_id is None and not nested:
        return edge.FieldCondition(key=condition.key, match=_match(condition.match))
    if condition.has_id is not None and condition.key is None and condition.match is None and not nested:
        return edge.HasIdCondition(point_ids={point_id(one) for one in condition.has_id})
    if nested and condition.key is None and condition.match is None and condition.has_id is None:
        return _filter(condition)
    raise faults.bad_format("data did not match any variant of untagged enum Condition")


def _match(match: Match) -> "edge.MatchType":
    given = [one for one in (match.value, match.any, match.except_) if one is not None]
    if len(given) != 1:
        raise faults.bad_format("data did not match any variant of untagged enum Match")
    if match.value is not None:
        return edge.MatchValue(match.value)
    if match.any is not None:
        return edge.MatchAny(_alike(match.any))
    return edge.MatchExcept(_alike(match.except_ or []))


def _alike(values: Sequence[str | int]) -> list[str] | list[int]:
    """All texts or all numbers."""
    texts = [value for value in values if isinstance(value, str)]
    numbers = [value for value in values if not isinstance(value, str)]
    if texts and numbers:
        raise faults.bad_format("data did not match any variant of untagged enum Match")
    return texts or numbers
