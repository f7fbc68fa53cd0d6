"""A conversation in the terminal with a persona of a running server."""

from __future__ import annotations

import argparse
import asyncio
import sys
from http import HTTPStatus

import aiohttp
import msgspec

from assistant.cli.memory import set_aside
from assistant.errors import UnauthenticatedError
from assistant.models import new_id
from assistant.settings import Settings
from assistant.telemetry import redact


def chat(options: argparse.Namespace, _settings: Settings) -> int:
    """Talk to the server that the options name, with the token that the environment holds."""
    set_aside()
    token = options.environment.get("ASSISTANT_TOKEN")
    return asyncio.run(_talk(options.url, options.persona, token))


async def _talk(url: str, persona: str | None, token: str | None) -> int:
    """Read lines, print answers as they come; ends with an empty line; returns the exit code.

    Raises:
        UnauthenticatedError: when the server does not take the token, or wants one.
    """
    session_id = new_id("ses")
    headers = {"Authorization": f"Bearer {token}"} if token else None
    endless = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(url, timeout=endless, headers=headers) as http:
        try:
            known = await _personas(http)
        except aiohttp.ClientError:
            shown = redact(url)
            sys.stderr.write(
                f"assistant: no server answers at {shown}; start one: assistant serve\n"
            )
            return 1
        chosen = (
            known.get(persona) if persona else next(p for p in known.values() if p["is_default"])
        )
        if chosen is None:
            sys.stderr.write(f"assistant: no persona '{persona}'; there are: {', '.join(known)}\n")
            return 2
        sys.stdout.write(f"{chosen['notice']}\n\n{chosen['greeting']}\n")
        while line := (await asyncio.to_thread(_ask)).strip():
            body = {"message": line, "session_id": session_id, "persona_type": chosen["name"]}
            await _answer(http, body)
    return 0


async def _personas(http: aiohttp.ClientSession) -> dict[str, dict[str, str]]:
    async with http.get("/personas") as reply:
        found = await reply.json()
        if reply.status == HTTPStatus.UNAUTHORIZED:
            detail = f"{found['detail']} Here: set ASSISTANT_TOKEN to a key or token."
            raise UnauthenticatedError(detail)
    return {persona["name"]: persona for persona in found["personas"]}


async def _answer(http: aiohttp.ClientSession, body: dict[str, str]) -> None:
    async with http.post("/chat", json=body, headers={"Accept": "text/event-stream"}) as reply:
        if reply.content_type != "text/event-stream":
            sys.stdout.write(f"({(await reply.json())['detail']})\n")
            return
        async for line in reply.content:
            if line.startswith(b"data: "):
                _show(msgspec.json.decode(line[6:]))
    sys.stdout.write("\n")


def _show(frame: dict[str, str]) -> None:
    if frame["type"] == "safety.flagged":
        sys.stdout.write(f"[{frame['message']}]\n")
    elif frame["status"] == "error":
        sys.stdout.write(f"\n({frame['detail']})")
    sys.stdout.write(frame["content"])
    sys.stdout.flush()


def _ask() -> str:
    try:
        return input("\n> ")
    except EOFError:
        return ""
