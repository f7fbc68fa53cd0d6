"""Our own corpus, made up from formats: what must go is gone, and what must stay is there."""

from __future__ import annotations

import pytest

from assistant.telemetry.redaction import Redactor
from assistant.telemetry.redaction.reading import default_file, read_policy
from tests.telemetry.redaction.corpus import corpus
from tests.telemetry.redaction.scoring import score


@pytest.fixture(scope="module")
def redactor() -> Redactor:
    return Redactor(read_policy(default_file()))


@pytest.mark.parametrize("seed", [1, 20, 300])
def test_nothing_secret_is_left_and_nothing_else_is_lost(redactor: Redactor, seed: int) -> None:
    result = score(redactor.redact, corpus(seed))
    assert sum(result.rows.values()) > 1200
    share = {kind: 1 - result.leaked[kind] / count for kind, count in result.rows.items()}
    # Names decide by themselves, and keys have a form: there is no excuse. People's values vary.
    assert share["key"] == share["named"] == share["formed"] == 1
    assert share["personal"] >= 0.98
    assert result.lost["stays"] / result.rows["stays"] <= 0.01
    assert result.lost["personal"] == result.lost["key"] == 0


def test_what_was_taken_out_is_counted_by_kind(redactor: Redactor) -> None:
    before = dict(redactor.counts)
    redactor.redact({"password": "x1", "to": "ann@example.org", "n": [1, "call +1 617 555 0199"]})
    assert {kind: n - before[kind] for kind, n in redactor.counts.items() if n != before[kind]} == {
        "secret": 1,
        "email": 1,
        "phone": 1,
    }
