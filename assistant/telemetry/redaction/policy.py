"""The shape of the policy file: what is taken out, what stands in its place, and what stays."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Mask = Annotated[str, StringConstraints(pattern=r"^\[[a-z][a-z -]{0,18}[a-z]\]$")]
Name = Annotated[str, StringConstraints(pattern=r"^\S(.{0,46}\S)?$")]
Word = Annotated[str, StringConstraints(min_length=1, max_length=48)]
Alphabet = Literal[
    "plain", "word", "dash", "dotted", "wide", "capital", "code", "letter", "hex", "path"
]
_CLOSED = ConfigDict(frozen=True, extra="forbid")


class Masks(BaseModel):
    """What stands in the place of each kind: a word or two in brackets."""

    model_config = _CLOSED

    secret: Mask = "[secret]"  # noqa: S105 - the mask, not what it hides
    content: Mask = "[content]"
    name: Mask = "[name]"
    address: Mask = "[address]"
    email: Mask = "[email]"
    phone: Mask = "[phone]"
    date: Mask = "[date]"
    card: Mask = "[card]"
    account: Mask = "[account]"
    national: Mask = "[id]"
    health: Mask = "[record]"
    identifier: Mask = "[identifier]"
    ip: Mask = "[ip]"
    mac: Mask = "[mac]"
    unchecked: Mask = "[unchecked]"


class NamedKinds(BaseModel):
    """By kind, the names whose values are of it, as words in lower case."""

    model_config = _CLOSED

    secret: tuple[Name, ...]
    email: tuple[Name, ...] = ()
    phone: tuple[Name, ...] = ()
    name: tuple[Name, ...] = ()
    address: tuple[Name, ...] = ()
    date: tuple[Name, ...] = ()
    card: tuple[Name, ...] = ()
    account: tuple[Name, ...] = ()
    national: tuple[Name, ...] = ()
    health: tuple[Name, ...] = ()
    identifier: tuple[Name, ...] = ()
    ip: tuple[Name, ...] = ()
    mac: tuple[Name, ...] = ()
    content: tuple[Name, ...] = ()
    perhaps_secret: tuple[Name, ...] = ()
    perhaps_name: tuple[Name, ...] = ()
    perhaps_address: tuple[Name, ...] = ()
    keep: tuple[Name, ...] = ()


class Allow(BaseModel):
    """What stays wherever it stands, unless a name says that it is a secret."""

    model_config = _CLOSED

    values: tuple[Word, ...] = ()
    identifiers: tuple[Word, ...] = ()
    cookies: tuple[Word, ...] = ()
    names: tuple[Name, ...] = ()


class Ip(BaseModel):
    """Which addresses of the network stay."""

    model_config = _CLOSED

    keep: tuple[Literal["loopback", "unspecified", "private", "link-local", "public"], ...] = ()


class Phones(BaseModel):
    """Where a number without a country's code may come from, and the words before one."""

    model_config = _CLOSED

    regions: tuple[Annotated[str, StringConstraints(pattern="^[A-Z]{2}$")], ...] = ("US",)
    words: tuple[Name, ...] = ()


class Token(BaseModel):
    """Keys that are told by their first letters.

    `of` is the alphabet of what follows, `least` how many of it, `digits` how many digits must be
    among them, `exactly` the one length there is.
    """

    model_config = _CLOSED

    of: Alphabet
    least: int = Field(ge=4, le=1000)
    exactly: int | None = Field(None, ge=4, le=1000)
    digits: int = Field(1, ge=0, le=100)
    prefixes: tuple[tuple[Word, ...], ...]


class Policy(BaseModel):
    """The whole policy file."""

    model_config = _CLOSED

    masks: Masks = Masks()
    names: NamedKinds
    neutral: tuple[Name, ...] = ()
    glued: tuple[Name, ...] = ()
    placeholders: tuple[Word, ...] = ()
    allow: Allow = Allow()
    ip: Ip = Ip()
    phones: Phones = Phones()
    tokens: tuple[Token, ...] = ()
