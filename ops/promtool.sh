#!/usr/bin/env bash
# Checks Prometheus rules and runs their tests; skips, and says so, where promtool cannot be had.
set -euo pipefail
cd "$(dirname "$0")/.."

shopt -s nullglob
rules=(prometheus/rules/*.yml)
cases=(prometheus/tests/*.yml)
if [ ${#rules[@]} = 0 ]; then
    echo "promtool: there are no rules yet"
    exit 0
fi
if ! command -v promtool >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "promtool: installing the Debian package prometheus, which holds it (running as root)"
    # The package would start a server of its own; only the program is wanted.
    apt-get -qq update && (cd "$(mktemp -d)" && apt-get -qq download prometheus && dpkg-deb -x prometheus_*.deb . \
        && install -m 755 usr/bin/promtool /usr/local/bin/promtool) || true
fi
if ! command -v promtool >/dev/null; then
    echo "promtool: SKIPPED, not installed (Debian: apt-get install prometheus); rules were not checked"
    exit 0
fi
promtool check rules "${rules[@]}"
[ ${#cases[@]} = 0 ] || promtool test rules "${cases[@]}"
