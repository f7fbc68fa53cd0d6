"""Settings are read once, refused in one line, and never show a secret."""

from __future__ import annotations

import pytest
from dotenv import dotenv_values

from assistant.errors import SettingsError
from assistant.settings import Settings
from tests.processes import ROOT

EXAMPLE = dotenv_values(ROOT / ".env.example")


def read(**values: str) -> Settings:
    return Settings.from_mapping(values)


def test_the_example_names_every_setting_with_its_default() -> None:
    assert set(EXAMPLE) == {name.upper() for name in Settings.model_fields}
    assert Settings.from_mapping(EXAMPLE) == read()


def test_the_defaults_that_are_promised() -> None:
    settings = read()
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert (settings.max_tokens, settings.timeout_seconds) == (2000, 30)
    assert (settings.run_deadline_seconds, settings.chat_history_ttl) == (300, 86_400)
    assert (settings.session_timeout_minutes, settings.cache_ttl_seconds) == (30, 900)
    assert (settings.max_concurrent_requests, settings.default_persona) == (100, "web_assistant")
    assert (settings.provider, settings.store_url, settings.cors_origins) == ("demo", None, ())


# A value that cannot be used, and words that tell the fault.
WRONG = {
    "PORT": ("eighty", "integer"),
    "REDIS_PORT": ("0", "greater than or equal to 1"),
    "DEBUG": ("perhaps", "boolean"),
    "LOG_LEVEL": ("LOUD", "'DEBUG', 'INFO'"),
    "LOG_FORMAT": ("xml", "'json' or 'console'"),
    "LOG_LEVELS": ("assistant=LOUD", "name=DEBUG|INFO"),
    "ACCESS_LOG_IP": ("yes", "'off', 'masked' or 'full'"),
    "OPENAI_BASE_URL": ("localhost:8080", "http://"),
    "OPENAI_API": ("grpc", "'auto'"),
    "MODEL_PROVIDER": ("magic", "'demo'"),
    "MODEL_TRANSPORT": ("pigeon", "'direct' or 'sdk'"),
    "MAX_TOKENS": ("0", "greater than or equal to 1"),
    "TIMEOUT_SECONDS": ("-1", "greater than 0"),
    "RUN_DEADLINE_SECONDS": ("nan", ""),
    "MODEL_RETRIES": ("11", "less than or equal to 10"),
    "REDIS_URL": ("http://redis", "redis://"),
    "STORE_FALLBACK": ("maybe", "'embedded' or 'fail'"),
    "STORE_FSYNC": ("never", "'always'"),
    "CHAT_HISTORY_TTL": ("inf", ""),
    "MAX_CONCURRENT_REQUESTS": ("0", "greater than or equal to 1"),
    "MAX_QUEUED_REQUESTS": ("1.5", "integer"),
    "STREAM_DELAY": ("-0.1", "greater than or equal to 0"),
    "CHUNK_DELAY": ("nan", ""),
    "LEASE_SECONDS": ("soon", "number"),
    "RUN_MODE": ("remote", "'inline' or 'workers'"),
    "AUTH_MODE": ("password", "'none', 'api_key' or 'jwt'"),
    "DEMO_SWITCH": ("maybe", "'auto', 'on' or 'off'"),
    "ALLOW_NO_AUTH": ("perhaps", "boolean"),
    "JWT_SECRET": ("short", "at least 32 bytes"),
    "JWT_JWKS": ("http://id.example.org/jwks.json", "https://"),
    "DATABASE_URL": ("mysql://clinic", "postgresql://"),
    "DATABASE_OWNER_URL": ("postgres://clinic", "postgresql://"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_value_is_one_line_with_name_fault_and_example(name: str) -> None:
    value, fault = WRONG[name]
    with pytest.raises(SettingsError) as refused:
        read(**{name: value})
    detail = refused.value.detail
    assert detail.startswith(f"{name}: ")
    assert fault in detail
    assert f"(for example {name}=" in detail
    assert "\n" not in detail
    assert "pydantic" not in detail
    example = detail.rpartition(f"{name}=")[2].removesuffix(")")
    read(**{name: example})


def test_a_secret_is_never_shown() -> None:
    settings = read(
        OPENAI_API_KEY="sk-hidden", REDIS_URL="redis://:hidden@h/0", REDIS_PASSWORD="hidden"
    )
    assert "hidden" not in repr(settings) + str(settings)
    with pytest.raises(SettingsError) as refused:
        read(REDIS_URL="http://:hidden@h")
    assert "hidden" not in refused.value.detail


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_empty_means_unset(name: str) -> None:
    assert read(**{name.upper(): " "}) == read()


def test_names_we_do_not_know_are_others_business() -> None:
    assert read(HOME="/root", PATH="") == read()


def test_a_redis_is_composed_of_its_parts() -> None:
    assert read(REDIS_HOST="h").store_url == "redis://h:6379"
    parts = {"REDIS_HOST": "h", "REDIS_PORT": "7000", "REDIS_PASSWORD": "p@ss/w:rd"}
    assert read(**parts).store_url == "redis://:p%40ss%2Fw%3Ard@h:7000"
    assert read(**parts, REDIS_URL="rediss://other").store_url == "rediss://other"
    assert read(REDIS_PASSWORD="p").store_url is None


@pytest.mark.parametrize(
    ("values", "provider"),
    [
        ({}, "demo"),
        ({"OPENAI_API_KEY": "k"}, "openai"),
        ({"OPENAI_BASE_URL": "http://h/v1"}, "openai"),
        ({"OPENAI_API_KEY": "k", "MODEL_PROVIDER": "demo"}, "demo"),
        ({"MODEL_PROVIDER": "local"}, "local"),
    ],
)
def test_which_model_answers(values: dict[str, str], provider: str) -> None:
    assert read(**values).provider == provider


def test_lists_are_parted_by_commas() -> None:
    assert read(CORS_ORIGINS=" https://a , ,https://b").cors_origins == ("https://a", "https://b")


def test_settings_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        read().port = 1  # type: ignore[misc]


def test_levels_may_be_written_small() -> None:
    assert read(LOG_LEVEL="warning").log_level == "WARNING"


SECRET = "s" * 32
ISSUED = {"AUTH_MODE": "jwt", "JWT_ISSUER": "i", "JWT_AUDIENCE": "a"}


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"AUTH_MODE": "api_key"}, "API_KEYS_FILE"),
        (ISSUED, "JWT_JWKS"),
        (ISSUED | {"JWT_SECRET": SECRET, "JWT_JWKS": "keys.json"}, "JWT_JWKS"),
        (ISSUED | {"JWT_SECRET": SECRET, "JWT_ISSUER": ""}, "JWT_ISSUER"),
        (ISSUED | {"JWT_SECRET": SECRET, "JWT_AUDIENCE": ""}, "JWT_AUDIENCE"),
        ({"AUTH_MODE": "api_key", "API_KEYS_FILE": "k", "DEMO_SWITCH": "on"}, "DEMO_SWITCH"),
    ],
)
def test_what_a_mode_needs_is_named(values: dict[str, str], name: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read(**values)
    detail = refused.value.detail
    assert detail.startswith(f"{name}: ")
    assert f"(for example {name}=" in detail
    assert SECRET not in detail
    assert "\n" not in detail


@pytest.mark.parametrize("jwks", ["keys.json", "https://id.example.org/k", "http://[::1]:1/k"])
def test_tokens_are_checked_by_a_secret_or_by_published_keys(jwks: str) -> None:
    assert SECRET not in repr(read(**ISSUED, JWT_SECRET=SECRET))
    assert read(**ISSUED, JWT_JWKS=jwks).jwt_jwks == jwks
    for wrong in ("http://example.org/k", "ftp://localhost/k", "http://127.0.0.1.example.org/k"):
        with pytest.raises(SettingsError, match="JWT_JWKS: must be a file or begin with https"):
            read(**ISSUED, JWT_JWKS=wrong)


@pytest.mark.parametrize(
    ("values", "on"),
    [
        ({}, True),
        ({"HOST": "localhost"}, True),
        ({"HOST": "::1"}, True),
        ({"HOST": "127.9.9.9"}, True),
        ({"HOST": "0.0.0.0"}, False),
        ({"HOST": "::"}, False),
        ({"HOST": "localhost.example.org"}, False),
        ({"HOST": "0.0.0.0", "DEMO_SWITCH": "on"}, True),
        ({"DATABASE_URL": "postgresql://clinic@localhost/clinic"}, False),
        ({"DATABASE_URL": "postgresql://clinic@localhost/clinic", "DEMO_SWITCH": "on"}, True),
        ({"AUTH_MODE": "api_key", "API_KEYS_FILE": "keys.yaml"}, False),
        ({"DEMO_SWITCH": "off"}, False),
    ],
)
def test_where_the_demo_switch_is_on(values: dict[str, str], *, on: bool) -> None:
    assert read(**values).demo_switch_is_on is on
