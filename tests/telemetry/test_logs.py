"""The log: one JSON object a line from whoever logs, with no secret in it, and never an error."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from structlog.contextvars import bound_contextvars
from typing_extensions import override

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


def test_libraries_and_warnings_go_the_same_way(log: Written) -> None:
    with bound_contextvars(correlation_id="cor-1"):
        logging.getLogger("redis").warning("lost %s", "redis://:hunter22@h/0")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old\nway", DeprecationWarning, stacklevel=1)
    library, warning = log.lines
    assert library["event"] == "lost redis://[redacted]@h/0"
    assert (library["level"], library["logger"]) == ("warning", "redis")
    assert library["correlation_id"] == "cor-1"
    assert (warning["logger"], warning["level"]) == ("py.warnings", "warning")


def test_levels(log: Written) -> None:
    ours.debug("hidden")
    logging.getLogger("anything").debug("hidden")
    logging.getLogger("aiohttp.access").info("hidden")
    assert log.lines == []
    with written("DEBUG") as more:
        ours.debug("seen")
    assert [line["event"] for line in more.lines] == ["seen"]


def _fail(secret: str) -> None:
    message = f"cannot open redis://:{secret}@host/0\nthen"
    raise ValueError(message)


@pytest.mark.parametrize("source", ["ours", "library"])
def test_a_traceback_has_no_locals_and_no_secret(log: Written, source: str) -> None:
    local_only = "local" + "-value"
    try:
        _fail("hunter22")
    except ValueError:
        if source == "ours":
            ours.exception("run.crashed")
        else:
            logging.getLogger("aiohttp").exception("Unhandled")
    (line,) = log.lines
    assert line["level"] == "error"
    (told,) = line["exception"]
    assert told["exc_type"] == "ValueError"
    assert [frame["name"] for frame in told["frames"]][-1] == "_fail"
    assert local_only not in log.text
    assert "hunter22" not in log.text


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
    "ghp_abcdefghijklmnopqrstuvwxyz": "abcdefghij",
    "AKIAABCDEFGHIJKLMNOP": "ABCDEFGHIJ",
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


class Evil:
    @override
    def __str__(self) -> str:
        message = "no"
        raise RuntimeError(message)

    __repr__ = __str__


class EvilError(Exception):
    @override
    def __str__(self) -> str:
        message = "no"
        raise RuntimeError(message)


def _loop() -> dict[str, Any]:
    circle: dict[str, Any] = {}
    circle["again"] = circle
    return circle


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize(
    "value",
    [
        Evil(),
        [Evil()],
        {Evil(): 1},
        {"a": {"b": Evil()}},
        _loop(),
        "\ud800",
        {"\udfff": "x"},
        float("nan"),
        2**100,
        object,
        b"\xff",
        EvilError(),
    ],
    ids=lambda value: type(value).__name__,
)
def test_nothing_that_is_logged_raises(
    form: str, value: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    with written(form=form) as log:
        ours.info("x", value=value)
        logging.getLogger("lib").warning("%s", value)
        ours.error("y", exc_info=EvilError())
        logging.getLogger("lib").error("z", exc_info=EvilError())
    assert capsys.readouterr().err == ""
    if form == "json":
        assert [line["level"] for line in log.lines] == ["info", "warning", "error", "error"]
    else:
        assert log.text.count("EvilError") >= 2


def test_a_library_that_logs_wrongly_leaves_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    wrong = "%d of %d"
    with written() as log:
        logging.getLogger("lib").warning(wrong, "secret words")
    assert capsys.readouterr().err == ""
    (line,) = log.lines
    assert (line["event"], line["logger"]) == ("log.failed", "lib")
    assert "secret words" not in log.text


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize("text", ["a\nlevel=error b", "a\r\n{}", "a\x1b[31mb\x00", "a\u2028b"])
def test_nobody_writes_a_line_of_their_own(form: str, text: str) -> None:
    with written(form=form) as log:
        ours.info("x", detail=text)
        logging.getLogger("lib").warning("said %s", text)
    assert len(log.text.splitlines()) == 2
    assert not any(char in log.text for char in "\x1b\x00\r")


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
