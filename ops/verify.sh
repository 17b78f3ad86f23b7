#!/usr/bin/env bash
# Runs what is too long for CI and writes docs/evidence: full counts instead of seeded samples.
set -euo pipefail
cd "$(dirname "$0")/.."

export SWITCHYARD_TEST_FULL=1
.venv/bin/python -m pytest -q tests/contract tests/integration tests/acceptance
outcomes="${SWITCHYARD_TEST_OUTCOMES:-../shared/data/routing/dev.csv.gz}"
if [ -r "$outcomes" ]; then
    .venv/bin/python -m ops.train.complexity --data "$outcomes"
else
    echo "verify: SKIPPED the complexity rating: set SWITCHYARD_TEST_OUTCOMES to a csv of prompts and outcomes"
fi
.venv/bin/python -m ops.bench
