#!/usr/bin/env bash
# Brings PgBouncer, through which tests/integration/test_pooler.py runs the platform: ops/pgbouncer.sh
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '%s\n' "pgbouncer: $*"; }

# shellcheck source=ops/debian.sh
. ops/debian.sh
export PATH="$PATH:/usr/sbin"

bring pgbouncer pgbouncer
bring_library libevent-2.1-7 libevent-2.1.so.7
bring_library libc-ares2 libcares.so.2
if command -v pgbouncer >/dev/null; then exit 0; fi
fail_in_ci "it is not here and the Debian package pgbouncer could not be had"
say "SKIPPED, it is not here and cannot be brought: it is in the Debian package pgbouncer"
