#!/usr/bin/env bash
# Makes .venv and installs locked packages into it: config/setup.sh runtime|dev|local ...
# Does nothing where they are installed already. Needs Python 3.11 or later, and no root.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

find_python() {
  local name
  for name in "${PYTHON:-}" python3 python3.14 python3.13 python3.12 python3.11 python; do
    if [ -n "$name" ] && command -v "$name" >/dev/null 2>&1 &&
      "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      echo "$name"
      return
    fi
  done
  echo "No Python 3.11 or later was found. Install one, or name it: PYTHON=/path/to/python $0" >&2
  exit 1
}

if [ ! -x .venv/bin/python ]; then
  python=$(find_python)
  echo "Making .venv with $("$python" --version)" >&2
  if ! "$python" -m venv .venv; then
    rm -rf .venv
    echo "Python's venv module is incomplete; on Debian and Ubuntu: apt-get install python3-venv" >&2
    exit 1
  fi
fi

for set in "$@"; do
  lock=config/locks/$set.txt
  stamp=.venv/installed-$set.txt
  if ! cmp -s "$lock" "$stamp"; then
    echo "Installing the $set packages" >&2
    .venv/bin/python -m pip install --quiet --disable-pip-version-check \
      --require-hashes --no-deps -r "$lock"
    cp "$lock" "$stamp"
  fi
done
