"""Opens the telemetry of a process that outlives its applications, which is its traces."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Literal

from assistant.settings import TelemetrySettings


@contextmanager
def open_telemetry(
    settings: TelemetrySettings, role: Literal["server", "worker"] = "server"
) -> Iterator[None]:
    """Record traces of this process until the block ends, which takes two seconds at most.

    Applications are made within. Without a collector in the settings nothing is loaded, let alone
    recorded. Metrics are opened by each application, as it also tells them.

    Args:
        settings: where traces go. OpenTelemetry reads the rest of its standard variables itself.
        role: what this process is for.

    Raises:
        SettingsError: when traces were opened in this process before.
    """
    with ExitStack() as stack:
        if settings.traces_endpoint is not None:
            # Loading all that takes time and memory, which nobody needs who records no traces.
            from assistant.telemetry.traces.provider import open_traces  # noqa: PLC0415 - as said

            stack.enter_context(open_traces(settings, settings.traces_endpoint, role))
        yield
