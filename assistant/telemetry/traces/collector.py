"""The collector: where it is, what it wants to see, and how long it may take."""

from __future__ import annotations

import base64
import gzip
import ssl
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit

from opentelemetry.util.re import parse_env_headers

import assistant
from assistant.errors import SettingsError
from assistant.settings import TelemetrySettings

_PACK: Mapping[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "deflate": zlib.compress}


@dataclass(frozen=True, slots=True, kw_only=True)
class Collector:
    """A receiver of OTLP over HTTP.

    Attributes:
        path: with the query, as a request names it.
        tls: how to speak to it over TLS; None where its URL begins with http.
        headers: sent with every request; they may hold a secret.
        pack: makes a request's body smaller, as its headers say.
        timeout: seconds for one request, from connecting to the last byte of the answer.
        patience: seconds until a batch is given up that it does not take.
    """

    host: str
    port: int
    path: str
    tls: ssl.SSLContext | None
    headers: Mapping[str, str]
    pack: Callable[[bytes], bytes]
    timeout: float
    patience: float

    @property
    def place(self) -> str:
        """Its address, as a log may show it."""
        return f"{self.host}:{self.port}"


def collector_of(settings: TelemetrySettings, endpoint: str) -> Collector:
    """Return the collector that settings name, at a URL for traces.

    Raises:
        SettingsError: when a file of certificates cannot be used.
    """
    url = urlsplit(endpoint)
    secure = url.scheme == "https"
    return Collector(
        host=url.hostname or "",
        port=url.port or (443 if secure else 80),
        path=(url.path or "/") + (f"?{url.query}" if url.query else ""),
        tls=_tls(settings) if secure else None,
        headers=_headers(settings, url),
        pack=_PACK.get(settings.otel_exporter_otlp_compression, bytes),
        timeout=settings.otel_exporter_otlp_timeout,
        patience=settings.otel_bsp_export_timeout / 1000,
    )


def _headers(settings: TelemetrySettings, url: SplitResult) -> dict[str, str]:
    headers = {
        "user-agent": f"persona-assistant/{assistant.__version__}",
        "content-type": "application/x-protobuf",
        "connection": "close",
    }
    if settings.otel_exporter_otlp_compression != "none":
        headers["content-encoding"] = settings.otel_exporter_otlp_compression
    if url.username is not None:
        login = f"{unquote(url.username)}:{unquote(url.password or '')}"
        headers["authorization"] = f"Basic {base64.b64encode(login.encode()).decode()}"
    given = settings.otel_exporter_otlp_headers
    text = given.get_secret_value() if given else ""
    return {**headers, **parse_env_headers(text, liberal=True)}


def _tls(settings: TelemetrySettings) -> ssl.SSLContext:
    try:
        tls = ssl.create_default_context(cafile=settings.otel_exporter_otlp_certificate)
        if settings.otel_exporter_otlp_client_certificate is not None:
            # With a password given, it is not asked for on a terminal.
            tls.load_cert_chain(
                settings.otel_exporter_otlp_client_certificate,
                settings.otel_exporter_otlp_client_key,
                password="",
            )
    except OSError as error:
        detail = (
            "OTEL_EXPORTER_OTLP_CERTIFICATE, OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE, "
            "OTEL_EXPORTER_OTLP_CLIENT_KEY: must be readable PEM files that belong together "
            f"({error.strerror or type(error).__name__})"
        )
        raise SettingsError(detail) from None
    return tls
