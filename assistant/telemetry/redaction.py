"""Takes secrets out of what is about to be logged; the last step before it is written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

MASK = "[redacted]"
_DEEPEST = 8

_SECRET_NAME = re.compile(
    r"(?:^|[_\-.])(?:pass(?:word|wd|phrase)?|secret|token|authorization|cookie|credentials?|"
    r"api[_-]?key|private[_-]?key|access[_-]?key|session[_-]?key|dsn|jwt)$",
    re.IGNORECASE,
)
# Line ends that JSON leaves as they are.
_LINE_ENDS = dict.fromkeys((0x85, 0x2028, 0x2029), "\n")
# What a person said never belongs in a log, under whatever name it comes.
_CONTENT_NAME = frozenset(
    {"message_text", "content", "prompt", "question", "answer", "arguments", "instructions"}
)
_ASSIGNED = (
    r"(?i)\b(password|passwd|secret|token|api[_-]?key|access[_-]?key)"
    r"([\"']?\s{0,4}[=:]\s{0,4}[\"']?)[^\s\"',;&}]{3,500}"
)
_EMAIL = r"\b[A-Za-z0-9._%+\-]{1,64}@[A-Za-z0-9\-]{1,63}(?:\.[A-Za-z0-9\-]{1,63}){1,5}\b"
# Bounded repeats only, so that no input makes a search slow.
_PATTERNS = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"\b(sk|pk|rk)-[A-Za-z0-9_\-]{8,200}", MASK),
        (r"\b(?:ghp|gho|ghs|github_pat|glpat|xox[abprs]|AKIA|AIza)[A-Za-z0-9_\-]{10,200}", MASK),
        (r"\beyJ[A-Za-z0-9_\-]{8,2000}\.[A-Za-z0-9_\-]{4,4000}\.[A-Za-z0-9_\-]{4,1000}", MASK),
        (r"\bpak_[A-Za-z0-9_\-]{8,200}", MASK),
        (r"(?i)\b(bearer|basic)(?:\s{1,4}|\.)[A-Za-z0-9._~+/=\-]{8,2000}", rf"\1 {MASK}"),
        (r"(?i)([a-z][a-z0-9+.\-]{1,20}://)[^/\s]{1,400}@", rf"\1{MASK}@"),
        (r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[^-]{0,10000}(?:-----END)?", MASK),
        (_ASSIGNED, rf"\1\2{MASK}"),
        (_EMAIL, "[email]"),
    )
)


def redact(value: Any) -> Any:
    """Return the same shape without secrets; takes a string, or anything made of JSON's types."""
    return _redact(value, 0)


def _redact(value: Any, depth: int) -> Any:
    match value:
        case str():
            clean: Any = _text(value)
        case None | bool() | int() | float():
            clean = value
        case _ if depth >= _DEEPEST:
            clean = MASK
        case Mapping():
            clean = {_text(_shown(k)): _field(_shown(k), v, depth) for k, v in value.items()}
        case list() | tuple() | set() | frozenset():
            clean = [_redact(item, depth + 1) for item in value]
        case bytes():
            clean = f"[{len(value)} bytes]"
        case _:
            clean = _text(_shown(value))
    return clean


def _field(name: str, value: Any, depth: int) -> Any:
    if value is not None and (name in _CONTENT_NAME or _SECRET_NAME.search(name)):
        return MASK
    return _redact(value, depth + 1)


def _text(text: str) -> str:
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode().translate(_LINE_ENDS)
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def _shown(value: object) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - a log call never raises into its caller
        return f"[{type(value).__name__}]"
