"""The names of everything in Redis, in one place.

| key | type | holds |
| --- | --- | --- |
| `session:<sid>` | string | the session record, JSON |
| `session:<sid>:messages` | list | history lines, JSON |
| `session:<sid>:lane` | list | ids of its open runs, the one whose turn it is first |
| `session:<sid>:runs` | set | ids of all its runs, for deletion |
| `run:<rid>` | hash | `spec` and `end` (JSON), `status`, `attempt`, `holder`, `cancel` … |
| `run:<rid>:log` | stream | entry `1-<n>`: `e` the event as JSON, `w` who wrote it |
| `run:<rid>:lease` | string | the attempt that may write the log; expires by itself |
| `run:<rid>:checkpoint` | string | how far the run is, for whoever takes it over; JSON |
| `run:<rid>:effects` | hash | the ledger: intent and result of each effectful call, JSON |
| `run:<rid>:approvals` | hash | what waits for a yes, or waited, by call id; JSON |
| `runs:open` | sorted set | ids of runs that have not ended, by time of acceptance |
| `runs:queued` | set | ids of runs that nobody has begun |
| `queue` | sorted set | ids of runs that could begin, by fair turn |
| `queue:clock`, `:turns`, `:arrivals`, `:teller` | | what the turns are reckoned from |
| `taken:<token>` | string | the run that was taken, in case the reply is lost |
| `approvals:due` | sorted set | `<rid> <call id>` of open approvals, by expiry |
| `cast:<digest>` | string | the personas that play in a run, exactly as they were; JSON |
| `workers` | hash | processes that execute, when they last said so, and how busy they are |
| `sessions:<owner>` | sorted set | ids of an owner's sessions, by time of creation |
| `idempotency:<owner>:<sha>` | string | fingerprint and run of a request that carried a key |
| `cache:<sha>` | string | the run that answers a question |
| `stats` | hash | counts since the store began |

The scripts in `lua/` name the keys of runs from their ids, so one node has to hold them all.

Channels: `chat:events:<sid>` (the run's id where there is no session) carries every logged entry;
`assistant:control` carries requests to cancel, and word of work.
"""

from __future__ import annotations

PREFIX = "assistant:"
OPEN = f"{PREFIX}runs:open"
QUEUED = f"{PREFIX}runs:queued"
QUEUE = f"{PREFIX}queue"
DUE = f"{PREFIX}approvals:due"
STATS = f"{PREFIX}stats"
WORKERS = f"{PREFIX}workers"
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


def approvals(run_id: str) -> str:
    """Return the key of what waits for a yes in a run, or waited."""
    return f"{PREFIX}run:{run_id}:approvals"


def all_of_run(run_id: str) -> tuple[str, ...]:
    """Return every key that belongs to one run."""
    parts = ("", ":log", ":lease", ":checkpoint", ":effects", ":approvals")
    return tuple(f"{PREFIX}run:{run_id}{part}" for part in parts)


def cast(digest: str) -> str:
    """Return the key of the personas that play in a run."""
    return f"{PREFIX}cast:{digest}"


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
