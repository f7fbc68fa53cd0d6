"""The engine's one door: which model answers, and an execution for a job."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from assistant.dialogue import Dialogue
from assistant.engine import tracing
from assistant.engine.agents import Agents, check_dialogue, check_tools
from assistant.engine.execution import Execution
from assistant.engine.jobs import Job, Limits, Record
from assistant.engine.providers import Models, Provider, ProviderOptions, open_models
from assistant.engine.tools import BUILT_IN
from assistant.errors import InvalidRequestError
from assistant.metrics import models as measured
from assistant.metrics import work
from assistant.persona import Persona
from assistant.tool import Tools


class Engine:
    """Makes answers with one provider and one set of tools."""

    def __init__(
        self,
        models: Models,
        limits: Limits,
        tools: Tools,
        dialogues: Mapping[str, Dialogue],
        *,
        captures: bool = False,
    ) -> None:
        self._models = models
        self._agents = Agents(tools, limits)
        self._dialogues = dialogues
        self._captures = captures
        work.TOOL.admit(tools)

    @property
    def provider(self) -> Provider:
        """Which provider answers."""
        return self._models.provider

    def check(self, persona: Persona) -> None:
        """Check that the engine has everything a persona names; it is then known to metrics.

        Raises:
            PersonaError: when a tool or a dialogue is missing.
        """
        check_tools(persona, self._agents.tools)
        check_dialogue(persona, self._dialogues)
        work.PERSONA.admit([persona.slug])
        usual = self._models.name_for(persona, None)
        measured.MODEL.admit([usual, *sorted(persona.file.model.allowed)])

    def model_name(self, persona: Persona, asked: str | None = None) -> str:
        """Return the name of the model that answers for a persona.

        Raises:
            InvalidRequestError: when the request asks for one that the persona does not allow.
        """
        choice = persona.file.model
        usual = self._models.name_for(persona, None)
        if asked is not None and asked not in {*choice.allowed, usual}:
            allowed = ", ".join(sorted({*choice.allowed, usual}))
            detail = f"Field 'model': must be one that {persona.slug} allows: {allowed}"
            raise InvalidRequestError(detail)
        return self._models.name_for(persona, asked)

    def prepare(self, job: Job, record: Record) -> Execution:
        """Return an execution of the job that tells its events to `record`."""
        return Execution(
            job,
            record,
            model_for=self._models.model_for,
            agents=self._agents,
            captures=self._captures,
        )


@asynccontextmanager
async def open_engine(
    options: ProviderOptions,
    limits: Limits,
    extra_tools: Tools | None = None,
    dialogues: Mapping[str, Dialogue] | None = None,
    *,
    captures: bool = False,
) -> AsyncIterator[Engine]:
    """Open the provider and yield an engine on it.

    Args:
        options: which model answers.
        limits: bounds for every run.
        extra_tools: are added to those that personas may name.
        dialogues: what the demo model can hold, by the names that personas know them by.
        captures: whether spans hold what was said.

    Raises:
        SettingsError: when what the provider needs is not there.
    """
    tracing.install()
    held = dialogues or {}
    async with open_models(options, held) as models:
        tools = {**BUILT_IN, **(extra_tools or {})}
        yield Engine(models, limits, tools, held, captures=captures)
