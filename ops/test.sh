#!/usr/bin/env bash
# Runs stages one after another, stops at the first that fails, and asks for branch coverage of each named folder:
#   ops/test.sh "FOLDER:PERCENT..." STAGE...
# A stage is a list of suites, or lists that run side by side: "unit ops | integration". The word `breaks` in a list
# makes a drawn handful of breaks of the product (BREAKS=N). A suite may name some of its files, `ops/test_one.py,test_two.py`;
# where the whole suite stands in another list beside it, that leaves them out.
# One list alone, without asking for coverage: ops/test.sh --list SUITE...
set -euo pipefail
cd "$(dirname "$0")/.."
run=(.venv/bin/python -m)
export COVERAGE_RCFILE="$PWD/pyproject.toml"
# A test that failed has no limit any more while it is taken down: pytest and its plugins then lift theirs.
limited=(timeout --foreground --signal=INT --kill-after=90 "${SUITE_LIMIT_S:-3000}")

pytest_of() {
    local suite="$1" file files=() arguments=()
    if [[ "$suite" == */* ]]; then
        IFS=, read -ra files <<<"${suite#*/}"
        for file in "${files[@]}"; do arguments+=("tests/${suite%%/*}/$file"); done
    else
        arguments=("tests/$suite")
        for file in ${APART:-}; do
            if [[ "$file" == "tests/$suite/"* ]]; then arguments+=("--ignore=$file"); fi
        done
    fi
    "${limited[@]}" "${run[@]}" coverage run -m pytest -q "${arguments[@]}"
}

# The files that lists name, so that whole suites beside them leave them out.
apart_of() {
    local word file files
    for word in $1; do
        [[ "$word" == */* ]] || continue
        IFS=, read -ra files <<<"${word#*/}"
        for file in "${files[@]}"; do echo "tests/${word%%/*}/$file"; done
    done
}

one_after_another() {
    local suite
    for suite in "$@"; do
        if [ "$suite" = breaks ]; then
            echo "== breaks of the product, each of which must turn its tests red"
            "${run[@]}" ops.breaks --sample "${BREAKS:-5}"
        else
            echo "== tests/${suite}"
            pytest_of "$suite"
        fi
    done
}

side_by_side() {
    local list lists lanes=()
    IFS='|' read -ra lists <<<"$1"
    for list in "${lists[@]}"; do lanes+=("ops/test.sh --list $list"); done
    echo "== side by side: $1"
    APART="$(apart_of "$1")"
    export APART
    "${run[@]}" ops.lanes "${lanes[@]}"
    unset APART
}

if [ "${1:-}" = --list ]; then
    shift
    one_after_another "$@"
    exit
fi
cover="${1:?usage: ops/test.sh \"FOLDER:PERCENT...\" STAGE...}"
shift
samples="$(mktemp)"
trap 'rm -f "$samples"' EXIT
export SWITCHYARD_TEST_SAMPLES="$samples"

"${run[@]}" coverage erase
for stage in "$@"; do
    case "$stage" in
    *'|'*) side_by_side "$stage" ;;
    *) one_after_another $stage ;; # several words
    esac
done
if [ -s "$samples" ]; then
    echo "== seeded samples (make verify runs them in full)"
    sort -u "$samples"
fi
"${run[@]}" coverage combine -q
for bound in $cover; do
    echo "== branch coverage of ${bound%:*}/, child processes included"
    "${run[@]}" coverage report --include="${bound%:*}/*" --fail-under="${bound#*:}"
done
