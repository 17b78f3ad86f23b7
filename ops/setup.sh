#!/usr/bin/env bash
# Makes .venv and installs one lock file into it, only when that file changed: ops/setup.sh local|dev
set -euo pipefail
cd "$(dirname "$0")/.."

name="${1:?usage: ops/setup.sh local|dev}"
lock="requirements/${name}.lock"
stamp=".venv/.installed-${name}"
python=".venv/bin/python"

say() { printf '%s\n' "setup: $*"; }
fail() { printf '%s\n' "setup: $*" >&2; exit 1; }

find_python() {
    local candidate
    for candidate in ${PYTHON:+"$PYTHON"} python3 python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            printf '%s' "$candidate"
            return
        fi
    done
    fail "Python 3.11 or later is needed, and none was found. Install it, or name it: make PYTHON=/path/to/python3"
}

install_venv_package() {
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        fail "python3 lacks its venv module. On Debian or Ubuntu: sudo apt-get install python3-venv; then run make again."
    fi
    say "python3 lacks its venv module; installing the Debian package python3-venv (running as root)"
    apt-get -qq update
    DEBIAN_FRONTEND=noninteractive apt-get -qq install -y python3-venv >/dev/null
}

make_venv() {
    local base
    base="$(find_python)"
    # Debian ships venv without ensurepip until python3-venv is installed.
    "$base" -c 'import ensurepip, venv' 2>/dev/null || install_venv_package
    say "making .venv with $("$base" --version)"
    rm -rf .venv
    "$base" -m venv .venv
}

# Prints the lines of one package in the lock: its version and its hashes.
locked() {
    awk -v name="$1==" 'index($0, name) == 1 { on = 1; print; next } on && /^    --hash/ { print; next } { on = 0 }' "$lock"
}

with_pip() { "$python" -m pip install --disable-pip-version-check --no-input --require-hashes --no-deps "$@"; }

install_lock() {
    local uv="" one
    say "installing $(grep -c '==' "$lock") packages of ${lock}, each checked against its hash"
    "$python" -m pip --version >/dev/null 2>&1 || [ -x .venv/bin/uv ] || "$python" -m ensurepip >/dev/null
    # uv fetches many packages at a time; pip does as well, slower.
    if [ ! -x .venv/bin/uv ] && [ -z "${SWITCHYARD_LOCAL_PIP_ONLY:-}" ]; then
        one="$(mktemp)"
        locked uv >"$one"
        with_pip -q -r "$one" || say "uv cannot be installed here; going on with pip"
        rm -f "$one"
    fi
    if [ -z "${SWITCHYARD_LOCAL_PIP_ONLY:-}" ] && .venv/bin/uv --version >/dev/null 2>&1; then uv=.venv/bin/uv; fi
    # The lock names every package, so nothing has to be resolved.
    if [ -n "$uv" ] && "$uv" pip install --python "$python" --require-hashes --no-deps -r "$lock"; then return; fi
    [ -z "$uv" ] || say "uv did not manage; trying pip"
    "$python" -m pip --version >/dev/null 2>&1 || "$python" -m ensurepip >/dev/null
    with_pip -r "$lock"
}

# Prometheus' own tools judge the alerts; what is skipped without them is said here, not found out later.
bring_alert_tools() {
    local files tests
    ops/prometheus.sh programs || true
    if (PATH="$PATH:.venv/bin"; command -v promtool && command -v amtool) >/dev/null; then return; fi
    files="$(grep -rlE 'monitoring_programs|integration\.monitoring' tests --include='test_*.py' 2>/dev/null || true)"
    # shellcheck disable=SC2086 # a list of our own files, without spaces
    tests="$("$python" -m pytest --collect-only -q $files 2>/dev/null | grep -c '::' || true)"
    say "promtool and amtool are not here and cannot be brought: up to ${tests} tests of the alerts will be skipped"
    say "they are in the Debian packages prometheus and prometheus-alertmanager; put them on PATH, or run make setup as root"
}

# `.venv/bin/switchyard`, from any directory.
write_command() {
    cat >.venv/bin/switchyard <<'END'
#!/bin/sh
root="$(cd "$(dirname "$0")/../.." && pwd)"
PYTHONPATH="$root" exec "$root/.venv/bin/python" -P -m app.cli "$@"
END
    chmod +x .venv/bin/switchyard
}

# A clone that was moved has a .venv that names the old place.
if [ -e .venv ] && ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    say ".venv does not work (moved, or its Python is gone); making it again"
    rm -rf .venv
fi
[ -d .venv ] || make_venv
[ -x .venv/bin/switchyard ] || write_command
wanted="$(cksum <"$lock")"
if [ "$(cat "$stamp" 2>/dev/null || true)" = "$wanted" ]; then exit 0; fi
install_lock
printf '%s\n' "$wanted" >"$stamp"
# dev holds all of local.
if [ "$name" = dev ]; then
    cksum <requirements/local.lock >.venv/.installed-local
    bring_alert_tools
fi
say "done"
