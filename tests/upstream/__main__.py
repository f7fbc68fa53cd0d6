"""Runs the upstream as a process of its own, until it is told to stop."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys

from tests.upstream.app import create_upstream, serving


async def _run(host: str, port: int, key: str) -> None:
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    async with serving(create_upstream(key), host, port) as url:
        sys.stdout.write(f"listening {url}\n")
        sys.stdout.flush()
        await stop.wait()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m tests.upstream", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--key", default="", help="refuse requests that do not bear this key")
    args = parser.parse_args()
    asyncio.run(_run(args.host, args.port, args.key))


if __name__ == "__main__":
    main()
