#!/usr/bin/env bash
# Runs test suites one after another, stops at the first that fails, makes a drawn handful of breaks (BREAKS=N), and asks
# for branch coverage of each named folder: ops/test.sh "FOLDER:PERCENT..." SUITE...
set -euo pipefail
cd "$(dirname "$0")/.."

cover="${1:?usage: ops/test.sh \"FOLDER:PERCENT...\" SUITE...}"
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
if [ "${BREAKS:-0}" != 0 ]; then
    echo "== breaks of the product, each of which must turn its tests red"
    "${run[@]}" ops.breaks --sample "$BREAKS"
fi
if [ -s "$samples" ]; then
    echo "== seeded samples (make verify runs them in full)"
    sort -u "$samples"
fi
"${run[@]}" coverage combine -q
for bound in $cover; do
    echo "== branch coverage of ${bound%:*}/, child processes included"
    "${run[@]}" coverage report --include="${bound%:*}/*" --fail-under="${bound#*:}"
done
