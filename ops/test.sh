#!/usr/bin/env bash
# Runs test suites one after another, stops at the first that fails, and asks for branch coverage of app/:
# ops/test.sh PERCENT SUITE...
set -euo pipefail
cd "$(dirname "$0")/.."

percent="${1:?usage: ops/test.sh PERCENT SUITE...}"
shift
run=(.venv/bin/python -m)
export COVERAGE_RCFILE="$PWD/pyproject.toml"
samples="$(mktemp)"
trap 'rm -f "$samples"' EXIT
export SWITCHYARD_TEST_SAMPLES="$samples"

"${run[@]}" coverage erase
for suite in "$@"; do
    echo "== tests/${suite}"
    "${run[@]}" coverage run -m pytest -q "tests/${suite}"
done
if [ -s "$samples" ]; then
    echo "== seeded samples (make verify runs them in full)"
    sort -u "$samples"
fi
echo "== branch coverage of app/, child processes included"
"${run[@]}" coverage combine -q
"${run[@]}" coverage report --fail-under="$percent"
