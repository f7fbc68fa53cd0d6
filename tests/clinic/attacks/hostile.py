"""A model that does as the attacker wants, and repeats to the user all that it is told."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from agents.testing import ModelCall, ModelStep, ScriptedModel, assistant_message, function_call

from assistant.persona import Persona
from tests.clinic.attacks.attack import Step, filled
from tests.clinic.attacks.groups.arguments import NAMES_RECORDS


class Hostile:
    """A provider of models that play one attack after the other, each in a run of its own."""

    provider: Any = "openai"

    def __init__(self) -> None:
        self.steps: Sequence[Step] = ()
        self.known: Mapping[str, str] = {}
        self._models: dict[str, ScriptedModel] = {}

    def name_for(self, persona: Persona, asked: str | None) -> str:  # noqa: ARG002
        return "hostile"

    def model_for(self, job: Any, persona: Persona, voice: object = None) -> ScriptedModel:  # noqa: ARG002
        # A run that goes on after somebody's yes goes on in its script.
        return self._models.setdefault(job.run_id, self._model())

    def seen(self, run_id: str) -> str:
        """Return all that the model of a run was given."""
        model = self._models[run_id]
        return "\n".join(
            json.dumps(call.input, ensure_ascii=False, default=str) for call in model.calls[-1:]
        )

    def outputs(self, run_id: str) -> list[str]:
        """Return what the tools of a run told its model."""
        calls = self._models[run_id].calls
        return list(_outputs(calls[-1].input)) if calls else []

    def _model(self) -> ScriptedModel:
        steps = [self._step(number, step) for number, step in enumerate(self.steps)]
        return ScriptedModel([*steps, ModelStep.respond(_repeat)])

    def _step(self, number: int, step: Step) -> ModelStep:
        known = self.known

        def respond(call: ModelCall) -> Any:
            names = {**known, **names_in(_outputs(call.input))}
            return [
                function_call(use.tool, filled(use.text, names), call_id=f"c{number}_{place}")
                for place, use in enumerate(step)
            ]

        return ModelStep.respond(respond)


def names_in(outputs: Iterable[str]) -> dict[str, str]:
    """Return the names of records in tools' answers, as attacks call them."""
    found: dict[str, list[str]] = {}
    for output in outputs:
        for kind, handle in _handles(output):
            known = found.setdefault(kind, [])
            if handle not in known:
                known.append(handle)
    names: dict[str, str] = {}
    for kind, handles in found.items():
        names |= {f"{kind} {place}": handle for place, handle in enumerate(handles, 1)}
        names[kind] = handles[0]
    return names


def rows_in(output: str) -> list[Any]:
    """Return the rows that a tool told, or none where it told a sentence."""
    start = output.find("{")
    try:
        told = json.loads(output[start:]) if start >= 0 else {}
    except json.JSONDecodeError:
        return []
    rows = told.get("rows", []) if isinstance(told, dict) else []
    return list(rows)


def _handles(output: str) -> Iterator[tuple[str, str]]:
    for row in rows_in(output):
        for kind in NAMES_RECORDS:
            value = row.get(kind)
            handle = value.get(kind) if isinstance(value, dict) else value
            if isinstance(handle, str) and handle.startswith(f"{kind}_"):
                yield kind, handle


def _repeat(call: ModelCall) -> Any:
    told = "\n".join(_outputs(call.input))
    return [assistant_message(f"All that I know:\n{told}"[:100_000])]


def _outputs(items: Any) -> Iterator[str]:
    for item in items if isinstance(items, list) else ():
        if isinstance(item, dict) and item.get("type") == "function_call_output":
            yield str(item["output"])
