#!/usr/bin/env bash
# Brings a browser for the tests that look at pages as people do, where that may be done: ops/browser.sh
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '%s\n' "browser: $*"; }

if command -v chromium >/dev/null; then exit 0; fi
if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then
    say "SKIPPED, chromium is not here and only root may install it: the pages are not looked at in a browser"
    say "it is in the Debian package chromium: sudo apt-get install --no-install-recommends chromium"
    exit 0
fi
say "installing the Debian package chromium (running as root)"
export DEBIAN_FRONTEND=noninteractive
install_it() { apt-get -qq install -y --no-install-recommends chromium >/dev/null 2>&1; }
if install_it || { apt-get -qq update && install_it; }; then exit 0; fi
# The test itself fails in CI where it could have been had; a developer's machine may be without a network.
say "chromium could not be installed: see what \`apt-get install chromium\` says"
[ -z "${CI:-}" ] || exit 1
