"""Asks one address and says by the exit status whether it answers 200: the health check of the image.

A worker's metrics come from a thread of their own, which answers while the worker hangs. So `--awake SECONDS` also asks
that its event loop looked at itself so recently.
"""

import argparse
import http.client
import re
import sys
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

LIMIT_S = 8.0
"""For connecting and for each read; less than the `timeout` of HEALTHCHECK, so that the reason is still told."""
AWAKE_AT = re.compile(rb"^switchyard_loop_awake_timestamp_seconds (\S+)$", re.MULTILINE)
BODY_BYTES = 4_000_000


def problem(url: str, *, limit_s: float, awake_s: float | None = None) -> str | None:
    """Return why `url` does not answer 200 in time, or None when it does. Redirects and proxies are not followed.

    With `awake_s` the answer is metrics, and the event loop behind them must have been awake within so many seconds.
    """
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=limit_s)
    try:
        connection.request("GET", parts.path or "/")
        response = connection.getresponse()
        status, body = response.status, response.read(BODY_BYTES) if awake_s is not None else b""
    except (OSError, http.client.HTTPException) as error:
        return f"{url}: {type(error).__name__}"
    finally:
        connection.close()
    if status != http.client.OK:
        return f"{url}: {status}"
    return None if awake_s is None else _asleep(body, awake_s)


def _asleep(metrics: bytes, awake_s: float) -> str | None:
    found = AWAKE_AT.search(metrics)
    if found is None:
        return "the metrics do not say when the event loop was awake"
    ago_s = time.time() - float(found.group(1))
    return None if ago_s <= awake_s else f"the event loop was last awake {ago_s:.0f} s ago"


def main(arguments: Sequence[str]) -> int:
    """Return 0 when the address in `arguments` answers 200, 1 when it does not; exits with 2 without an address."""
    parser = argparse.ArgumentParser(prog="health.py", description="Say whether an address answers 200.")
    parser.add_argument("url")
    parser.add_argument("--awake", type=float, metavar="SECONDS", help="the event loop was awake so recently")
    given = parser.parse_args(arguments)
    found = problem(given.url, limit_s=LIMIT_S, awake_s=given.awake)
    if found is not None:
        sys.stderr.write(f"{found}\n")
    return 0 if found is None else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
