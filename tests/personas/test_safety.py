"""Signs of danger are seen in the ways people write them, and not where there are none."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
import yaml

from assistant.engine.safety import find_danger
from assistant.personas import default_folder, load_personas
from tests.conftest import DATA

PHRASES: dict[str, list[Any]] = yaml.safe_load((DATA / "safety_phrases.yaml").read_text("utf-8"))
PERSONAS = load_personas(default_folder())


def _category(persona: str, text: str) -> str | None:
    rule = asyncio.run(find_danger(PERSONAS[persona], text))
    return rule.category if rule else None


def test_there_is_something_to_look_at() -> None:
    assert len(PHRASES["danger"]) > 100
    assert len(PHRASES["harmless"]) > 100
    categories = {rule.category for rule in PERSONAS["jaime_therapist"].file.safety}
    assert {phrase["category"] for phrase in PHRASES["danger"]} == categories


@pytest.mark.parametrize("dress", ["{}", "  Hi Jaime, um. {}. I don't know.", "{}!!!"])
def test_each_danger_is_seen(dress: str) -> None:
    told = [(p["text"], p["category"]) for p in PHRASES["danger"]]
    seen = [(text, _category("jaime_therapist", dress.format(text))) for text, _ in told]
    assert set(told) - set(seen) == set()


@pytest.mark.parametrize("persona", sorted(PERSONAS))
def test_nothing_harmless_is_flagged(persona: str) -> None:
    assert [t for t in PHRASES["harmless"] if _category(persona, t) is not None] == []


@pytest.mark.parametrize("change", [str.upper, str.lower, lambda text: text.replace("'", "’")])  # noqa: RUF001
def test_case_and_apostrophes_do_not_matter(change: Any) -> None:
    missed = [
        p["text"] for p in PHRASES["danger"] if not _category("jaime_therapist", change(p["text"]))
    ]
    assert missed == []


@pytest.mark.parametrize("persona", sorted(PERSONAS))
@pytest.mark.parametrize(
    "piece", ["a", "a ", "' ", "I can't ", "i want to ", "took some of my ", "no reason to ", "\n"]
)
def test_no_message_takes_long(persona: str, piece: str) -> None:
    text = (piece * 16_000)[:16_000]
    begun = time.process_time()
    _category(persona, text)
    assert time.process_time() - begun < 2


def test_every_reply_stands_alone() -> None:
    for persona in PERSONAS.values():
        for rule in persona.file.safety:
            assert rule.resources
            assert any(part in rule.reply for part in ("112", "911", "999", "988"))
