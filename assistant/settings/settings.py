"""Every setting of the server: its name, default, limits and meaning, frozen once read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import quote, urlsplit

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from assistant.errors import SettingsError
from assistant.settings.telemetry import TelemetrySettings
from assistant.settings.values import EXAMPLES, SCHEMES, SECRET_BYTES, is_loopback, refuse_if

AuthMode = Literal["none", "api_key", "jwt"]
Seconds = Annotated[float, Field(gt=0, le=86_400 * 365)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Commas = Annotated[
    tuple[str, ...],
    BeforeValidator(
        lambda v: tuple(p.strip() for p in v.split(",") if p.strip()) if isinstance(v, str) else v
    ),
]


class Settings(TelemetrySettings):
    """The whole configuration; field names in capitals are the environment's names.

    Fields that hold a secret are `SecretStr`, so neither `repr` nor a log shows them.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", validate_default=True)

    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65_535)
    cors_origins: Commas = ()

    # Each needs those above it, so the order counts.
    auth_mode: AuthMode = "none"
    allow_no_auth: bool = False
    demo_switch: Literal["auto", "on", "off"] = "auto"
    api_keys_file: Path | None = None
    jwt_secret: SecretStr | None = None
    jwt_jwks: str | None = None
    jwt_issuer: str | None = None
    jwt_audience: str | None = None
    jwt_roles_claim: str = "roles"
    jwt_subject_claim: str = "patient"

    openai_api_key: SecretStr | None = None
    openai_base_url: str | None = None
    openai_model: str = "gpt-5-mini"
    openai_api: Literal["auto", "responses", "chat"] = "auto"
    model_provider: Literal["auto", "openai", "demo", "local"] = "auto"
    model_transport: Literal["direct", "sdk"] = "direct"
    local_model_path: Path | None = None
    max_tokens: int = Field(2000, ge=1, le=128_000)
    timeout_seconds: Seconds = 30
    run_deadline_seconds: Seconds = 300
    model_retries: int = Field(2, ge=0, le=10)

    redis_url: SecretStr | None = None
    redis_host: str | None = None
    redis_port: int = Field(6379, ge=1, le=65_535)
    redis_password: SecretStr | None = None
    store_fallback: Literal["embedded", "fail"] = "embedded"
    store_fsync: Literal["always", "everysec"] = "always"
    data_dir: Path = Path("var")
    chat_history_ttl: Seconds = 86_400
    session_timeout_minutes: Annotated[float, Field(gt=0, le=525_600)] = 30
    cache_ttl_seconds: Seconds = 900

    database_url: SecretStr | None = None
    database_owner_url: SecretStr | None = None

    run_mode: Literal["inline", "workers"] = "inline"
    worker_port: int | None = Field(None, ge=0, le=65_535)
    max_concurrent_requests: Count = 100
    max_queued_requests: int = Field(1000, ge=0, le=1_000_000)
    max_body_bytes: Count = 262_144
    header_timeout_seconds: Seconds = 10
    body_timeout_seconds: Seconds = 15
    keepalive_timeout_seconds: Seconds = 75
    write_timeout_seconds: Seconds = 10
    heartbeat_seconds: Seconds = 15
    websocket_idle_seconds: Seconds = 1800
    shutdown_grace_seconds: Seconds = 30
    lease_seconds: Seconds = 10
    lease_renew_seconds: Seconds = 2

    stream_delay: float = Field(0.3, ge=0, le=60)
    chunk_delay: float = Field(0.03, ge=0, le=60)

    default_persona: str = "web_assistant"
    agents_dir: Path | None = None

    @field_validator("demo_switch")
    @classmethod
    def _demo_without_keys(cls, value: str, info: ValidationInfo) -> str:
        refuse_if(value == "on" and info.data.get("auth_mode") != "none", "on needs AUTH_MODE=none")
        return value

    @field_validator("jwt_secret")
    @classmethod
    def _long_secret(cls, value: SecretStr | None) -> SecretStr | None:
        short = value is not None and len(value.get_secret_value().encode()) < SECRET_BYTES
        refuse_if(short, f"must have at least {SECRET_BYTES} bytes, made at random")
        return value

    @field_validator("jwt_jwks")
    @classmethod
    def _one_source_of_keys(cls, value: str | None, info: ValidationInfo) -> str | None:
        secret, mode = info.data.get("jwt_secret"), info.data.get("auth_mode")
        neither = mode == "jwt" and secret is None and value is None
        refuse_if(neither, "must be set with AUTH_MODE=jwt, or else JWT_SECRET")
        refuse_if(bool(secret and value), "cannot stand beside JWT_SECRET; unset one of them")
        url = urlsplit(value or "")
        safe = url.scheme == "https" or (url.scheme == "http" and is_loopback(url.hostname))
        refuse_if("://" in (value or "") and not safe, "must be a file or begin with https://")
        return value

    @field_validator("api_keys_file", "jwt_issuer", "jwt_audience")
    @classmethod
    def _needed_by_mode(cls, value: object, info: ValidationInfo) -> object:
        mode = "api_key" if info.field_name == "api_keys_file" else "jwt"
        missing = value is None and info.data.get("auth_mode") == mode
        refuse_if(missing, f"must be set with AUTH_MODE={mode}")
        return value

    @field_validator("redis_url", "database_url", "database_owner_url")
    @classmethod
    def _store_scheme(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        known = SCHEMES[str(info.field_name)]
        scheme = urlsplit(value.get_secret_value()).scheme if value else known[0]
        names = [f"{name}://" for name in known]
        words = " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))
        refuse_if(scheme not in known, f"must begin with {words}")
        return value

    @field_validator("openai_base_url")
    @classmethod
    def _http_scheme(cls, value: str | None) -> str | None:
        wrong = value is not None and urlsplit(value).scheme not in {"http", "https"}
        refuse_if(wrong, "must begin with http:// or https://")
        return value

    @classmethod
    def from_mapping(cls, values: Mapping[str, str | None]) -> Self:
        """Build settings from names in capitals, as in an environment; empty means unset.

        Raises:
            SettingsError: when a value cannot be used; names variable, fault and example.
        """
        known = {
            name: value
            for name in cls.model_fields
            if (value := values.get(name.upper())) is not None and value.strip() != ""
        }
        try:
            return cls.model_validate(known)
        except ValidationError as error:
            raise SettingsError(_explain(error)) from None

    @property
    def provider(self) -> Literal["openai", "demo", "local"]:
        """The model provider in force: `auto` means openai where there is a key or a URL."""
        if self.model_provider != "auto":
            return self.model_provider
        return "openai" if self.openai_api_key or self.openai_base_url else "demo"

    @property
    def demo_switch_is_on(self) -> bool:
        """Whether a local user may act as the demo patient or as staff of the demo clinic."""
        if self.demo_switch == "auto":
            return self.auth_mode == "none" and is_loopback(self.host) and not self.database_url
        return self.demo_switch == "on"

    @property
    def store_url(self) -> str | None:
        """The Redis to use, composed of its parts where no URL is given; None means embedded."""
        if self.redis_url:
            return self.redis_url.get_secret_value()
        if not self.redis_host:
            return None
        password = self.redis_password.get_secret_value() if self.redis_password else ""
        login = f":{quote(password, safe='')}@" if password else ""
        return f"redis://{login}{self.redis_host}:{self.redis_port}"


def _explain(error: ValidationError) -> str:
    first: dict[str, Any] = dict(error.errors(include_url=False, include_input=False)[0])
    name = str(first["loc"][0])
    default = Settings.model_fields[name].default
    example = EXAMPLES.get(name, "" if default is None or default == () else str(default))
    fault = str(first["msg"]).removeprefix("Value error, ").replace("Input should", "must")
    return f"{name.upper()}: {fault}" + (
        f" (for example {name.upper()}={example})" if example else ""
    )
