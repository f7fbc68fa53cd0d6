"""What is typed at a command line: with wrong settings, wrong files, and secrets all round."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

_SECRET = "redis://:<password>@127.0.0.1:1/0"  # nobody listens there
_OWNER = "postgresql://owner:<password>@127.0.0.1:1/clinic"


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    Attributes:
        name: what is wrong with it.
        arguments: as typed after `assistant`; `<folder>` is a folder of its own.
        variables: settings in its environment.
        files: what is in its folder, by path.
    """

    name: str
    arguments: str = "serve"
    variables: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)


_JWT = {"AUTH_MODE": "jwt", "JWT_ISSUER": "<said>", "JWT_AUDIENCE": "<said>"}
_SETTINGS: Mapping[str, tuple[str, ...]] = {
    "REDIS_URL": ("http://:<password>@h", "redis://:<password>@[::1", "<password>", "<openai>"),
    "DATABASE_URL": ("mysql://a:<password>@h/x", "postgresql://a:<password>@h:port/x", "<token>"),
    "DATABASE_OWNER_URL": ("mysql://a:<password>@h/x", "<token>"),
    "OPENAI_BASE_URL": ("ftp://user:<password>@h", "<openai>"),
    "OPENAI_API_KEY": ("<openai>\n<openai2>", "<openai>\N{SNOWMAN}"),
    "PORT": ("<said>", "<token>"),
    "HOST": ("<openai>",),
    "DEBUG": ("<openai>",),
    "LOG_LEVEL": ("<token>",),
    "LOG_FORMAT": ("<jwt>",),
    "LOG_LEVELS": ("<said>=<token>", "<openai>"),
    "ACCESS_LOG_IP": ("<token>",),
    "AUTH_MODE": ("<jwt>",),
    "MODEL_PROVIDER": ("<openai>",),
    "TIMEOUT_SECONDS": ("<token>",),
    "DEFAULT_PERSONA": ("<openai>",),
    "STORE_FALLBACK": ("<password>",),
    "OTEL_EXPORTER_OTLP_ENDPOINT": (
        "ftp://u:<password>@h",
        "http://u:<password>@h:port",
        "<token>",
    ),
    "OTEL_BSP_MAX_QUEUE_SIZE": ("<token>",),
    "OTEL_TRACES_SAMPLER": ("<token>",),
    "OTEL_SDK_DISABLED": ("<token>",),
}
_PERSONA = """\
name: <said>
title: t
description: d
greeting: g
notice: n
"""
_PERSONAS: Mapping[str, str] = {
    "an unknown field": _PERSONA + "api_key: <openai>\n",
    "a wrong type": _PERSONA + "memory_turns: <openai>\n",
    "no YAML": _PERSONA + "password: [<password>\n  <openai>: }{\n",
    "an unknown tool": _PERSONA + "tools: [<password>]\n",
    "a wrong rule": _PERSONA + "approvals: {pay: {by: <email>}}\n",
}
_KEYS: Mapping[str, str] = {
    "a key in place of its hash": "keys:\n  - {name: ann, hash: <ours>}\n",
    "an e-mail for a role": "keys:\n  - {name: <email>, hash: 'sha256:0', roles: [<email>]}\n",
    "no YAML": "keys: [<ours>\n: }{ <password>",
}


def _commands() -> Iterator[Command]:
    yield Command("a doctor", "doctor")
    for name, values in _SETTINGS.items():
        for number, value in enumerate(values):
            yield Command(f"{name}, {number}", variables={name: value})
    for name, text in _PERSONAS.items():
        files = {"agents/one/persona.yaml": text, "agents/one/instructions.md": "<said>"}
        yield Command(f"a persona: {name}", "personas <folder>/agents", {}, files)
    for name, text in _KEYS.items():
        variables = {"AUTH_MODE": "api_key", "API_KEYS_FILE": "<folder>/keys.yaml"}
        yield Command(f"a file of keys: {name}", "serve", variables, {"keys.yaml": text})
    yield Command("a short secret", variables=_JWT | {"JWT_SECRET": "<password>"})
    yield Command(
        "keys from an odd place", variables=_JWT | {"JWT_JWKS": "http://u:<password>@h/k"}
    )
    gone = {"JWT_JWKS": "http://u:<password>@127.0.0.1:1/k?key=<token>", "LOG_LEVEL": "DEBUG"}
    yield Command("keys from nowhere", variables=_JWT | gone)
    jwks = {"JWT_JWKS": "<folder>/jwks.json"}
    yield Command("odd keys", variables=_JWT | jwks, files={"jwks.json": '{"keys": ["<token>"]}'})
    yield from _outages()
    yield from _typed()


def _outages() -> Iterator[Command]:
    """Yield commands that need what does not answer, under URLs with passwords."""
    refused = {"REDIS_URL": _SECRET, "STORE_FALLBACK": "fail"}
    yield Command("no Redis", variables=refused)
    yield Command("no Redis, at any level", variables=refused | {"LOG_LEVEL": "DEBUG"})
    parts = {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": "1", "REDIS_PASSWORD": "<password>"}
    yield Command("no Redis by its parts", variables=parts | {"STORE_FALLBACK": "fail"})
    yield Command("another store instead", "doctor", {"REDIS_URL": _SECRET})
    yield Command(
        "a worker without a store", "worker", {"REDIS_URL": _SECRET, "RUN_MODE": "workers"}
    )
    for act in ("init", "seed", "status"):
        yield Command(
            f"clinic {act}, without a database",
            f"clinic {act}",
            {"DATABASE_URL": _OWNER, "DATABASE_OWNER_URL": _OWNER},
        )
    yield Command("a doctor without a database", "doctor", {"DATABASE_URL": _OWNER})
    collector = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://u:<password>@127.0.0.1:1"}
    yield Command("a doctor without a collector", "doctor", collector)
    heads = {"OTEL_EXPORTER_OTLP_HEADERS": "authorization=<token>,<said>,=<openai>"}
    yield Command("a doctor with odd headers", "doctor", collector | heads)


def _typed() -> Iterator[Command]:
    """Yield commands whose own words are wrong, or all right."""
    yield Command("the schema", "personas --schema persona")
    yield Command("a key", "key --name ann")
    yield Command("a key for nobody", "key --name <email> --role <said>")
    yield Command("a worker where none is wanted", "worker")
    yield Command("nobody to talk to", "chat --url http://u:<password>@127.0.0.1:1")
    broken = "OPENAI_API_KEY=<openai>\n<password> = <token>\nREDIS_URL='redis://:<password>@h\n"
    odd = {".env": broken}
    yield Command("an odd .env", "--env-file <folder>/.env doctor", {}, odd)


COMMANDS = tuple(_commands())
