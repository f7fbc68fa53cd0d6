"""A sensible model: makes the calls of a talk, with the names that it finds in what it was told."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agents import FunctionTool
from agents.testing import ModelCall, ModelStep, ScriptedModel, assistant_message, function_call

from assistant.engine import Job
from assistant.persona import Persona
from tests.clinic.talks.table import Turn, Use
from tests.clinic.talks.world import Row

_PICK = re.compile(r"\{(\w+)\[([^\]]+)\]\}")
_HANDLE = re.compile(r"[a-z]+_[a-z0-9]{6,}")


class LostError(Exception):
    """The model was told nothing that its next call could name."""


@dataclass(slots=True)
class Mind:
    """A provider whose one model does as the table says, turn by turn.

    Attributes:
        terse: whether it leaves out arguments that it does not need; else it says null for them,
            as models do whose calls are held to the schema.
        seen: what each call was answered, by its id.
        offered: the names of the tools that it was given last.
        lost: why it could not go on.
    """

    terse: bool = False
    provider: Any = "openai"
    seen: dict[str, str] = field(default_factory=dict)
    offered: frozenset[str] = frozenset()
    lost: str = ""
    _model: ScriptedModel = field(default_factory=ScriptedModel)

    def name_for(self, persona: Persona, asked: str | None) -> str:  # noqa: ARG002
        return "sensible"

    def model_for(self, job: Job, persona: Persona, voice: object = None) -> ScriptedModel:  # noqa: ARG002
        return self._model

    def prepare(self, number: int, turn: Turn) -> list[str]:
        """Make up the mind about a turn; returns the ids of its calls."""
        ids: list[str] = []
        steps = []
        for step in turn.steps:
            named = [(f"call_{number}_{len(ids) + n}", use) for n, use in enumerate(step)]
            ids += [call_id for call_id, _ in named]
            steps.append(self._calling(named))
        self._model = ScriptedModel([*steps, self._saying(turn.says)])
        return ids

    def _calling(self, named: Sequence[tuple[str, Use]]) -> ModelStep:
        def respond(call: ModelCall) -> list[Any]:
            self._look(call)
            try:
                return [
                    function_call(use.use, self._arguments(call, use), call_id=call_id)
                    for call_id, use in named
                ]
            except LostError as error:
                self.lost = str(error)
                return [assistant_message("I do not know how to go on.")]

        return ModelStep.respond(respond)

    def _saying(self, text: str) -> ModelStep:
        def respond(call: ModelCall) -> list[Any]:
            self._look(call)
            return [assistant_message(text)]

        return ModelStep.respond(respond)

    def _look(self, call: ModelCall) -> None:
        self.offered = frozenset(tool.name for tool in call.tools)
        self.seen |= {item["call_id"]: str(item["output"]) for item in _outputs(call)}

    def _arguments(self, call: ModelCall, use: Use) -> dict[str, Any]:
        known = [rows_of(str(item["output"])) for item in _outputs(call)]
        given = {name: _filled(value, known) for name, value in use.given.items()}
        tools = [t for t in call.tools if isinstance(t, FunctionTool) and t.name == use.use]
        if self.terse or not tools:
            return given
        return dict.fromkeys(tools[0].params_json_schema["properties"]) | given


def answer_of(output: str) -> Mapping[str, Any]:
    """Return the data in a tool's answer, which may stand after words; none is no rows."""
    begin = output.find('{"about"')
    if begin < 0:
        return {"rows": []}
    found: dict[str, Any] = json.JSONDecoder().raw_decode(output[begin:])[0]
    return found


def rows_of(output: str) -> list[Row]:
    """Return the rows in a tool's answer."""
    return list(answer_of(output)["rows"])


def holds(row: Row, words: str) -> bool:
    """Return whether a row holds all of some words, which stand apart by ` & `."""
    text = json.dumps(row, ensure_ascii=False)
    return all(part in text for part in words.split(" & "))


def _outputs(call: ModelCall) -> list[Any]:
    return [item for item in call.input if item.get("type") == "function_call_output"]


def _filled(value: Any, known: Sequence[list[Row]]) -> Any:
    """Return an argument with the handle that it asks for, from the newest rows that have it."""
    pick = _PICK.fullmatch(value) if isinstance(value, str) else None
    if pick is None:
        return value
    kind, wanted = pick.groups()
    for rows in reversed(known):
        named = [(handle, row) for row in rows if (handle := _handle(row, kind))]
        if not wanted.isdecimal():
            named = [(handle, row) for handle, row in named if holds(row, wanted)]
        place = int(wanted) if wanted.isdecimal() else 0
        if len(named) > place:
            return named[place][0]
    message = f"no answer so far names the {kind} for [{wanted}]"
    raise LostError(message)


def _handle(row: Row, kind: str) -> str | None:
    return next((v for k, v in _values(row) if k == kind and _HANDLE.fullmatch(str(v))), None)


def _values(row: Row) -> Iterator[tuple[str, Any]]:
    for name, value in row.items():
        yield name, value
        if isinstance(value, dict):
            yield from _values(value)
