"""What a log says of an exception: its type, where it went, and its words only where they are safe.

The rule, for every exception that is logged, whoever raised it:

1. Ours (`AssistantError`) are told by their `detail`, which by contract never holds content.
2. Of the system's (`OSError`) we tell the number in the system's words, without path or address.
3. A text is told where it is a literal of the code that raised it: "Event loop is closed" is, what
   an f-string made of a value is not.
4. Of every other the words are left out: a database puts the row into them, a validator the input,
   a model's client the body that came back, an HTTP client the URL. Codes that are numbers, and
   SQLSTATE, stay.

Traces name module, line and function; no local variables, and no lines of source, as these may
hold literals that are secrets.
"""

from __future__ import annotations

import errno
import os
import traceback
from collections.abc import Iterator
from types import CodeType
from typing import Any

from pydantic import ValidationError

from assistant.errors import AssistantError

_LINKS = 12
"""Exceptions told of one chain or group."""
_FIRST, _LAST = 4, 16
"""Frames told of a longer trace."""
_WORDS = 500
_NAME = 120
_RAISING = 3
_SQLSTATE = 5


def told(error: BaseException) -> list[dict[str, Any]]:
    """Return an exception, then what caused it or is grouped in it; within bounds, never raises.

    Each has `type` and `at` (frames, outermost first, as `module:line function`); where there are
    such also `message`, `code`, and `as`: how it belongs to those before it.
    """
    links: list[dict[str, Any]] = []
    try:
        for link, how in _linked(error):
            if len(links) == _LINKS:
                links.append({"type": "[more exceptions]"})
                break
            links.append(_one(link, how))
    except Exception as fault:  # noqa: BLE001 - exceptions of foreign classes may do anything
        links.append({"type": type_name(type(error)), "untold": type_name(type(fault))})
    return links


def brief(error: BaseException) -> str:
    """Return an exception's type, and its words where they are safe."""
    try:
        words = words_of(error)
    except Exception:  # noqa: BLE001 - exceptions of foreign classes may do anything
        words = None
    name = type_name(type(error))
    return f"{name}: {words}" if words else name


def words_of(error: BaseException) -> str | None:
    """Return an exception's words where the rule says that they are safe."""
    match error:
        case AssistantError():
            words = error.detail
        case OSError(errno=int() as number):
            words = f"{errno.errorcode.get(number, number)} {os.strerror(number)}"
        case ValidationError():
            kinds = (
                fault["type"] for fault in error.errors(include_url=False, include_input=False)
            )
            words = f"{error.error_count()} wrong: {', '.join(sorted(set(kinds)))}"
        case BaseException(args=(str() as text,)) if _is_written(text, error):
            words = text
        case _:
            return None
    return words[:_WORDS]


def type_name(kind: type) -> str:
    """Return a type's full name, at most 120 characters."""
    try:
        name = type.__dict__["__qualname__"].__get__(kind)
        module = type.__dict__["__module__"].__get__(kind)
        return str(name if module == "builtins" else f"{module}.{name}")[:_NAME]
    except Exception:  # noqa: BLE001 - a class may hide its module behind code of its own
        return "[nameless]"


def _linked(error: BaseException) -> Iterator[tuple[BaseException, str | None]]:
    """Yield an exception and all that hangs on it, each once."""
    seen: set[int] = set()
    ahead: list[tuple[BaseException, str | None]] = [(error, None)]
    while ahead:
        link, how = ahead.pop()
        if id(link) in seen:
            continue
        seen.add(id(link))
        yield link, how
        if link.__cause__ is not None:
            ahead.append((link.__cause__, "cause"))
        elif link.__context__ is not None and not link.__suppress_context__:
            ahead.append((link.__context__, "context"))
        if isinstance(link, BaseExceptionGroup):
            members = BaseExceptionGroup.exceptions.__get__(link)[: _LINKS + 1]
            ahead += [(member, "member") for member in reversed(members)]


def _one(error: BaseException, how: str | None) -> dict[str, Any]:
    facts: dict[str, Any] = {"type": type_name(type(error))}
    if how:
        facts["as"] = how
    if words := words_of(error):
        facts["message"] = words
    if (code := _code(error)) is not None:
        facts["code"] = code
    facts["at"] = _frames(error)
    return facts


def _code(error: BaseException) -> int | str | None:
    """Return what tells errors of one type apart and cannot be content."""
    state = getattr(error, "sqlstate", None)
    if type(state) is str and len(state) == _SQLSTATE and state.isalnum():
        return state
    codes = (getattr(error, name, None) for name in ("status_code", "status", "returncode"))
    return next((code for code in codes if type(code) is int), None)


def _frames(error: BaseException) -> list[str]:
    walked = list(traceback.walk_tb(error.__traceback__))
    places = [
        f"{frame.f_globals.get('__name__', '?')}:{line} {frame.f_code.co_qualname}"[:_NAME]
        for frame, line in (*walked[:_FIRST], *walked[_FIRST:][-_LAST:])
    ]
    if len(walked) > len(places):
        places.insert(_FIRST, f"[{len(walked) - len(places)} more frames]")
    return places


def _is_written(text: str, error: BaseException) -> bool:
    """Return whether a text is a literal where an exception came from."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return any(text in literals(frame.f_code) for frame in frames[-_RAISING:])


def literals(code: CodeType) -> Iterator[str]:
    """Yield the strings that stand in a function's source; what is made of values is none."""
    return (constant for constant in code.co_consts if type(constant) is str)
