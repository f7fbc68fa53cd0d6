"""Prometheus' own tool, where it is installed."""

from __future__ import annotations

import asyncio
import shutil


def promtool() -> str | None:
    """Return where it is, or None."""
    return shutil.which("promtool")


async def checked(*arguments: str, stdin: str = "") -> str:
    """Run it and return what it complained of; fails where it says no."""
    process = await asyncio.create_subprocess_exec(
        promtool() or "promtool",
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await process.communicate(stdin.encode())
    assert process.returncode == 0, (out + errors).decode()
    return errors.decode().strip()
