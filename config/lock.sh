#!/usr/bin/env bash
# Writes the lock files in config/locks from pyproject.toml. Versions that are locked stay where
# they still fit; to raise them: config/lock.sh --upgrade (or --upgrade-package NAME).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

uv=.venv/bin/uv
[ -x "$uv" ] || uv=$(command -v uv) || {
  echo "uv was not found; config/setup.sh dev installs it" >&2
  exit 1
}

# One lock for all platforms and for Python 3.11 and later. It names no index: packages are told
# apart by their hashes, wherever they come from.
lock() {
  local name=$1
  shift
  "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
    --no-emit-index-url --no-emit-find-links --output-file "config/locks/$name.txt" "$@"
}

mkdir -p config/locks
lock runtime pyproject.toml --extra docs "$@"
lock dev pyproject.toml --extra docs --group dev --constraints config/locks/runtime.txt "$@"
lock local --group local "$@"
lock build --group build "$@"
