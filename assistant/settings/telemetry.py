"""What an operator sees of the server: settings of logs, traces and metrics."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
)

from assistant.settings.values import levels_by_name, refuse_if

_Milliseconds = Annotated[int, Field(ge=1, le=3_600_000)]


class TelemetrySettings(BaseModel):
    """Logs, traces and metrics; the `otel_` fields are OpenTelemetry's standard variables."""

    debug: bool = False
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["json", "console"] = "json"
    log_levels: Annotated[Mapping[str, str], BeforeValidator(levels_by_name)] = {}
    access_log_ip: Literal["off", "masked", "full"] = "off"
    access_log_user_agent: bool = False
    redaction_file: Path | None = None

    otel_exporter_otlp_endpoint: str | None = None
    otel_exporter_otlp_traces_endpoint: str | None = None
    otel_exporter_otlp_headers: SecretStr | None = None
    otel_exporter_otlp_timeout: float = Field(10, gt=0, le=3600)
    otel_exporter_otlp_compression: Literal["none", "gzip", "deflate"] = "none"
    otel_exporter_otlp_certificate: Path | None = None
    otel_exporter_otlp_client_certificate: Path | None = None
    otel_exporter_otlp_client_key: Path | None = None
    otel_traces_exporter: Literal["otlp", "none"] = "otlp"
    otel_bsp_schedule_delay: _Milliseconds = 5000
    otel_bsp_export_timeout: _Milliseconds = 30_000
    otel_bsp_max_queue_size: int = Field(2048, ge=1, le=100_000)
    otel_bsp_max_export_batch_size: int = Field(512, ge=1, le=100_000)
    otel_sdk_disabled: bool = False
    # What of: the conventions' values, and the older `true` and `false`.
    otel_instrumentation_genai_capture_message_content: Literal[
        "no_content", "span_only", "event_only", "span_and_event", "true", "false"
    ] = "no_content"
    trace_url: str | None = None

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator("otel_exporter_otlp_endpoint", "otel_exporter_otlp_traces_endpoint")
    @classmethod
    def _collector(cls, value: str | None) -> str | None:
        parts = urlsplit(value or "http://-")
        wrong = parts.scheme not in {"http", "https"} or not parts.hostname or parts.port == 0
        refuse_if(wrong, "must begin with http:// or https:// (OTLP over HTTP) and name a host")
        return value

    @field_validator("otel_bsp_max_export_batch_size")
    @classmethod
    def _fits_the_queue(cls, value: int, info: ValidationInfo) -> int:
        most = info.data.get("otel_bsp_max_queue_size", value)
        refuse_if(value > most, f"must not be greater than OTEL_BSP_MAX_QUEUE_SIZE, {most}")
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

    @field_validator("otel_instrumentation_genai_capture_message_content", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @property
    def captures_content(self) -> bool:
        """Whether spans hold what was said, to models and by them."""
        asked = self.otel_instrumentation_genai_capture_message_content
        return asked in {"true", "span_only", "span_and_event"}

    @property
    def traces_endpoint(self) -> str | None:
        """Where spans are sent; None where they are not made at all."""
        if self.otel_sdk_disabled or self.otel_traces_exporter == "none":
            return None
        general = self.otel_exporter_otlp_endpoint
        return self.otel_exporter_otlp_traces_endpoint or (
            f"{general.rstrip('/')}/v1/traces" if general else None
        )
