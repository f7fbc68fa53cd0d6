"""What a client asks for or decides, and what the services need of others to do it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

import msgspec

from assistant.models import IfBusy, Principal, Role
from assistant.persona import Persona
from assistant.store import Claim


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """A request for an answer, from whichever door it came.

    Attributes:
        one_off: a question without session or history.
        idempotency: key and fingerprint of the request, where it carried a key.
    """

    text: str
    principal: Principal
    correlation_id: str
    session_id: str | None = None
    persona_type: str | None = None
    user_id: str | None = None
    context: dict[str, Any] | None = None
    model: str | None = None
    max_tokens: int | None = None
    history: Sequence[tuple[Role, str]] = ()
    use_cache: bool = True
    if_busy: IfBusy = "enqueue"
    one_off: bool = False
    idempotency: tuple[str, str] | None = None

    @property
    def owner(self) -> str:
        """The name of whose request it is."""
        return self.principal.name


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody says to a tool call that waits for a yes.

    Attributes:
        reason: told to the model and to the user.
        arguments_hash: of the arguments that they saw; for any others it does not count.
    """

    approve: bool
    reason: str = ""
    arguments_hash: str | None = None


class Place(Protocol):
    """A place for one run, before it is accepted."""

    @property
    def here(self) -> bool:
        """Whether the run may begin in this process at once."""

    @property
    def most_queued(self) -> int:
        """How many runs may be queued before one more is refused."""

    def fill(self, claim: Claim) -> None:
        """Begin what was claimed."""


class Executor(Protocol):
    """Whoever executes runs."""

    def reserve(self) -> AbstractAsyncContextManager[Place]:
        """Hold a place until the run is accepted; gives it back when it is not used."""

    async def cancel(self, run_id: str, by: str) -> None:
        """Stop a run wherever it executes."""

    async def ring(self) -> None:
        """Say that a run was queued."""


class Models(Protocol):
    """Knows which model answers for a persona."""

    def model_name(self, persona: Persona, asked: str | None = None) -> str:
        """Return the name of the model."""
