"""The policy file: what it may say, and what is told of one that cannot be used."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from assistant.errors import SettingsError
from assistant.telemetry.redaction import redact, use_policy
from assistant.telemetry.redaction.reading import default_file


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    yield
    use_policy(None)


def written(folder: Path, text: str) -> Path:
    path = folder / "policy.yaml"
    path.write_text(text, "utf-8")
    return path


def test_another_policy_decides_otherwise(tmp_path: Path) -> None:
    text = default_file().read_text("utf-8")
    text = text.replace('email: "[email]"', 'email: "[mail]"').replace(
        "keep: [loopback,", "keep: [private, loopback,"
    )
    use_policy(written(tmp_path, text))
    assert redact("ann@example.org at 10.0.0.1") == "[mail] at 10.0.0.1"


def test_a_policy_of_one_line_is_enough(tmp_path: Path) -> None:
    use_policy(written(tmp_path, "names: {secret: [word]}"))
    assert redact({"word": "x", "password": "x", "to": "ann@example.org"}) == {
        "word": "[secret]",
        "password": "x",
        "to": "[email]",
    }


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("names: {}", "policy.yaml:1: names.secret: is missing"),
        (
            "names: {secret: [a]}\nmask: {}",
            "policy.yaml:2: mask: is not known; remove it or correct its name (known",
        ),
        (
            "names: {secret: [a]}\nmasks:\n  email: gone",
            "policy.yaml:3: masks.email: must match",
        ),
        (
            "names: {secret: [a]}\nphones:\n  regions: [NO]",
            "policy.yaml:3: phones.regions.1: must be a valid string",
        ),
        ("names: {secret: [a]}\nip: {keep: [all]}", "ip.keep.1: must be 'loopback'"),
        ("names: [", "policy.yaml:1: is not YAML"),
        ("", "the file: must be"),
    ],
)
def test_a_fault_is_told_with_its_place_and_cure(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(SettingsError) as caught:
        use_policy(written(tmp_path, text))
    assert says in caught.value.detail
    assert caught.value.detail.startswith("REDACTION_FILE: ")


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        use_policy(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"\xe9")
    with pytest.raises(SettingsError, match="UTF-8"):
        use_policy(tmp_path / "latin.yaml")
    (tmp_path / "large.yaml").write_bytes(b"#" * 300_000)
    with pytest.raises(SettingsError, match="256 KiB"):
        use_policy(tmp_path / "large.yaml")
