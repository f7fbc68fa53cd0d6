"""What holds of redaction whatever it is given."""

from __future__ import annotations

import json
import math
import string
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from typing_extensions import override

from assistant.telemetry.redaction import redact
from tests.telemetry.redaction.scoring import leaves

# Pieces that rules look for, put together by chance: the worst that text can be.
PIECES = (
    *("password", "token", "=", ": ", "'", '"', '\\"', "\\", "[", "]", "{", "}", "(", "[secret]"),
    *("[phone]", "a@b.co", "+1 617 555 0199", "4242 4242 4242 4242", "dob", " ", "1987-04-21"),
    *("\n", "é", "\u200b", "Bearer ", "abc123def456", "https://", "?", "&", "name=", "Ann Lee"),
    *("Cookie: ", "sid=abc123", ";", "mrn ", "12345678", "PID|", "[parameters: ", "curl -u a:b "),
    *("-----BEGIN PRIVATE KEY-----", "eyJhbGciOi", "sk-proj-abcdefghijklmnop1234", "10.0.0.1"),
    *(
        "GB82 WEST 1234 5698 7654 32",
        "duplicate entry ",
        "q=",
        "key",
        "call ",
        "b. ",
        "\uff11\uff12\uff13",
    ),
)
texts = st.lists(st.sampled_from(PIECES), max_size=14).map("".join) | st.text(max_size=80)
plain = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts
values = st.recursive(
    plain,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@given(values)
@example(["rk-0000000000000000", "0"])  # what was taken out is no name of what follows it
@example({"name": "rk-0000000000000000", "value": "0"})
@settings(max_examples=300, deadline=None)
def test_a_second_time_changes_nothing(value: Any) -> None:
    once = redact(value)
    assert redact(once) == once


@given(values)
@settings(max_examples=200, deadline=None)
def test_json_stays_json_of_the_same_shape(value: Any) -> None:
    clean = redact(json.dumps({"a": value, "b": [value]}))
    data = json.loads(clean)
    assert set(data) == {"a", "b"}
    assert len(data["b"]) == 1


@given(texts)
@settings(max_examples=300, deadline=None)
def test_a_text_grows_within_its_bound(text: str) -> None:
    assert len(redact(text)) <= 24 * max(1, len(text))


@given(st.text(string.ascii_lowercase + " ", max_size=200))
def test_plain_words_stay(text: str) -> None:
    assert redact(text) == text


class Broken:
    @override
    def __str__(self) -> str:
        raise RuntimeError


def cycle() -> dict[str, Any]:
    value: dict[str, Any] = {"list": []}
    value["list"].append(value)
    return value


def laughs() -> list[Any]:
    value: list[Any] = ["x"]
    for _ in range(30):
        value = [value, value, value]
    return value


def deep() -> list[Any]:
    value: list[Any] = ["password=hunter2x"]
    for _ in range(5000):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        *(Broken(), cycle(), laughs(), deep(), b"password=hunter2x", {1, 2}, object),
        *(
            math.nan,
            math.inf,
            "\ud800\udfff",
            {None: {3: b"x"}},
            {Broken(): Broken()},
            "[" * 99_999,
        ),
        *('{"a":' * 50_000, {"password": cycle()}, ("token", Broken()), range(3), "\x00\u2028"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_no_value_makes_it_raise_or_leak(value: Any) -> None:
    assert "hunter2x" not in "\n".join(map(str, leaves(redact({"x": value}))))


def test_a_name_that_stands_twice_hides_nothing() -> None:
    clean = redact('{"a": "password=hunter2x", "a": "b"}')
    assert "hunter2x" not in clean
    assert json.loads(clean) == {"a": "b"}


def test_a_number_of_any_size_stays() -> None:
    huge = 10**5000
    assert redact({"n": huge}) == {"n": huge}
