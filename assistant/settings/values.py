"""What a setting's value must be like: schemes, examples, and words for what is wrong."""

from __future__ import annotations

from ipaddress import ip_address

SECRET_BYTES = 32  # RFC 7518, section 3.2: an HS256 key is no shorter than its hash
_SQL = ("postgresql",)
SCHEMES = {
    "redis_url": ("redis", "rediss", "unix"),
    "database_url": _SQL,
    "database_owner_url": _SQL,
}
EXAMPLES = {
    "port": "8000",
    "log_level": "INFO",
    "log_levels": "assistant.store=DEBUG,aiohttp.server=ERROR",
    "redis_url": "redis://localhost:6379/0",
    "openai_base_url": "https://api.openai.com/v1",
    "model_provider": "demo",
    "debug": "false",
    "demo_switch": "auto",
    "api_keys_file": "keys.yaml",
    "jwt_secret": "<what `openssl rand -hex 32` prints>",
    "otel_exporter_otlp_endpoint": "http://localhost:4318",
    "otel_exporter_otlp_traces_endpoint": "http://localhost:4318/v1/traces",
    "otel_exporter_otlp_compression": "gzip",
    "otel_traces_exporter": "otlp",
    "trace_url": "http://localhost:16686/trace/{trace_id}",
    "jwt_jwks": "https://id.example.org/.well-known/jwks.json",
    "jwt_issuer": "https://id.example.org/",
    "jwt_audience": "persona-assistant",
    "database_url": "postgresql://clinic@localhost/clinic",
    "database_owner_url": "postgresql://clinic_owner@localhost/clinic",
}


def is_loopback(host: str | None) -> bool:
    """Return whether a host's name or address is one that only this machine reaches."""
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return (host or "").rstrip(".").lower() == "localhost"


def levels_by_name(value: object) -> object:
    """Return loggers' levels by name, from text such as `assistant.store=DEBUG,aiohttp=ERROR`."""
    if not isinstance(value, str):
        return value
    pairs = [part.partition("=") for part in value.split(",") if part.strip()]
    levels = {name.strip(): level.strip().upper() for name, _, level in pairs}
    known = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
    for name, level in levels.items():
        named = all(part.isidentifier() for part in name.replace("-", "_").split("."))
        refuse_if(not named or level not in known, f"must be name={'|'.join(known)}, in commas")
    return levels


def refuse_if(wrong: bool, fault: str) -> None:  # noqa: FBT001 - reads as a sentence
    """Raise `ValueError` with the fault where something is wrong."""
    if wrong:
        raise ValueError(fault)
