"""The checker finds what is wrong: each fault, put into a record that is right, is told."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.chaos import checker, frames
from tests.chaos.clients import Told
from tests.chaos.effects import Row
from tests.chaos.holdings import Holdings, Logged, StoredRun
from tests.chaos.member import Blow
from tests.chaos.report import LOG, Report
from tests.chaos.witness import News

_ASKED = '[[tool: book {"what": "a"}]]'
_CALL = {"call_id": "call_1", "name": "book"}
_EVENTS: list[dict[str, Any]] = [
    {"type": "run.started", "attempt": 1, "text": ""},
    {"type": "message.started", "item_id": "msg_0", "index": 0},
    {"type": "message.delta", "item_id": "msg_0", "text": "los"},
    {"type": "message.discarded", "item_id": "msg_0"},
    {"type": "run.started", "attempt": 2, "text": ""},
    {"type": "message.started", "item_id": "msg_1", "index": 0},
    {"type": "message.delta", "item_id": "msg_1", "text": "well"},
    {"type": "message.completed", "item_id": "msg_1", "text": "well"},
    {"type": "tool.called", **_CALL},
    {"type": "tool.returned", **_CALL, "outcome": "ok"},
    {"type": "run.completed", "text": "well", "usage": {}},
]


@dataclass
class Scene:
    """A run that died once, as two clients, the store and the database have it."""

    run: StoredRun = field(
        default_factory=lambda: StoredRun(
            run_id="run_1",
            session_id="s",
            text=_ASKED,
            status="completed",
            attempts=2,
            log=[
                Logged(n, event, "a.1" if n < 4 else "b.1")
                for n, event in enumerate(copy.deepcopy(_EVENTS))
            ],
        )
    )
    effects: list[Row] = field(default_factory=lambda: [Row("book", "run_1:k", "run_1", "a")])
    left: list[str] = field(default_factory=list)
    items: list[dict[str, Any]] = field(
        default_factory=lambda: [
            {"type": "function_call", "call_id": "c"},
            {"type": "function_call_output", "call_id": "c"},
            {"role": "assistant", "content": "well"},
        ]
    )
    told: list[Told] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.told = [self._told("sse", frames.sse), self._told("ws", frames.socket)]

    def _told(self, wire: Any, tell: Callable[[dict[str, Any]], dict[str, Any]]) -> Told:
        told = Told(wire, "s", _ASKED, wire)
        last = self.run.log[-1].sequence
        for entry in copy.deepcopy(self.run.log):
            data = tell(entry.event) | {"run_id": "run_1", "sequence": entry.sequence}
            told.see(entry.sequence, data, is_last=entry.sequence == last)
        return told

    def report(self) -> Report:
        lines: list[dict[str, Any]] = [
            {"message": {"run_id": "run_1", "role": "user", "content": _ASKED}, "items": []},
            {
                "message": {"run_id": "run_1", "role": "assistant", "content": "well"},
                "items": self.items,
            },
        ]
        holdings = Holdings({"run_1": self.run}, {"s": lines}, self.left)
        return checker.check(self.told, holdings, self.effects, [])


def _change(scene: Scene, at: int, **fields: Any) -> None:
    scene.run.log[at].event.update(fields)


def _gap(scene: Scene) -> None:
    del scene.run.log[2]


def _no_end(scene: Scene) -> None:
    del scene.run.log[-1]


def _two_ends(scene: Scene) -> None:
    scene.run.log.append(Logged(11, dict(_EVENTS[-1]), "b.1"))


def _back_again(scene: Scene) -> None:
    scene.run.log[9] = scene.run.log[9]._replace(writer="a.1")


def _other_words(scene: Scene) -> None:
    scene.told[1].seen[6].data["content"] = "ill"


def _unseen_end(scene: Scene) -> None:
    scene.told[0].seen.pop()
    scene.told[0].ended = False


def _seen_twice(scene: Scene) -> None:
    told = Told("sse", "s", _ASKED, "twice")
    for sequence in (0, 1, 1):
        told.see(sequence, {"run_id": "run_1"}, is_last=False)
    scene.told = [told]


FAULTS: dict[str, tuple[str, Callable[[Scene], object]]] = {
    "gap": ("logs are gapless from 0", _gap),
    "no end": ("accepted messages have an end", _no_end),
    "two ends": ("logs have one end", _two_ends),
    "old writer": ("logs have one writer at a time", _back_again),
    "unknown end": ("records say how runs ended", lambda s: setattr(s.run, "status", "running")),
    "discarded in text": (
        "run.completed has the text that stands",
        lambda s: _change(s, 10, text="los\n\nwell"),
    ),
    "attempt with other text": (
        "run.started has the text that stands",
        lambda s: _change(s, 4, text="los"),
    ),
    "message of other words": (
        "messages are what their words join to",
        lambda s: _change(s, 7, text="ill"),
    ),
    "left open": ("what opens closes, once", lambda s: _change(s, 9, call_id="call_2")),
    "contradiction": ("clients saw the stored log", _other_words),
    "seen twice": ("clients saw nothing wrong", _seen_twice),
    "unseen end": ("accepted messages have an end", _unseen_end),
    "double effect": (
        "book: at most one effect for a key",
        lambda s: s.effects.append(s.effects[0]),
    ),
    "double effect under another key": (
        "book: at most one effect for a message",
        lambda s: s.effects.append(s.effects[0]._replace(key="run_1:other")),
    ),
    "lost effect": ("book: told of, so made", lambda s: s.effects.clear()),
    "orphaned output": ("history pairs calls and outputs", lambda s: s.items.pop(0)),
    "orphaned call": ("history pairs calls and outputs", lambda s: s.items.pop(1)),
    "doubled item": ("history has no item twice", lambda s: s.items.append(s.items[-1])),
    "lease left": ("nothing is left over", lambda s: s.left.append("run:run_1:lease")),
    "failed by itself": (
        "runs fail for crashes only",
        lambda s: _change(s, 10, type="run.failed", code="internal", message=""),
    ),
}


def test_what_is_right_is_found_right() -> None:
    report = Scene().report()
    assert report.violations == []
    assert report.checked["frames compared"] == 2 * len(_EVENTS)


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_found(fault: str) -> None:
    what, put = FAULTS[fault]
    scene = Scene()
    put(scene)
    report = scene.report()
    assert any(each.startswith(f"{what}:") for each in report.violations), str(report)


def test_a_run_that_is_hit_again_is_measured_from_then() -> None:
    report = Report()
    written = {"run_1": [News(1.0, 3), News(12.5, 4)], "run_2": [News(10.2, 8)]}
    blows = [
        Blow("worker killed", 8.0, hit={"run_1": 3}),
        Blow("worker killed", 10.0, hit={"run_1": 3, "run_2": 7}),
    ]
    checker.measure(report, [], blows, written)
    assert report.delays[LOG].by_blow == {"worker killed": [2.5, pytest.approx(0.2)]}
    assert "hit again" in str(report)
