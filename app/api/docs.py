"""/docs, and / that leads there: the OpenAPI page, with assets of our own, and the list of error codes."""

import asyncio
import hashlib
import re
from collections.abc import Mapping
from html import escape
from pathlib import Path

import msgspec
from litestar import Litestar
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse
from litestar.types import ASGIApp

from app.api import codes
from app.api.auth import HttpRequest, Permission
from app.api.openapi import describe_api
from app.api.replies import JSON
from app.api.routing import route

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
_CODE = re.compile(r"`([^`]*)`")
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


def write_errors_page() -> str:
    """Return the page that the `type` of every problem points into; it says what docs/reference/errors.md says."""
    head = "".join(f"<th>{escape(cell)}</th>" for cell in codes.HEAD)
    lines = "\n".join(
        f'<tr id="{escape(row[0].strip("`"))}">{"".join(f"<td>{_html_of(cell)}</td>" for cell in row)}</tr>'
        for row in codes.rows()
    )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Switchyard: {codes.TITLE.lower()}</title>'
        f"</head><body><h1>{codes.TITLE}</h1><p>{_html_of(codes.TEXT)}</p><table><thead><tr>{head}</tr></thead>"
        f"<tbody>\n{lines}\n</tbody></table></body></html>"
    )


def _html_of(markdown: str) -> str:
    """Return a text whose only mark is `code` as HTML."""
    return _CODE.sub(r"<code>\1</code>", escape(markdown))


class Docs:
    """The routes under /docs, and `/`, which leads there. An asset is read when it is first asked for."""

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
            route("GET", "/", self.home, Permission.PUBLIC),
            route("GET", "/docs", self.page, Permission.PUBLIC),
            route("GET", "/docs/openapi.json", self.document, Permission.PUBLIC),
            route("GET", "/docs/errors", self.errors, Permission.PUBLIC),
            route("GET", "/docs/assets/{name:str}", self.asset, Permission.PUBLIC),
        ]

    async def home(self, request: HttpRequest) -> ASGIApp:  # noqa: ARG002
        """Lead whoever opens the bare address to the page; only for now, so that no browser keeps it."""
        return ASGIResponse(status_code=307, headers={"location": "/docs"}, media_type="text/plain")

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
