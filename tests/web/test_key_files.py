"""`API_KEYS_FILE`: what it may say, and how a wrong one is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from assistant.models import Principal
from assistant.web.identity.api_keys import parse_keys
from tests.web.identities import command

HASH = "sha256:" + "0" * 64
OTHER = "sha256:" + "1" * 64


def rows(*entries: dict[str, Any]) -> bytes:
    return yaml.safe_dump({"keys": list(entries)}).encode()


def test_what_a_file_says() -> None:
    found = parse_keys(
        rows(
            {"name": "ann", "hash": HASH, "roles": ["staff", "billing"]},
            {"name": "ann", "hash": OTHER, "roles": ["billing", "staff"]},
            {"name": "web", "hash": "sha256:" + "2" * 64},
            {"name": "p", "hash": "sha256:" + "3" * 64, "roles": ["patient"], "subject": "P-7"},
        )
    )
    assert list(found.values()) == [
        *[Principal("staff:ann", frozenset({"staff", "billing"}))] * 2,
        Principal("key:web"),
        Principal("patient:P-7", frozenset({"patient"}), "P-7"),
    ]
    assert parse_keys(b"keys: []") == {}


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", "the file: "),
        (b"keys: [", "is not YAML (line 1)"),
        (b"- name: x", "the file: "),
        (rows({"name": "a"}), "keys.0.hash: "),
        (rows({"name": "a", "hash": "canary7f3a"}), "keys.0.hash: "),
        (rows({"name": "a", "hash": HASH.upper()}), "keys.0.hash: "),
        (rows({"name": "a", "hash": HASH, "key": "canary7f3a"}), "keys.0.key: "),
        (rows({"name": "a b", "hash": HASH}), "keys.0.name: "),
        (rows({"name": "a", "hash": HASH, "roles": ["Staff"]}), "keys.0.roles.0: "),
        (rows({"name": "a", "hash": HASH, "roles": "staff"}), "keys.0.roles: "),
        (rows({"name": "a", "hash": HASH, "roles": ["patient"]}), "no patient's number"),
        (rows({"name": "a", "hash": HASH, "subject": "P-1"}), "has not the role patient"),
        (
            rows({"name": "a", "hash": HASH, "roles": ["patient", "staff"], "subject": "P-1"}),
            "at once",
        ),
        (rows({"name": "a", "hash": HASH}, {"name": "b", "hash": HASH}), "keys.1: another key"),
        (
            rows({"name": "a", "hash": HASH}, {"name": "a", "hash": OTHER, "roles": ["operator"]}),
            "keys.1: another key",
        ),
    ],
)
def test_a_wrong_file_is_refused_whole(data: bytes, fault: str) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        parse_keys(data)
    assert fault in str(refused.value)
    assert "canary7f3a" not in str(refused.value)
    assert "\n" not in str(refused.value)


async def test_a_wrong_file_stops_the_start(tmp_path: Path) -> None:
    path = tmp_path / "keys.yaml"
    for content, words in ((None, "cannot be read"), ("keys: [{name: a}]", "keys.0.hash")):
        if content is not None:
            path.write_text(content)
        mode = {"AUTH_MODE": "api_key", "API_KEYS_FILE": path}
        code, _, said = await command(tmp_path, "serve", **mode)
        assert code == 2
        assert f"API_KEYS_FILE: {path}" in said
        assert words in said
