"""Who may call the node from a browser: Ollama's checks of Origin and Host."""

import fnmatch
import ipaddress
import socket

from aiohttp import web

_LOCAL_HOSTS = ("localhost", "127.0.0.1", "0.0.0.0")  # noqa: S104  names in a list, nothing is bound
_LOCAL_SCHEMES = ("app://*", "file://*", "tauri://*", "vscode-webview://*", "vscode-file://*")
_LOCAL_ENDINGS = (".localhost", ".local", ".internal")
_METHODS = "GET,POST,PUT,PATCH,DELETE,HEAD,OPTIONS"
_HEADERS = (
    "Authorization,Content-Type,User-Agent,Accept,X-Requested-With,Openai-Beta,X-Stainless-Arch,X-Stainless-Async,"
    "X-Stainless-Custom-Poll-Interval,X-Stainless-Helper-Method,X-Stainless-Lang,X-Stainless-Os,"
    "X-Stainless-Package-Version,X-Stainless-Poll-Helper,X-Stainless-Retry-Count,X-Stainless-Runtime,"
    "X-Stainless-Runtime-Version,X-Stainless-Timeout"
)


def allowed_origins(configured: tuple[str, ...]) -> tuple[str, ...]:
    """Patterns of origins that may call (envconfig/config.go, AllowedOrigins)."""
    local = [f"{scheme}://{host}{port}" for host in _LOCAL_HOSTS for scheme in ("http", "https") for port in ("", ":*")]
    return (*configured, *local, *_LOCAL_SCHEMES)


def cross_origin(request: web.Request, patterns: tuple[str, ...]) -> dict[str, str] | None:
    """Headers for a request with an Origin; None when that origin may not call; empty without one.

    A preflight gets the longer list (gin-contrib/cors, as server/routes.go sets it up).
    """
    origin = request.headers.get("Origin", "")
    if not origin or origin in (f"http://{request.host}", f"https://{request.host}"):
        return {}
    if not any(fnmatch.fnmatchcase(origin, pattern) for pattern in patterns):
        return None
    allowed_origin = "*" if "*" in patterns else origin
    headers = {"Access-Control-Allow-Origin": allowed_origin}
    if allowed_origin != "*":
        headers["Vary"] = "Origin"
    if request.method == "OPTIONS":
        headers |= {
            "Access-Control-Allow-Methods": _METHODS,
            "Access-Control-Allow-Headers": _HEADERS,
            "Access-Control-Max-Age": "43200",
        }
    return headers


def is_allowed_host(host: str) -> bool:
    """Whether a Host header names this machine (server/routes.go, allowedHostsMiddleware): a page of another name
    that resolves to a loopback address must not reach the node."""
    name = host.rpartition(":")[0] if ":" in host and not host.endswith("]") else host
    name = name.strip("[]").lower()
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return name in ("", "localhost", socket.gethostname().lower()) or name.endswith(_LOCAL_ENDINGS)
    return address.is_loopback or address.is_private or address.is_unspecified
