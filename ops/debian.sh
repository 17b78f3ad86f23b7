#!/usr/bin/env bash
# Brings programs out of Debian packages into .venv/bin, for scripts that source this from the repository's root.
set -euo pipefail

# Programs that lie here are found by these scripts, by the tests and by the local stack; PATH goes first.
bin=".venv/bin"
lib=".venv/lib/debian"
export PATH="$PATH:$PWD/$bin"

# Says whether a program of an unpacked package may be placed: FOLDER PROGRAM. A script may say more.
may_place() { return 0; }

# Unpacks a Debian package, checked by apt against the archive's signature, and keeps only the named programs. It is
# not installed, because it would start a server of its own.
bring() {
    local package="$1" folder program
    shift
    for program; do command -v "$program" >/dev/null || break; done
    if command -v "$program" >/dev/null || ! can_unpack; then return; fi
    folder="$(mktemp -d)"
    if unpack "$package" "$folder"; then
        say "bringing $* from the Debian package ${package} into .venv/bin"
        mkdir -p "$bin"
        for program; do
            if may_place "$folder" "$program"; then
                install -m 755 "$(find "$folder/usr/bin" "$folder/usr/sbin" -name "$program" -type f 2>/dev/null | head -n 1)" \
                    "$bin/$program"
            fi
        done
    fi
    rm -rf "$folder"
}

# Unpacks a Debian package and keeps its shared libraries in .venv/lib/debian, unless the machine has the named one.
bring_library() {
    local package="$1" name="$2" folder
    if ls "$lib/$name" >/dev/null 2>&1 || ldconfig -p 2>/dev/null | grep -q "$name" || ! can_unpack; then return; fi
    folder="$(mktemp -d)"
    if unpack "$package" "$folder"; then
        mkdir -p "$lib"
        find "$folder" -name '*.so.*' -exec cp -a {} "$lib/" \;
    fi
    rm -rf "$folder"
}

can_unpack() { command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null; }

# Downloads and unpacks a package into a folder; fails where Debian's packages cannot be had.
unpack() {
    if ! download "$1" "$2" && [ "$(id -u)" = 0 ]; then
        apt-get -qq update || true
        download "$1" "$2" || true
    fi
    dpkg-deb -x "$2"/*.deb "$2" 2>/dev/null
}

# As root, apt would download as another user, who may not write to our folder.
download() { (cd "$2" && apt-get -qq -o APT::Sandbox::User="$(id -un)" download "$1" >/dev/null 2>&1); }

# In CI, where it could have been brought, what is missing is no reason to pass.
fail_in_ci() {
    if [ -z "${CI:-}" ] || [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then return 0; fi
    say "FAILED, $1"
    exit 1
}
