"""The headers that tell where an answer came from."""

import msgspec

from app.api.replies import route_headers
from tests.fakes.runner import ROUTE


def test_a_name_in_a_header_is_one_line_of_ascii() -> None:
    headers = route_headers(msgspec.structs.replace(ROUTE, model="a\r\nb: \u00e9", node="n\u2028\x7f"))
    assert (headers["x-route-model"], headers["x-route-node"]) == ("a??b: ?", "n??")


def test_what_is_not_known_of_a_call_has_no_header() -> None:
    assert route_headers(None) == {}
    assert "x-route-model" not in route_headers(msgspec.structs.replace(ROUTE, model=""))
