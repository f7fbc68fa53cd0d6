"""Texts one by one, each for a reason: what of them goes, and what stays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from assistant.telemetry.redaction import redact, redact_content

TEXTS = [
    json.loads(line)
    for line in Path(__file__).with_name("texts.jsonl").read_text("utf-8").splitlines()
]


@pytest.mark.parametrize("row", TEXTS, ids=lambda row: row["text"][:40].strip())
def test_a_text(row: dict[str, Any]) -> None:
    clean = redact(row["text"])
    assert [part for part in row.get("gone", ()) if part in clean] == []
    assert [part for part in row.get("stays", ()) if part not in clean] == []
    assert redact(clean) == clean


@pytest.mark.parametrize(
    ("given", "clean"),
    [
        ({"password": ["x1", {"n": 2}]}, {"password": ["[secret]", {"n": "[secret]"}]}),
        ({"ssn_on_file": True, "ssn": False}, {"ssn_on_file": True, "ssn": False}),
        ({"tokens": 512, "token": 5123}, {"tokens": 512, "token": "[secret]"}),
        ({"name": "find_patient"}, {"name": "find_patient"}),
        ({"name": "Ann Lee"}, {"name": "[name]"}),
        ({"name": "API_TOKEN", "value": "x1"}, {"name": "API_TOKEN", "value": "[secret]"}),
        (
            [["authorization", "x1"], ["host", "x1"]],
            [["authorization", "[secret]"], ["host", "x1"]],
        ),
        (["login", "--password", "x1"], ["login", "--password", "[secret]"]),
        (["4242", "4242", "4242", "4242"], ["[card]"] * 4),
        ({"a": "4242 4242", "b": "4242 4242"}, {"a": "[card]", "b": "[card]"}),
        ({"n": 4242424242424242}, {"n": "[card]"}),
        ({"ann@example.org": 1}, {"[email]": 1}),
        ('{"pan": 4242424242424242}', '{"pan": "[card]"}'),
        ('{"a":"{\\"otp\\":\\"684986\\"}"}', '{"a":"{\\"otp\\":\\"[secret]\\"}"}'),
        (("cor_1", b"abc", {7}), ("cor_1", "[3 bytes]", [7])),
    ],
)
def test_a_structure(given: Any, clean: Any) -> None:
    assert redact(given) == clean


def test_captured_content_is_kept_without_what_is_named_in_it() -> None:
    given = {"gen_ai.input.messages": '[{"content": "I am ann@example.org, token=abc123def"}]'}
    assert redact(given) == {"gen_ai.input.messages": "[content]"}
    assert redact_content(given) == {
        "gen_ai.input.messages": '[{"content": "I am [email], token=[secret]"}]'
    }
