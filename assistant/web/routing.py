"""What several rows of the route table share."""

from __future__ import annotations

from aiohttp.typedefs import Handler
from pydantic import BaseModel

from assistant.web.openapi import Reply, Route

FRAMES = Reply("One frame for each entry of the run's log.", None, media="text/event-stream")
NOTHING = Reply("There is nothing to follow.", None)


def get(
    path: str,
    handler: Handler,
    summary: str,
    reply: type[BaseModel],
    *,
    tag: str,
    errors: tuple[int, ...] = (),
) -> Route:
    """Return a route that answers a GET with one JSON body."""
    return Route(
        method="GET",
        path=path,
        handler=handler,
        name=handler.__name__,
        summary=summary,
        tag=tag,
        replies={200: Reply(f"{summary}.", reply)},
        errors=errors,
    )
