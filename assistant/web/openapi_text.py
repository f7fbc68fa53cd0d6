"""The words of the OpenAPI document that no route and no model has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assistant.settings import AuthMode

ABOUT = """\
Talk with persona agents. Every answer is a **run** that writes a numbered log; each way to see it,
live or later, over any protocol, is a reading of that log.

- `POST /chat` answers with frames as they are made (the default), or whole with `"stream": false`.
- A frame's `id` is its number. A client that lost its connection reads on with
  `GET /runs/{run_id}/events` and the header `Last-Event-ID`.
- Joining `content` over all frames gives the answer; the last frame has `"is_final": true`.
- A tool call may need a human's yes: `approval.requested` says which and whose. The run waits, for
  hours if need be; `POST /runs/{run_id}/approvals/{call_id}` decides, `GET /approvals` lists what
  waits for the caller. A whole answer that comes to such a call is a 202 with status `waiting`.
- Every error has the same body: `error`, `detail` and `correlation_id`.

A frame on the wire:

    id: 1
    data: {"type": "message.delta", "status": "streaming", "content": "The", "sequence": 1, ...}
"""

TAGS: Mapping[str, str] = {
    "Chat": "Ask, and get the answer as frames, as JSON, or in the background.",
    "Runs": "Look at one answer being made, follow it from any number, stop it.",
    "Approvals": "Tool calls that need a human's yes, and giving it.",
    "Sessions": "Conversations and their history.",
    "WebSocket": "The same runs over one socket that carries several conversations.",
    "Personas": "Who can be talked to.",
    "Service": "What this server is and how it is doing.",
}

STATUSES: Mapping[int, str] = {
    400: "The request could not be read; `detail` names the field.",
    401: "The request does not say who makes it, or not in a way that counts here.",
    403: "The caller may not do this.",
    404: "There is no such thing for this caller.",
    405: "The path does not take this method.",
    408: "The body took too long to arrive.",
    409: "The request contradicts what is already there, such as a run in the session.",
    413: "The body is larger than the server reads.",
    415: "The body is not declared as JSON.",
    426: "The path speaks WebSocket.",
    429: "Too many requests from this caller.",
    500: "Something went wrong inside; it has been logged.",
    503: "No place or no store right now; try again after `Retry-After`.",
}

_BEARER: Mapping[str, Any] = {
    "type": "http",
    "scheme": "bearer",
    "description": "Over a WebSocket from a browser: the subprotocols `assistant` and "
    "`bearer.<token>`.",
}
_HEADER: Mapping[str, Any] = {"type": "apiKey", "in": "header", "name": "X-API-Key"}

SCHEMES: Mapping[AuthMode, Mapping[str, Any]] = {
    "none": {},
    "api_key": {"bearer": _BEARER, "key": _HEADER},
    "jwt": {"bearer": {**_BEARER, "bearerFormat": "JWT"}},
}
