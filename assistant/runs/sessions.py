"""What a client may do with sessions and their history."""

from __future__ import annotations

from typing import Any

from assistant.errors import ConflictError, NotFoundError
from assistant.models import Message, Session, new_id, now
from assistant.persona import Persona
from assistant.personas import Catalog
from assistant.store import Store, has_ended


class SessionService:
    """Sessions as their owners see them; those of others are not there."""

    def __init__(self, store: Store, personas: Catalog) -> None:
        self._sessions = store.sessions
        self._personas = personas

    async def create(
        self,
        owner: str,
        *,
        session_id: str | None = None,
        persona_type: str | None = None,
        context: dict[str, Any] | None = None,
        user_id: str | None = None,
    ) -> Session:
        """Store a new session, under a fresh id where none is given.

        Raises:
            NotFoundError: when the id belongs to somebody else.
        """
        persona = self._personas.get(persona_type)
        session = self.begin(session_id or new_id("ses"), persona, owner, context, user_id)
        if await self._sessions.create(session):
            return session
        return await self.known(session.session_id, owner)

    def begin(
        self,
        session_id: str,
        persona: Persona,
        owner: str,
        context: dict[str, Any] | None,
        user_id: str | None,
    ) -> Session:
        """Return a session that begins now, not stored yet."""
        at = now()
        session = Session(session_id, persona.slug, owner, at, at, user_id, context or {})
        return self._sessions.touch(session)

    async def get(self, session_id: str, owner: str) -> Session:
        """Return one of the owner's sessions.

        Raises:
            NotFoundError: when there is none by that id, or it has ended.
        """
        session = await self.known(session_id, owner)
        if has_ended(session):
            detail = f"The session '{session_id}' has ended; send a message to take it up again."
            raise NotFoundError(detail)
        return session

    async def known(self, session_id: str, owner: str) -> Session:
        """Return one of the owner's sessions, ended or not.

        Raises:
            NotFoundError: when there is none by that id.
        """
        session = await self._sessions.find(session_id)
        if session is None or session.owner != owner:
            raise unknown_session()
        return session

    async def open(self, session_id: str, owner: str) -> Session:
        """Return the owner's session by that id, created where there is none.

        Raises:
            NotFoundError: when the id belongs to somebody else.
        """
        if await self._sessions.find(session_id) is None:
            return await self.create(owner, session_id=session_id)
        return await self.known(session_id, owner)

    async def to_continue(
        self, session_id: str, owner: str, persona_type: str | None
    ) -> Session | None:
        """Return the session a message goes on with, or None where it begins one.

        Raises:
            NotFoundError: when the id belongs to somebody else.
            ConflictError: when the session talks to another persona than the one asked for.
        """
        session = await self._sessions.find(session_id)
        if session is None:
            return None
        if session.owner != owner:
            raise unknown_session()
        changed = persona_type not in {None, session.persona_type}
        if changed and await self._sessions.lines(session_id):
            # What was told to one persona is not read out to another.
            detail = (
                f"Field 'persona_type': this session talks to '{session.persona_type}'; "
                f"begin a new session to talk to '{persona_type}'."
            )
            raise ConflictError(detail)
        return session

    async def page(
        self, owner: str, *, after: str | None, limit: int
    ) -> tuple[list[Session], str | None]:
        """Return a page of the owner's sessions, newest first, and where the next begins."""
        return await self._sessions.page(owner, after=after, limit=limit)

    async def history(self, session_id: str, owner: str) -> list[Message]:
        """Return a session's history as people read it; also after the session has ended."""
        await self.known(session_id, owner)
        return [line.message for line in await self._sessions.lines(session_id)]


def unknown_session() -> NotFoundError:
    """Return the error for a session that is not there, or not for the caller."""
    # Clients choose these ids: what one of them says is not repeated.
    return NotFoundError("There is no such session, or it is no longer kept.")
