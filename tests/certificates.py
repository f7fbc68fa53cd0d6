"""Certificates of 127.0.0.1 for servers in tests that speak TLS."""

from __future__ import annotations

import ssl
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from assistant.models import now

PASSWORD = b"hunter22"


def lay_certificate(folder: Path) -> Path:
    """Lay `cert.pem` into a folder; beside it its key, once plain and once locked."""
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
    (folder / "cert.pem").write_bytes(made.public_bytes(Encoding.PEM))
    for file, locked in (
        ("key.pem", NoEncryption()),
        ("locked.pem", BestAvailableEncryption(PASSWORD)),
    ):
        text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked)
        (folder / file).write_bytes(text)
    return folder / "cert.pem"


def tls_server(certificate: Path, *, asks: bool = False) -> ssl.SSLContext:
    """Return what a server speaks TLS with; one that asks wants a certificate of its client."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=certificate)
    tls.load_cert_chain(certificate, certificate.with_name("key.pem"))
    tls.verify_mode = ssl.CERT_REQUIRED if asks else ssl.CERT_NONE
    return tls
