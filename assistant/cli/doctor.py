"""`assistant doctor`: tells what a server would have, and whether all of it is there."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping

import aiohttp
from opentelemetry.util.re import parse_env_headers

from assistant.cli.loop import run
from assistant.clinic import ClinicUnavailableError
from assistant.settings import Settings
from assistant.telemetry import redact
from assistant.wiring import Parts, open_parts

_PROTOBUF = {"Content-Type": "application/x-protobuf"}
_PATIENCE = aiohttp.ClientTimeout(total=5)


def look(options: argparse.Namespace, settings: Settings) -> int:
    """Open all parts as a server does, and tell of each how it is."""
    return run(_look(options, settings))


async def _look(options: argparse.Namespace, settings: Settings) -> int:
    async with open_parts(settings, options.tools) as parts:
        await parts.store.ping()
        clinic, (traced, traces) = await _answers(parts), await _traces(settings)
        model = parts.engine.model_name(parts.personas.get(None))
        _tell(
            {
                "personas": ", ".join(f"{p.slug} {p.version}" for p in parts.personas),
                "model": f"{parts.engine.provider}, {model}",
                "store": f"{parts.store.kind}{_fallback(parts)}",
                "clinic": f"{parts.clinic.kind}{'' if clinic else ' (it does not answer)'}",
                "who asks": f"AUTH_MODE={settings.auth_mode}",
                "traces": traces,
            }
        )
        return 0 if clinic and traced and not parts.store.degraded else 1


def _tell(lines: Mapping[str, str]) -> None:
    for name, value in lines.items():
        sys.stdout.write(f"{name:10}{value}\n")


def _fallback(parts: Parts) -> str:
    return " (fallback: REDIS_URL is not reachable)" if parts.store.degraded else ""


async def _answers(parts: Parts) -> bool:
    try:
        await parts.clinic.ping()
    except ClinicUnavailableError:
        return False
    return True


async def _traces(settings: Settings) -> tuple[bool, str]:
    """Return whether all is well with traces, and what is to be said of them.

    A collector is asked with an export of no spans, which OTLP allows.
    """
    url = settings.traces_endpoint
    if url is None:
        return True, "off (OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 turns them on)"
    given = settings.otel_exporter_otlp_headers
    headers = parse_env_headers(given.get_secret_value() if given else "", liberal=True)
    seen = f", to be seen at {settings.trace_url}" if settings.trace_url else ""
    try:
        async with (
            aiohttp.ClientSession(timeout=_PATIENCE) as client,
            client.post(url, data=b"", headers={**headers, **_PROTOBUF}) as reply,
        ):
            fault = "" if reply.ok else f"it answers {reply.status}"
    except (aiohttp.ClientError, TimeoutError):
        fault = "it does not answer"
    # The URL may hold a password.
    shown = redact(url)
    return not fault, f"{shown} ({fault})" if fault else f"{shown}{seen}"
