"""A program that embeds the server, with tools that break in every way there is."""

from __future__ import annotations

import sys

from assistant.cli import main
from tests.telemetry.canaries.mischief import tools

if __name__ == "__main__":
    sys.exit(main(tools=tools()))
