#!/usr/bin/env bash
# Brings promtool, amtool, Prometheus and Alertmanager, then checks rules, cases and configurations: ops/prometheus.sh
# Only bring the programs: ops/prometheus.sh programs
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '%s\n' "prometheus: $*"; }

# shellcheck source=ops/debian.sh
. ops/debian.sh

# Debian's Alertmanager starts only if its templates lie in this folder of the system; nothing else needs a place there.
may_place() {
    local templates=usr/share/prometheus/alertmanager
    if [ "$2" != prometheus-alertmanager ] || [ -e "/$templates/default.tmpl" ]; then return 0; fi
    if ! { mkdir -p "/$templates" && cp "$1/$templates"/*.tmpl "/$templates/"; } 2>/dev/null; then
        say "only root may place what Alertmanager reads from /$templates: sudo apt-get install prometheus-alertmanager"
        return 1
    fi
}

missing() {
    fail_in_ci "$1 is not here and the Debian package $3 could not be had: $2 not checked"
    say "SKIPPED, $1 is not here and cannot be brought: $2 not checked"
    say "it is in the Debian package $3 (if apt knows no packages: sudo apt-get update); or put it on PATH"
}

# Both configurations with what only a running system has replaced: secrets, and the places of the local template.
prepare() {
    cp -r prometheus/. "$1"
    printf 'x' >"$1/secret"
    sed -i 's|/run/secrets/[a-z_]*|secret|' "$1/prometheus.yml" "$1/alertmanager.yml"
    sed -e 's|${SWITCHYARD_RULES}|["rules/*.yml"]|' -e 's|${SWITCHYARD_RUNBOOKS}|http://127.0.0.1/runbooks|' -e 's|${SWITCHYARD_[A-Z]*}|["127.0.0.1:1"]|' \
        "$1/prometheus.local.yml.template" >"$1/prometheus.local.yml"
    cp "$1/alertmanager.local.yml.template" "$1/alertmanager.local.yml"
    # `url_file` of a webhook is newer than Debian 12's amtool (0.26); its place is a URL.
    if ! amtool check-config "$1/alertmanager.yml" >"$1/answer" 2>&1 && grep -q 'field url_file not found' "$1/answer"; then
        sed -i 's|url_file: .*|url: http://127.0.0.1:9/|' "$1/alertmanager.yml"
    fi
}

bring prometheus promtool prometheus
bring prometheus-alertmanager amtool prometheus-alertmanager
[ "${1:-}" != programs ] || exit 0

if ! command -v promtool >/dev/null; then
    missing promtool "rules and scrape configurations were" prometheus
    exit 0
fi
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
prepare "$work"
# Speaks only where something is wrong.
quietly() { "$@" >"$work/answer" 2>&1 || { cat "$work/answer" >&2; exit 1; }; }

quietly promtool check config --lint-fatal "$work/prometheus.yml"
quietly promtool check config --lint-fatal "$work/prometheus.local.yml"
quietly promtool test rules prometheus/tests/*.yml
say "rules, their cases and both scrape configurations are right"
if ! command -v amtool >/dev/null; then
    missing amtool "the configurations of Alertmanager were" prometheus-alertmanager
    exit 0
fi
quietly amtool check-config "$work/alertmanager.yml" "$work/alertmanager.local.yml"
say "both configurations of Alertmanager are right"
