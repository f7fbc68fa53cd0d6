"""What clients may send: the shape of request bodies, read strictly."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from assistant.errors import (
    InvalidRequestError,
    RequestTimeoutError,
    UnsupportedMediaTypeError,
)
from assistant.runs import Verdict
from assistant.web.keys import SETTINGS

SESSION_ID = r"^[A-Za-z0-9._:-]{1,128}$"
_DEEPEST = 32
_PATTERNS: Mapping[str, str] = {
    "session_id": "be 1 to 128 characters of A-Z a-z 0-9 . _ : -",
    "arguments_hash": "be the 64 hexadecimal digits that came with the arguments",
    "reason": "not hold control characters",
}
_NO_CONTROL = "not be blank or hold control characters"

SessionId = Annotated[str, Field(pattern=SESSION_ID)]
Said = Annotated[str, Field(min_length=1, max_length=16_000, pattern=r"\S")]
Name = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$")]
Reason = Annotated[str, Field(max_length=500, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]*$")]
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Context = Annotated[
    dict[str, Any], Field(description="What page or state the user is in, any JSON object.")
]


class Body(BaseModel):
    """Base of all bodies: fields that are not known are refused, types are not converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class EarlierTurn(Body):
    """One turn of a conversation that was held elsewhere."""

    role: Literal["user", "assistant"]
    content: Said


class ChatBody(Body):
    """A message to a persona, in a session."""

    message: Said
    session_id: SessionId | None = Field(
        None, description="Made where it is missing; an unknown one is created."
    )
    persona_type: Name | None = None
    user_id: Name | None = None
    context: Context | None = None
    model: Name | None = None
    max_tokens: int | None = Field(None, ge=1, le=128_000)
    history: list[EarlierTurn] | None = Field(
        None, max_length=200, description="Used only when the session is new."
    )
    use_cache: bool = True
    stream: bool | None = None
    background: bool = False
    if_busy: Literal["reject", "enqueue", "interrupt"] = "enqueue"


class QuestionBody(Body):
    """A one-off question, without a session."""

    question: Said
    persona_type: Name | None = None
    user_id: Name | None = None
    context: Context | None = None
    model: Name | None = None
    max_tokens: int | None = Field(None, ge=1, le=128_000)
    use_cache: bool = True
    stream: bool | None = None
    background: bool = False


class SessionBody(Body):
    """A session to begin."""

    persona_type: Name | None = None
    user_id: Name | None = None
    context: Context | None = None


class ApprovalBody(Body):
    """A decision on a tool call that waits for one."""

    decision: Literal["approve", "reject"]
    reason: Reason = ""
    arguments_hash: Hash | None = Field(
        None, description="Of the arguments that were shown: no others are approved."
    )

    @property
    def verdict(self) -> Verdict:
        """What it says."""
        approve = self.decision == "approve"
        return Verdict(approve=approve, reason=self.reason, arguments_hash=self.arguments_hash)


_Body = TypeVar("_Body", bound=Body)


async def read_object(request: web.Request) -> dict[str, Any]:
    """Return the request's body as a JSON object.

    Raises:
        AssistantError: when it is not declared as JSON, late, too large or no JSON object.
    """
    charset = (request.charset or "utf-8").lower()
    if request.content_type != "application/json" or charset != "utf-8":
        detail = "Send the body as JSON in UTF-8, with Content-Type: application/json."
        raise UnsupportedMediaTypeError(detail)
    try:
        # Nearly always it came with the head, and nothing is waited for.
        patience = request.app[SETTINGS].body_timeout_seconds
        async with asyncio.timeout(None if request.content.is_eof() else patience):
            raw = await request.read()
    except TimeoutError:
        detail = "The body took too long to arrive; send it again."
        raise RequestTimeoutError(detail) from None
    except (web.RequestPayloadError, HttpProcessingError):
        detail = "The body could not be read; check its Content-Encoding and Transfer-Encoding."
        raise InvalidRequestError(detail) from None
    return parse_object(raw)


def parse_object(raw: bytes | str) -> dict[str, Any]:
    """Return JSON text as an object.

    Raises:
        InvalidRequestError: when it is something else; NaN and numbers out of range included.
    """
    try:
        value = msgspec.json.decode(raw)
    except RecursionError:
        value = _too_deep()
    except (msgspec.MsgspecError, UnicodeError) as error:
        where = str(error).partition("(")[2].rstrip(")")
        detail = f"The body is not valid JSON{f' ({where})' if where.startswith('byte') else ''}."
        raise InvalidRequestError(detail) from None
    if not isinstance(value, dict):
        detail = 'The body must be a JSON object, such as {"message": "Hello"}.'
        raise InvalidRequestError(detail)
    if _depth_exceeds(value, _DEEPEST):
        _too_deep()
    return value


def validate(model: type[_Body], value: dict[str, Any]) -> _Body:
    """Return the object as a body.

    Raises:
        InvalidRequestError: when a field is wrong; names the field and what it must be.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False, include_context=False)
        raise InvalidRequestError("; ".join(_fault(dict(f), model) for f in faults[:3])) from None


def _fault(fault: dict[str, Any], model: type[Body]) -> str:
    # Only names that are ours are repeated: a client's own may be anything.
    known = [str(p) for p in fault["loc"] if isinstance(p, int) or str(p).isidentifier()]
    name = ".".join(known)[:80] or "(unnamed)"
    match fault["type"]:
        case "missing":
            return f"Field '{name}': is required"
        case "extra_forbidden":
            fields = ", ".join(model.model_fields)
            return f"Field '{name}': is not known here; the fields are {fields}"
        case "string_pattern_mismatch":
            return f"Field '{name}': must {_PATTERNS.get(fault['loc'][-1], _NO_CONTROL)}"
        case _:
            text = str(fault["msg"])
            for subject in ("Input should", "String should", "List should", "Value should"):
                text = text.replace(subject, "must")
            return f"Field '{name}': {text}"


def _depth_exceeds(value: Any, limit: int) -> bool:
    level: list[Any] = [value]
    for _ in range(limit):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def _too_deep() -> Any:
    detail = f"The body is nested more than {_DEEPEST} levels deep; send a flatter one."
    raise InvalidRequestError(detail)
