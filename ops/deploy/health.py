"""Asks one address and says by the exit status whether it answers 200: the health check of the image."""

import http.client
import sys
from collections.abc import Sequence
from urllib.parse import urlsplit

LIMIT_S = 8.0
"""For connecting and for each read; less than the `timeout` of HEALTHCHECK, so that the reason is still told."""


def problem(url: str, *, limit_s: float) -> str | None:
    """Return why `url` does not answer 200 in time, or None when it does. Redirects and proxies are not followed."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=limit_s)
    try:
        connection.request("GET", parts.path or "/")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"{url}: {type(error).__name__}"
    finally:
        connection.close()
    return None if status == http.client.OK else f"{url}: {status}"


def main(arguments: Sequence[str]) -> int:
    """Return 0 when the address in `arguments` answers 200, 1 when it does not, 2 without an address."""
    if len(arguments) != 1:
        sys.stderr.write("usage: health.py URL\n")
        return 2
    found = problem(arguments[0], limit_s=LIMIT_S)
    if found is not None:
        sys.stderr.write(f"{found}\n")
    return 0 if found is None else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
