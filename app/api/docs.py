"""/docs: the OpenAPI page, with assets of our own, and the list of error codes."""

import asyncio
import hashlib
from collections.abc import Mapping
from html import escape
from pathlib import Path

import msgspec
from litestar import Litestar
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse
from litestar.types import ASGIApp

from app.api.auth import HttpRequest, Permission
from app.api.openapi import describe_api
from app.api.problems import STATUSES, title_of
from app.api.replies import JSON
from app.api.routing import route
from app.errors import Refused, SwitchyardError, Unavailable, is_retryable

ASSETS = Path(__file__).parent / "docs_assets"
MEDIA_TYPES: Mapping[str, str] = {
    "swagger-ui-bundle.js": "text/javascript",
    "page.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon-32x32.png": "image/png",
    "LICENSE": "text/plain",
}
# Nothing is loaded from elsewhere; Swagger UI sets styles from scripts and has its images inline.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Switchyard API</title>
<link rel="icon" href="/docs/assets/favicon-32x32.png">
<link rel="stylesheet" href="/docs/assets/swagger-ui.css">
</head>
<body>
<div id="page"></div>
<noscript><p>The description is at <a href="/docs/openapi.json">/docs/openapi.json</a>.</p></noscript>
<script src="/docs/assets/swagger-ui-bundle.js"></script>
<script src="/docs/assets/page.js"></script>
</body>
</html>
"""
ROUTER_CODES = (
    ("bad_request", 400, "The request cannot be read"),
    ("not_found", 404, "There is nothing at this path"),
    ("method_not_allowed", 405, "This path does not take this method"),
    ("internal", 500, "Something broke inside Switchyard"),
)

# What nginx says in front of the replicas; its other codes are also said by a replica.
EDGE_CODES = ((Unavailable.code, 503, "No replica answered"),)


def write_errors_page() -> str:
    """Return the page that the `type` of every problem points into."""
    own = [
        (kind.code, status, title_of(kind), is_retryable(kind))
        for kind, status in STATUSES.items()
        if kind not in {SwitchyardError, Refused, Unavailable}
    ]
    router = ((code, status, title, False) for code, status, title in ROUTER_CODES)
    codes = sorted([*own, *router, *((code, status, title, True) for code, status, title in EDGE_CODES)])
    rows = "\n".join(
        f'<tr id="{escape(code)}"><td><code>{escape(code)}</code></td><td>{status}</td><td>{escape(title)}.</td>'
        f"<td>{'yes, after Retry-After' if again else 'no'}</td></tr>"
        for code, status, title, again in codes
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Switchyard: error codes</title></head>'
        "<body><h1>Error codes</h1><table><thead><tr><th>code</th><th>status</th><th>what happened</th>"
        f"<th>the same request may be sent again</th></tr></thead><tbody>\n{rows}\n</tbody></table></body></html>"
    )


class Docs:
    """The routes under /docs. Pages are built at start; an asset is read when it is first asked for."""

    def __init__(self) -> None:
        self._assets: dict[str, bytes] = {}
        self._errors = write_errors_page().encode()
        self._document = b"{}"

    def describe(self, app: Litestar) -> None:
        """Build the document of `app`, once its routes are known."""
        self._document = msgspec.json.encode(describe_api(app))

    def routes(self) -> list[HTTPRouteHandler]:
        """Return the handlers."""
        return [
            route("GET", "/docs", self.page, Permission.PUBLIC),
            route("GET", "/docs/openapi.json", self.document, Permission.PUBLIC),
            route("GET", "/docs/errors", self.errors, Permission.PUBLIC),
            route("GET", "/docs/assets/{name:str}", self.asset, Permission.PUBLIC),
        ]

    async def page(self, request: HttpRequest) -> ASGIApp:  # noqa: ARG002
        """Return the page."""
        return _html(PAGE.encode())

    async def errors(self, request: HttpRequest) -> ASGIApp:  # noqa: ARG002
        """Return the list of codes."""
        return _html(self._errors)

    async def document(self, request: HttpRequest) -> ASGIApp:  # noqa: ARG002
        """Return the OpenAPI document."""
        return ASGIResponse(body=self._document, media_type=JSON)

    async def asset(self, request: HttpRequest) -> ASGIApp:
        """Return one asset, from a fixed list."""
        name = str(request.path_params["name"])
        if name not in MEDIA_TYPES:
            raise NotFoundException
        if name not in self._assets:
            self._assets[name] = await asyncio.to_thread((ASSETS / name).read_bytes)
        body = self._assets[name]
        tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        headers = {"etag": tag, "cache-control": "public, max-age=3600"}
        if request.headers.get("if-none-match") == tag:
            return ASGIResponse(status_code=304, headers=headers, media_type=MEDIA_TYPES[name])
        return ASGIResponse(body=body, media_type=MEDIA_TYPES[name], headers=headers)


def _html(body: bytes) -> ASGIResponse:
    headers = {"content-security-policy": POLICY}
    return ASGIResponse(body=body, media_type="text/html", headers=headers)
