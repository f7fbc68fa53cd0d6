"""A collector over TLS: it must be who it says, and it may ask the same of us."""

from __future__ import annotations

import asyncio
import ssl
import time
from pathlib import Path

import pytest

from assistant.errors import SettingsError
from assistant.telemetry.traces.sending import Answer, post
from tests.certificates import lay_certificate, tls_server
from tests.telemetry.traces.collectors import behaving, collector_at, well


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Return a certificate of 127.0.0.1; beside it its key, once plain and once locked."""
    return lay_certificate(tmp_path)


async def _sent(url: str, **variables: object) -> Answer:
    collector = collector_at(url.replace("http:", "https:"), **variables)
    end = time.monotonic() + 5
    return await asyncio.to_thread(post, collector, b"spans", lambda: end)


async def test_both_know_each_other(certificate: Path) -> None:
    async with behaving(well, tls=tls_server(certificate, asks=True)) as fake:
        answer = await _sent(
            fake.url,
            OTEL_EXPORTER_OTLP_CERTIFICATE=certificate,
            OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE=certificate,
            OTEL_EXPORTER_OTLP_CLIENT_KEY=certificate.with_name("key.pem"),
        )
    assert answer.status == 200


async def test_a_collector_that_nobody_vouches_for_gets_nothing(certificate: Path) -> None:
    async with behaving(well, tls=tls_server(certificate, asks=False)) as fake:
        with pytest.raises(ssl.SSLCertVerificationError):
            await _sent(fake.url)


def test_a_key_with_a_password_is_refused_without_asking_for_it(certificate: Path) -> None:
    with pytest.raises(SettingsError, match="OTEL_EXPORTER_OTLP_CLIENT_KEY"):
        collector_at(
            "https://127.0.0.1/v1/traces",
            OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE=certificate,
            OTEL_EXPORTER_OTLP_CLIENT_KEY=certificate.with_name("locked.pem"),
        )
