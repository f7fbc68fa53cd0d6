"""A collector over TLS: it must be who it says, and it may ask the same of us."""

from __future__ import annotations

import asyncio
import ssl
import time
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from assistant.errors import SettingsError
from assistant.models import now
from assistant.telemetry.traces.sending import Answer, post
from tests.telemetry.traces.collectors import behaving, collector_at, well

_PASSWORD = b"hunter22"


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Return a certificate of 127.0.0.1; beside it its key, once plain and once locked."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "collector")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now() - timedelta(days=1))
        .not_valid_after(now() + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (tmp_path / "cert.pem").write_bytes(made.public_bytes(Encoding.PEM))
    for file, locked in (
        ("key.pem", NoEncryption()),
        ("locked.pem", BestAvailableEncryption(_PASSWORD)),
    ):
        text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked)
        (tmp_path / file).write_bytes(text)
    return tmp_path / "cert.pem"


def _server(certificate: Path, *, asks: bool) -> ssl.SSLContext:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=certificate)
    tls.load_cert_chain(certificate, certificate.with_name("key.pem"))
    tls.verify_mode = ssl.CERT_REQUIRED if asks else ssl.CERT_NONE
    return tls


async def _sent(url: str, **variables: object) -> Answer:
    collector = collector_at(url.replace("http:", "https:"), **variables)
    end = time.monotonic() + 5
    return await asyncio.to_thread(post, collector, b"spans", lambda: end)


async def test_both_know_each_other(certificate: Path) -> None:
    async with behaving(well, tls=_server(certificate, asks=True)) as fake:
        answer = await _sent(
            fake.url,
            OTEL_EXPORTER_OTLP_CERTIFICATE=certificate,
            OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE=certificate,
            OTEL_EXPORTER_OTLP_CLIENT_KEY=certificate.with_name("key.pem"),
        )
    assert answer.status == 200


async def test_a_collector_that_nobody_vouches_for_gets_nothing(certificate: Path) -> None:
    async with behaving(well, tls=_server(certificate, asks=False)) as fake:
        with pytest.raises(ssl.SSLCertVerificationError):
            await _sent(fake.url)


def test_a_key_with_a_password_is_refused_without_asking_for_it(certificate: Path) -> None:
    with pytest.raises(SettingsError, match="OTEL_EXPORTER_OTLP_CLIENT_KEY"):
        collector_at(
            "https://127.0.0.1/v1/traces",
            OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE=certificate,
            OTEL_EXPORTER_OTLP_CLIENT_KEY=certificate.with_name("locked.pem"),
        )
