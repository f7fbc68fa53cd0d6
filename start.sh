#!/usr/bin/env bash
# Sets up what the server needs, then runs it. All flags go to `assistant serve`, all of the
# environment and .env to its settings.
#
#   ./start.sh                  demo model, embedded store: no key, no other service
#   ./start.sh --port 9000      flags pass through
#   ./start.sh --local          installs a small language model and answers with it
#   OPENAI_API_KEY=... ./start.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

sets=(runtime)
flags=()
for flag in "$@"; do
  if [ "$flag" = --local ]; then
    sets+=(local)
    export MODEL_PROVIDER=local
  else
    flags+=("$flag")
  fi
done
config/setup.sh "${sets[@]}"
exec .venv/bin/python -m assistant serve ${flags[@]+"${flags[@]}"}
