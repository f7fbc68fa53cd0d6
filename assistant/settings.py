"""Every setting of the server: its name, default, limits and meaning, frozen once read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import quote, urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
)

from assistant.errors import SettingsError

Seconds = Annotated[float, Field(gt=0, le=86_400 * 365)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Commas = Annotated[
    tuple[str, ...],
    BeforeValidator(
        lambda v: tuple(p.strip() for p in v.split(",") if p.strip()) if isinstance(v, str) else v
    ),
]


class Settings(BaseModel):
    """The whole configuration; field names in capitals are the environment's names.

    Fields that hold a secret are `SecretStr`, so neither `repr` nor a log shows them.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", validate_default=True)

    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65_535)
    debug: bool = False
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["json", "console"] = "json"
    cors_origins: Commas = ()

    openai_api_key: SecretStr | None = None
    openai_base_url: str | None = None
    openai_model: str = "gpt-5-mini"
    openai_api: Literal["auto", "responses", "chat"] = "auto"
    model_provider: Literal["auto", "openai", "demo", "local"] = "auto"
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

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator("redis_url")
    @classmethod
    def _redis_scheme(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        scheme = urlsplit(value.get_secret_value()).scheme
        if scheme not in {"redis", "rediss", "unix"}:
            message = "must begin with redis://, rediss:// or unix://"
            raise ValueError(message)
        return value

    @field_validator("openai_base_url")
    @classmethod
    def _http_scheme(cls, value: str | None) -> str | None:
        if value is not None and urlsplit(value).scheme not in {"http", "https"}:
            message = "must begin with http:// or https://"
            raise ValueError(message)
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
    def store_url(self) -> str | None:
        """The Redis to use, composed of its parts where no URL is given; None means embedded."""
        if self.redis_url:
            return self.redis_url.get_secret_value()
        if not self.redis_host:
            return None
        password = self.redis_password.get_secret_value() if self.redis_password else ""
        login = f":{quote(password, safe='')}@" if password else ""
        return f"redis://{login}{self.redis_host}:{self.redis_port}"


_EXAMPLES = {
    "port": "8000",
    "log_level": "INFO",
    "redis_url": "redis://localhost:6379/0",
    "openai_base_url": "https://api.openai.com/v1",
    "model_provider": "demo",
    "debug": "false",
}


def _explain(error: ValidationError) -> str:
    first: dict[str, Any] = dict(error.errors(include_url=False, include_input=False)[0])
    name = str(first["loc"][0])
    default = Settings.model_fields[name].default
    example = _EXAMPLES.get(name, "" if default is None or default == () else str(default))
    fault = str(first["msg"]).removeprefix("Value error, ").replace("Input should", "must")
    return f"{name.upper()}: {fault}" + (
        f" (for example {name.upper()}={example})" if example else ""
    )
