"""Where spans go: to a collector, in the background, redacted, bounded, and counted when lost."""

from __future__ import annotations

from assistant.telemetry.traces.tally import dropped, exported

# Nothing here imports the SDK: `provider` does, and is imported only where spans go somewhere.
__all__ = ["dropped", "exported"]
