"""The log: one JSON object a line from whoever logs, with no secret in it, and never an error."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator

import pytest
import structlog
from opentelemetry import trace
from structlog.contextvars import bound_contextvars

from assistant.telemetry import correlation_id_from, redact
from tests.loglines import Written, written

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.SflKxwRJSMeKKF2QT4"


@pytest.fixture
def log() -> Iterator[Written]:
    with written() as lines:
        yield lines


ours = structlog.get_logger("assistant.tests")


def test_a_line_is_one_json_object_with_time_level_event_and_ids(log: Written) -> None:
    with bound_contextvars(correlation_id="cor-1", run_id="run_1"):
        ours.info("run.started", attempt=1, who="Zoë")
    (line,) = log.lines
    assert list(line)[:3] == ["timestamp", "level", "event"]
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "level": "info",
        "event": "run.started",
        "logger": "assistant.tests",
        "correlation_id": "cor-1",
        "run_id": "run_1",
        "attempt": 1,
        "who": "Zoë",
    }


def test_levels(log: Written) -> None:
    ours.debug("hidden")
    logging.getLogger("anything").debug("hidden")
    logging.getLogger("aiohttp.access").info("hidden")
    assert log.lines == []
    with written("DEBUG") as more:
        ours.debug("seen")
    assert [line["event"] for line in more.lines] == ["seen"]


def test_levels_of_single_loggers() -> None:
    with written("WARNING", levels={"assistant.tests": "DEBUG", "noisy.one": "ERROR"}) as log:
        ours.debug("seen")
        structlog.get_logger("assistant.other").info("hidden")
        logging.getLogger("noisy.one.part").warning("hidden")
        logging.getLogger("noisy.one.part").error("seen")
    assert [line["event"] for line in log.lines] == ["seen", "seen"]


def test_a_line_names_the_span_within_which_it_was_written(log: Written) -> None:
    place = trace.SpanContext(0xABC, 0xDEF, is_remote=False)
    with trace.use_span(trace.NonRecordingSpan(place)):
        ours.info("x", trace_id="not this one")
    ours.info("y")
    within, without = log.lines
    assert (within["trace_id"], within["span_id"]) == (f"{0xABC:032x}", f"{0xDEF:016x}")
    assert within["trace_id_"] == "not this one"
    assert "trace_id" not in without


SECRETS = {
    "sk-proj-abcdefgh12345678": "abcdefgh",
    "key sk-ant-REDACTED-ME-12345 and more": "REDACTED-ME",
    "Authorization: Bearer abcdef.123456": "abcdef.123456",
    "authorization: basic dXNlcjpwYXNzd29yZA==": "dXNlcjpw",
    "redis://:hunter22@h:6379/0": "hunter22",
    "postgresql+asyncpg://app:p@ss:word@db/x": "p@ss",
    "HTTPS://token123@host/path": "token123",
    "password=hunter22": "hunter22",
    '{"api_key": "hunter22"}': "hunter22",
    f"cookie {JWT}": "SflKx",
    "ghp_8sKd02jFq7LmZx3Vb9NcR4tYwE5uHa1PiGoT": "8sKd02jFq7",
    "AKIAQ7ZK3XN2V5LM4RTD": "Q7ZK3XN2",
    "-----BEGIN PRIVATE KEY-----\nMIIEvQ\n-----END PRIVATE KEY-----": "MIIEvQ",
    "write to jane.doe@example.org today": "jane.doe",
}


@pytest.mark.parametrize("text", SECRETS)
def test_secrets_in_text_are_taken_out(log: Written, text: str) -> None:
    ours.info("x", detail=text, deep={"list": [text, (text,)]}, thing=Exception(text))
    logging.getLogger("lib").warning(text)
    ours.info(text)
    assert SECRETS[text] not in log.text


@pytest.mark.parametrize(
    "name",
    [
        *("password", "db_password", "api_key", "OPENAI_API_KEY", "x-api-key", "Authorization"),
        *("cookie", "Set-Cookie", "access_token", "secret", "client.secret", "dsn", "SENTRY_DSN"),
        *("content", "message_text", "prompt", "question", "answer", "arguments", "instructions"),
    ],
)
def test_secrets_by_name_are_taken_out(log: Written, name: str) -> None:
    ours.info("x", **{name: "hunter22"}, headers={name: ["hunter22"]})
    assert "hunter22" not in log.text


def test_what_is_no_secret_stays() -> None:
    plain = {
        "input_tokens": 3,
        "token_count": 5,
        "url": "http://127.0.0.1:8000/runs/run_1?after=3",
        "passwordless": True,
        "detail": "Field 'message': must have at least 1 character",
        "ratio": 0.5,
        "nothing": None,
        "password": None,
    }
    assert redact(plain) == plain
    assert redact(b"abc") == "[3 bytes]"


@pytest.mark.parametrize(
    ("headers", "taken"),
    [
        ({"X-Correlation-ID": "abc-123"}, "abc-123"),
        ({"X-Request-ID": "r.1:2_3"}, "r.1:2_3"),
        ({"X-Correlation-ID": "a b", "X-Request-ID": "r1"}, "r1"),
        ({"X-Correlation-ID": "x" * 128}, "x" * 128),
        ({"X-Correlation-ID": "x" * 129}, None),
        ({"X-Correlation-ID": "a\nb"}, None),
        ({"X-Correlation-ID": "é"}, None),
        ({"X-Correlation-ID": ""}, None),
        ({"X-Correlation-ID": "sk-proj-abcdefgh12345678abcdefgh12345678"}, None),
        ({"X-Correlation-ID": "0c8e2f6a-41d7-4a35"}, "0c8e2f6a-41d7-4a35"),
        ({}, None),
    ],
)
def test_correlation_ids(headers: dict[str, str], taken: str | None) -> None:
    found = correlation_id_from(headers)
    assert found == taken if taken else found.startswith("cor_")


def test_redaction_is_never_slow() -> None:
    for piece in (
        "a",
        "a.",
        "a@",
        "://",
        "eyJaaaaaaaa.",
        "bearer ",
        "bearer.",
        "pak_",
        "-----BEGIN ",
        "password=",
        "sk-",
    ):
        begun = time.process_time()
        redact((piece * 100_000)[:100_000])
        assert time.process_time() - begun < 2, piece
