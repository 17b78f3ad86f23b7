#!/usr/bin/env bash
# Runs what is too long for CI and writes docs/evidence: full counts instead of seeded samples.
# ops/verify.sh [--only PARTS] [--kills N] [--seed N]; `python -m ops.verify --help` lists the parts.
set -euo pipefail
cd "$(dirname "$0")/.."

exec .venv/bin/python -m ops.verify "$@"
