"""The names of everything in Redis, in one place.

| key | type | holds |
| --- | --- | --- |
| `session:<sid>` | string | the session record, JSON |
| `session:<sid>:messages` | list | history lines, JSON |
| `session:<sid>:lane` | list | ids of its open runs, the one whose turn it is first |
| `session:<sid>:runs` | set | ids of all its runs, for deletion |
| `run:<rid>` | hash | `spec` and `end` (JSON), `status`, `attempt`, `cancel`, `idempotency` … |
| `run:<rid>:log` | stream | entry `1-<n>`: `e` the event as JSON, `w` who wrote it |
| `run:<rid>:lease` | string | the process that may write the log; expires by itself |
| `runs:open` | sorted set | ids of runs that have not ended, by time of acceptance |
| `sessions:<owner>` | sorted set | ids of an owner's sessions, by time of creation |
| `idempotency:<owner>:<sha>` | string | fingerprint and run of a request that carried a key |
| `cache:<sha>` | string | the run that answers a question |
| `stats` | hash | counts since the store began |

Channels: `chat:events:<sid>` (the run's id where there is no session) carries every logged entry;
`assistant:control` carries requests to cancel.
"""

from __future__ import annotations

PREFIX = "assistant:"
OPEN = f"{PREFIX}runs:open"
STATS = f"{PREFIX}stats"
CONTROL = "assistant:control"


def session(session_id: str) -> str:
    """Return the key of a session's record."""
    return f"{PREFIX}session:{session_id}"


def messages(session_id: str) -> str:
    """Return the key of a session's history."""
    return f"{PREFIX}session:{session_id}:messages"


def lane(session_id: str) -> str:
    """Return the key of a session's open runs, in order."""
    return f"{PREFIX}session:{session_id}:lane"


def session_runs(session_id: str) -> str:
    """Return the key of the set of all runs of a session."""
    return f"{PREFIX}session:{session_id}:runs"


def run(run_id: str) -> str:
    """Return the key of a run's record."""
    return f"{PREFIX}run:{run_id}"


def log(run_id: str) -> str:
    """Return the key of a run's log."""
    return f"{PREFIX}run:{run_id}:log"


def lease(run_id: str) -> str:
    """Return the key of a run's lease."""
    return f"{PREFIX}run:{run_id}:lease"


def owner(name: str) -> str:
    """Return the key of an owner's sessions."""
    return f"{PREFIX}sessions:{name}"


def idempotency(owner_name: str, digest: str) -> str:
    """Return the key under which a request with an idempotency key is remembered."""
    return f"{PREFIX}idempotency:{owner_name}:{digest}"


def cache(digest: str) -> str:
    """Return the key of a cached answer."""
    return f"{PREFIX}cache:{digest}"


def channel(session_id: str | None, run_id: str) -> str:
    """Return the pub/sub channel on which a run's entries are announced."""
    return f"chat:events:{session_id or run_id}"
