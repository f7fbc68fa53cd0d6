"""What an operator sees of the server: settings of logs, traces and metrics."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, SecretStr, field_validator

from assistant.settings.values import refuse_if


class TelemetrySettings(BaseModel):
    """Logs, traces and metrics; the `otel_` fields are OpenTelemetry's standard variables."""

    debug: bool = False
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["json", "console"] = "json"

    otel_exporter_otlp_endpoint: str | None = None
    otel_exporter_otlp_traces_endpoint: str | None = None
    otel_exporter_otlp_headers: SecretStr | None = None
    otel_traces_exporter: Literal["otlp", "none"] = "otlp"
    otel_sdk_disabled: bool = False
    trace_url: str | None = None

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator("otel_exporter_otlp_endpoint", "otel_exporter_otlp_traces_endpoint")
    @classmethod
    def _collector(cls, value: str | None) -> str | None:
        parts = urlsplit(value or "http://-")
        wrong = parts.scheme not in {"http", "https"} or not parts.hostname
        refuse_if(wrong, "must begin with http:// or https:// (OTLP over HTTP) and name a host")
        return value

    @field_validator("trace_url")
    @classmethod
    def _place_for_trace(cls, value: str | None) -> str | None:
        parts = urlsplit(value or "http://-/{trace_id}")
        wrong = (
            parts.scheme not in {"http", "https"} or "{trace_id}" not in parts.path + parts.query
        )
        refuse_if(wrong, "must begin with http:// or https:// and hold {trace_id}")
        return value

    @property
    def traces_endpoint(self) -> str | None:
        """Where spans are sent; None where they are not made at all."""
        if self.otel_sdk_disabled or self.otel_traces_exporter == "none":
            return None
        general = self.otel_exporter_otlp_endpoint
        return self.otel_exporter_otlp_traces_endpoint or (
            f"{general.rstrip('/')}/v1/traces" if general else None
        )
