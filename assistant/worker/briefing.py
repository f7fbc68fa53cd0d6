"""Gathers what an attempt has to know: its personas, the conversation so far, the decisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import structlog

from assistant.engine import Checkpoint, Job
from assistant.errors import NotFoundError
from assistant.models import Approval, Run
from assistant.persona import Persona
from assistant.personas import Catalog, decode_cast
from assistant.store import Claim, HistoryLine, Store

log = structlog.get_logger(__name__)


class Briefing:
    """Makes jobs of claims."""

    def __init__(self, store: Store, personas: Catalog) -> None:
        self._store = store
        self._personas = personas

    async def job(self, claim: Claim, checkpoint: Checkpoint | None, told: frozenset[str]) -> Job:
        """Return the job of a claim.

        Raises:
            NotFoundError: when the personas that it began with are no longer kept.
        """
        run = claim.run
        cast = await self._cast(run)
        persona = cast[run.persona]
        earlier = await self._earlier(run.run_id, run.session_id)
        return Job(
            run_id=run.run_id,
            correlation_id=run.correlation_id,
            principal=run.principal,
            persona=persona,
            turn=run.turn,
            model=run.model,
            session_id=run.session_id,
            history=_remembered(earlier, persona),
            disclosed=_disclosed(earlier, persona),
            others=cast,
            checkpoint=checkpoint,
            decisions=await self._decisions(run.run_id) if checkpoint else {},
            told=told,
        )

    async def _cast(self, run: Run) -> Mapping[str, Persona]:
        known = self._personas.cast_named(run.cast)
        if known is not None:
            return known
        raw = await self._store.runs.cast(run.cast)
        try:
            kept = decode_cast(raw) if raw else {}
        except ValueError as error:
            log.error("cast.unreadable", cast=run.cast, error=type(error).__name__)  # noqa: TRY400
            kept = {}
        if run.persona not in kept:
            detail = "The persona was changed, and the version that began this is no longer kept."
            raise NotFoundError(detail)
        return kept

    async def _decisions(self, run_id: str) -> dict[str, Approval]:
        return {found.call_id: found for found in await self._store.approvals.of(run_id)}

    async def _earlier(self, run_id: str, session_id: str | None) -> Sequence[HistoryLine]:
        if session_id is None:
            return ()
        lines = await self._store.sessions.lines(session_id)
        mine = [i for i, line in enumerate(lines) if line.message.run_id == run_id]
        return lines[: mine[0]] if mine else lines


def _disclosed(lines: Sequence[HistoryLine], persona: Persona) -> bool:
    words = persona.file.disclosure
    answers = (line.message for line in lines if line.message.role == "assistant")
    return words is None or any(words in message.content for message in answers)


def _remembered(lines: Sequence[HistoryLine], persona: Persona) -> list[dict[str, Any]]:
    """Return the items of the latest turns, as many as the persona remembers."""
    asked = [i for i, line in enumerate(lines) if line.message.role == "user"]
    keep = persona.file.memory_turns
    if keep == 0:
        return []
    start = asked[-keep] if len(asked) > keep else 0
    return [item for line in lines[start:] for item in line.items]
