"""The command line and its commands; alone in reading the environment."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from dotenv import dotenv_values

from assistant.cli.certificates import read_when_used
from assistant.cli.memory import uncollected
from assistant.cli.parser import Act, make_parser
from assistant.cli.variables import with_telemetry
from assistant.errors import AssistantError
from assistant.settings import Settings
from assistant.telemetry import configure_logging, log_crashes, redact
from assistant.telemetry.redaction import use_policy

if TYPE_CHECKING:
    from assistant.tool import Tools
    from assistant.web import Identify


def main(
    arguments: Sequence[str] | None = None,
    *,
    tools: Tools | None = None,
    identify: Identify | None = None,
) -> int:
    """Run a command.

    Args:
        arguments: as typed; without them the process's own.
        tools: an embedding program's own tools, by name, which its personas may use.
        identify: says on whose behalf a request is made; without it everyone is a visitor.

    Returns:
        The exit code: 0 all well, 1 something failed, 2 wrong usage, setting or file.
    """
    options = make_parser().parse_args(arguments)
    options.tools, options.identify = tools, identify
    options.environment = _environment(options)
    try:
        settings = Settings.from_mapping(with_telemetry(options.environment))
        use_policy(settings.redaction_file)
        level = "DEBUG" if settings.debug else settings.log_level
        configure_logging(level, settings.log_format, levels=settings.log_levels)
        log_crashes()
        with uncollected():
            with read_when_used():
                act: Act = options.load()
            return act(options, settings)
    except AssistantError as error:
        # A key that was pasted to where none belongs is not shown either.
        sys.stderr.write(f"assistant: {redact(error.detail)}\n")
        return 2
    except KeyboardInterrupt:
        return 130


def _environment(options: argparse.Namespace) -> Mapping[str, str | None]:
    """Return the settings' sources merged: flags over environment over file."""
    flags = {
        name.upper(): value
        for name in ("host", "port", "worker_port")
        if (value := getattr(options, name, None)) is not None
    }
    return {**dotenv_values(options.env_file), **os.environ, **flags}
