#!/usr/bin/env bash
# Writes requirements/*.lock from pyproject.toml; no release younger than a week is taken.
set -euo pipefail
cd "$(dirname "$0")/.."

uv=".venv/bin/uv"
[ -x "$uv" ] || { echo "lock: run make setup first" >&2; exit 1; }
before="$(.venv/bin/python -c 'from datetime import UTC, datetime, timedelta as d; print((datetime.now(UTC) - d(days=7)).date())')"
options=(--universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --exclude-newer "$before" --quiet)
if [ "${1:-}" = --upgrade ]; then options+=(--upgrade); fi

# Each larger lock is constrained by the smaller one, so that a package has one version in all three.
"$uv" pip compile pyproject.toml "${options[@]}" -o requirements/runtime.lock
"$uv" pip compile pyproject.toml "${options[@]}" --group local -c requirements/runtime.lock -o requirements/local.lock
"$uv" pip compile pyproject.toml "${options[@]}" --group local --group dev -c requirements/local.lock -o requirements/dev.lock
# Servers that the bench stands beside are installed apart, so they share no version with ours.
"$uv" pip compile requirements/peers-litellm.in "${options[@]}" -o requirements/peers-litellm.lock
# So are the clients that `make verify` tries.
"$uv" pip compile requirements/clients.in "${options[@]}" -o requirements/clients.lock
echo "lock: wrote $(grep -c '==' requirements/dev.lock) packages, none released after ${before}"
