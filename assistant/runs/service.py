"""The one door behind all doors: start a run, follow it, cancel it, delete what it left."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager

import msgspec
import structlog

from assistant import tracing
from assistant.errors import ConflictError, NotFoundError, OverloadedError, SessionBusyError
from assistant.models import Message, Role, Run, Session, Turn, new_id, now
from assistant.persona import Persona
from assistant.personas import Catalog
from assistant.runs.approvals import ApprovalService
from assistant.runs.asks import Ask, Executor, Models, Place
from assistant.runs.sessions import SessionService, unknown_session
from assistant.store import Claim, Cursor, HistoryLine, Offer, Store, digest

log = structlog.get_logger(__name__)

_LAST_WORDS = 3.0


class RunService:
    """Runs as clients see them; knows no web framework and no wire."""

    def __init__(
        self,
        store: Store,
        personas: Catalog,
        models: Models,
        executor: Executor,
    ) -> None:
        self._store = store
        self._personas = personas
        self._models = models
        self._executor = executor
        self.sessions = SessionService(store, personas)
        self.approvals = ApprovalService(store, executor)

    async def start(self, ask: Ask) -> tuple[Run, bool]:
        """Accept a request: durable, and on its way, when this returns.

        Returns the run that answers and whether it is new: a retry with the same idempotency
        key, or the same cached question, is answered by an earlier one.

        Raises:
            AssistantError: when it is not accepted; then nothing was stored.
        """
        session = None
        if ask.session_id is not None and not ask.one_off:
            session = await self.sessions.to_continue(ask.session_id, ask.owner, ask.persona_type)
        slug = ask.persona_type or (session.persona_type if session else None)
        persona = self._personas.get(slug)
        run = self._run(ask, persona, session)
        tracing.note(run.facts)
        async with self._executor.reserve() as place:
            if session and ask.if_busy == "interrupt":
                await self.interrupt(session.session_id)
            offer = self._offer(ask, persona, run, session, place)
            what, run_id, claim = await self._accept(offer)
            if claim is not None:
                place.fill(claim)
        if what not in {"claimed", "queued"}:
            return await self._earlier(ask, what, run_id)
        log.info("run.accepted", run_id=run_id, persona=persona.slug, queued=what == "queued")
        if what == "queued":
            await self._executor.ring()
        return run, True

    async def _accept(self, offer: Offer) -> tuple[str, str, Claim | None]:
        what, run_id, claim = await self._store.runs.accept(offer)
        if what == "unpinned":
            cast = self._personas.cast(offer.run.persona)
            await self._store.runs.keep_cast(cast.name, cast.encode())
            what, run_id, claim = await self._store.runs.accept(offer)
        return what, run_id, claim

    async def get(self, run_id: str, owner: str) -> Run:
        """Return one of the owner's runs.

        Raises:
            NotFoundError: when there is none by that id.
        """
        run = await self._store.runs.get(run_id)
        if run is None or run.owner != owner:
            detail = "There is no run by this id, or it is no longer kept."
            raise NotFoundError(detail)
        return run

    def open_cursor(self, run: Run, after: int = -1) -> AbstractAsyncContextManager[Cursor]:
        """Open a cursor on the run's log after number `after`."""
        return self._store.log.cursor(run, after)

    async def wait(self, run: Run) -> Run:
        """Return the run once it has ended."""
        async for _ in self._store.log.follow(run):
            pass
        return await self.get(run.run_id, run.owner)

    async def live(self, session_id: str, owner: str) -> Run | None:
        """Return the run whose turn it is in a session, or None when none is open."""
        await self.sessions.get(session_id, owner)
        for run_id in await self._store.runs.lane(session_id):
            run = await self._store.runs.get(run_id)
            if run is not None and run.is_open:
                return run
        return None

    async def cancel(self, run_id: str, owner: str) -> Run:
        """Ask for a run to be stopped; harmless when it has ended."""
        run = await self.get(run_id, owner)
        if run.is_open:
            await self._executor.cancel(run_id, owner)
        return run

    async def interrupt(self, session_id: str) -> None:
        """Cancel all open runs of a session and wait, within reason, until they have ended."""
        told: list[Run] = []
        for run_id in await self._store.runs.lane(session_id):
            run = await self._store.runs.get(run_id)
            if run is not None and run.is_open:
                # All are told before one is waited for: its end would begin the next one.
                await self._executor.cancel(run_id, run.owner)
                told.append(run)
        for run in told:
            try:
                async with asyncio.timeout(_LAST_WORDS):
                    await self.wait(run)
            except (TimeoutError, NotFoundError):
                log.warning("run.interrupt.late", run_id=run.run_id)

    async def clear_history(self, session_id: str, owner: str) -> bool:
        """Stop what is running, then delete the history; the session stays."""
        await self.sessions.known(session_id, owner)
        await self.interrupt(session_id)
        return await self._store.sessions.clear_history(session_id)

    async def delete_session(self, session_id: str, owner: str) -> None:
        """Stop what is running, then delete the session with all that belongs to it."""
        await self.sessions.known(session_id, owner)
        await self.interrupt(session_id)
        await self._store.sessions.delete(session_id, owner)

    def _run(self, ask: Ask, persona: Persona, session: Session | None) -> Run:
        context = ask.context if ask.context is not None else session.context if session else {}
        run = Run(
            run_id=new_id("run"),
            session_id=None if ask.one_off else ask.session_id or new_id("ses"),
            principal=ask.principal,
            persona=persona.slug,
            version=persona.version,
            model=self._models.model_name(persona, ask.model),
            message_id=new_id("msg"),
            correlation_id=ask.correlation_id,
            turn=Turn(
                text=ask.text,
                context=context,
                user_id=ask.user_id or (session.user_id if session else None),
                max_tokens=ask.max_tokens,
            ),
            created_at=now(),
            trace=tracing.carrier(),
            cast=self._personas.cast(persona.slug).name,
            user=_user(ask),
        )
        shareable = ask.one_off and ask.use_cache and persona.file.cache and ask.principal.is_anyone
        return msgspec.structs.replace(
            run, cache_key=cache_key(run, persona) if shareable else None
        )

    def _offer(
        self, ask: Ask, persona: Persona, run: Run, session: Session | None, place: Place
    ) -> Offer:
        opening, lines, stored = list[HistoryLine](), list[HistoryLine](), session
        if run.session_id is not None:
            if session is None:
                stored = self.sessions.begin(
                    run.session_id, persona, ask.owner, ask.context, ask.user_id
                )
            else:
                stored = self._moved_on(session, run)
            opening = [_line(role, text, run, None) for role, text in ask.history]
            lines = [_line("user", run.turn.text, run, run.run_id)]
        return Offer(
            run=run,
            session=stored,
            opening=opening,
            lines=lines,
            reject_if_busy=ask.if_busy == "reject",
            idempotency=ask.idempotency,
            here=place.here,
            most_queued=place.most_queued,
        )

    def _moved_on(self, session: Session, run: Run) -> Session:
        """Return the session with the newest persona, context and user, and a later end."""
        return self._store.sessions.touch(
            msgspec.structs.replace(
                session,
                persona_type=run.persona,
                context=run.turn.context,
                user_id=run.turn.user_id,
            )
        )

    async def _earlier(self, ask: Ask, what: str, run_id: str) -> tuple[Run, bool]:
        match what:
            case "foreign":
                raise unknown_session()
            case "busy":
                detail = f"The session has an open run, {run_id}; wait for it or cancel it."
                raise SessionBusyError(detail, retry_after=1)
            case "full":
                detail = "All places are taken; try again in a moment."
                raise OverloadedError(detail, retry_after=5)
            case "mismatch":
                detail = "Idempotency-Key: was used before for another request; use a new one."
                raise ConflictError(detail)
            case _:
                log.info("run.reused", run_id=run_id, why=what)
                run = await self._store.runs.get(run_id)
                if run is not None:
                    tracing.tell_of(run.facts, run.trace)
                    return run, False
                # The run it points to has expired: answer anew, without the short cut.
                again = msgspec.structs.replace(ask, idempotency=None, use_cache=False)
                return await self.start(again)


def _user(ask: Ask) -> str:
    """Return whose fair share a run uses; visitors are known by what they say of themselves."""
    return f"{ask.owner}/{ask.user_id or ask.session_id or ''}"


def cache_key(run: Run, persona: Persona) -> str:
    """Return the name under which the answer to a question may be shared."""
    settings = persona.file.model.model_dump()
    question = " ".join(run.turn.text.casefold().split())
    # Whose it is counts, too: an answer's run is followed, and stopped, by its owner alone.
    parts = [run.owner, persona.slug, persona.version, run.model, run.turn.max_tokens, settings]
    return digest(msgspec.json.encode([*parts, question, run.turn.context]).decode())


def _line(role: Role, text: str, run: Run, run_id: str | None) -> HistoryLine:
    message = Message(new_id("msg"), role, text, run.created_at, run_id)
    return HistoryLine(message, [{"role": role, "content": text}])
