"""What a row of the route table says: the door, who may pass it, what it takes and answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from aiohttp.typedefs import Handler
from pydantic import BaseModel


class Access(Enum):
    """Who may pass a door. What is not one's own answers as if it were not there."""

    OPEN = auto()
    """Everybody; nobody has to say who they are."""
    ANY = auto()
    """Whoever says who they are."""
    OWN = auto()
    """Whoever the session or run in the path belongs to, or the decision on an approval."""
    OWN_OR_NEW = auto()
    """As `OWN`, or anyone where nothing has that id yet."""
    OPERATOR = auto()
    """Whoever has the role `operator`; others get a 403."""

    @property
    def refusals(self) -> frozenset[int]:
        """What those are answered whom the rule does not let through; they said who they are."""
        match self:
            case Access.OWN | Access.OWN_OR_NEW:
                return frozenset({404})
            case Access.OPERATOR:
                return frozenset({403})
            case _:
                return frozenset()


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value in a path, a query or a header: its JSON Schema and what it is for."""

    schema: Mapping[str, Any]
    description: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What one status answers with.

    Attributes:
        model: the shape of a JSON body; None for no body, or for text of another `media`.
        streams: whether the same answer is also to be had as a stream of frames.
    """

    description: str
    model: type[BaseModel] | None
    media: str = "application/json"
    headers: Mapping[str, Parameter] = field(default_factory=dict)
    streams: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """One door of the server, with all that a client must know to use it.

    Attributes:
        path: as aiohttp spells it, with plain names only: `/runs/{run_id}`.
        access: who may pass; enforced before the handler runs, see `web.guard`.
        name: the operation's id, unique among all routes.
        body: the shape of the JSON body, or several of which exactly one must fit.
        errors: statuses that answer with an `ErrorBody`, besides those that `access` brings.
        documented: whether the document speaks of it.
    """

    method: str
    path: str
    handler: Handler
    access: Access
    name: str
    summary: str
    tag: str
    body: tuple[type[BaseModel], ...] = ()
    query: Mapping[str, Parameter] = field(default_factory=dict)
    headers: Mapping[str, Parameter] = field(default_factory=dict)
    replies: Mapping[int, Reply] = field(default_factory=dict)
    errors: tuple[int, ...] = ()
    documented: bool = True

    @property
    def statuses(self) -> frozenset[int]:
        """All that it answers with to whoever said who they are."""
        return frozenset(self.replies) | frozenset(self.errors) | self.access.refusals


FRAMES = Reply("One frame for each entry of the run's log.", None, media="text/event-stream")
NOTHING = Reply("There is nothing to follow.", None)


def get(
    path: str,
    handler: Handler,
    summary: str,
    reply: type[BaseModel],
    *,
    access: Access,
    tag: str,
    errors: tuple[int, ...] = (),
) -> Route:
    """Return a route that answers a GET with one JSON body."""
    return Route(
        method="GET",
        path=path,
        handler=handler,
        access=access,
        name=handler.__name__,
        summary=summary,
        tag=tag,
        replies={200: Reply(f"{summary}.", reply)},
        errors=errors,
    )


def file(path: str, handler: Handler, summary: str) -> tuple[Route, ...]:
    """Return the rows of a page or a file, which is open to all and no part of the interface."""
    return tuple(
        Route(
            method=method,
            path=path,
            handler=handler,
            access=Access.OPEN,
            name=handler.__name__,
            summary=summary,
            tag="Pages",
            documented=False,
        )
        for method in ("GET", "HEAD")
    )
