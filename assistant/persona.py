"""What a persona is: the shape of its files, with the rules that they must keep."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, RootModel

Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,63}$")]
Text = Annotated[str, Field(min_length=1, max_length=8_000)]
Line = Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[^\r\n]*$")]


@lru_cache(maxsize=4096)
def compiled(pattern: str) -> re.Pattern[str]:
    """Return a persona's pattern as it is sought, letter case ignored; made once.

    Raises:
        re.error: it is not a regular expression.
    """
    return re.compile(pattern, re.IGNORECASE)


def _compiles(pattern: str) -> str:
    try:
        compiled(pattern)
    except re.error as error:
        message = f"is not a regular expression: {error}"
        raise ValueError(message) from None
    return pattern


Pattern = Annotated[str, Field(min_length=1, max_length=2_000), AfterValidator(_compiles)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class ModelChoice(_Part):
    """Which model answers, and how it samples."""

    name: Line | None = Field(None, description="Model name; without it OPENAI_MODEL.")
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    max_tokens: int | None = Field(
        None, ge=1, le=128_000, description="Upper bound for an answer; without it MAX_TOKENS."
    )
    allowed: tuple[Line, ...] = Field(
        (), description="Other models that a request's `model` field may ask for."
    )


class HelpLine(_Part):
    """A place to get help that clients show."""

    name: Line
    contact: Line
    note: str = Field("", max_length=300)


class SignSet(_Part):
    """Signs of one kind of danger, one entry of `signs.yaml`."""

    signs: tuple[Pattern, ...] = Field(
        min_length=1, description="Regular expressions, sought anywhere, letter case ignored."
    )
    unless: tuple[Pattern, ...] = Field(
        (), description="Figures of speech that are no sign; cut out before signs are sought."
    )


class SignsFile(RootModel[dict[Slug, SignSet]]):
    """`signs.yaml`: signs of danger by name, shared by all personas of a folder."""


class SafetyRule(_Part):
    """What to say on signs of danger, instead of ordinary talk.

    The reply is sent as it stands, without a model call: it comes at any hour, from any model.
    """

    category: Slug
    severity: Literal["low", "medium", "high", "critical"]
    watch: tuple[Slug, ...] = Field(
        min_length=1, description="Which signs to watch for, by their names in signs.yaml."
    )
    message: Text = Field(description="One or two sentences for a banner beside the answer.")
    reply: Text = Field(description="The answer itself.")
    resources: tuple[HelpLine, ...] = Field(min_length=1)


class ApprovalRule(_Part):
    """Who must say yes before a tool runs, and how long it waits for that."""

    by: str = Field(
        "user",
        pattern=r"^(user|role:[a-z][a-z0-9_]{0,63})$",
        description="`user`, whose conversation it is, or `role:` and the name of a role.",
    )
    expires_minutes: float = Field(60, gt=0, le=7 * 24 * 60)


class PersonaFile(_Part):
    """`persona.yaml`: who the persona is, which model speaks for it and within which limits."""

    name: Line = Field(description="What people call it, such as Jaime.")
    title: Line = Field(description="What it is, such as 'Compassionate listener'.")
    description: Text = Field(description="Two sentences for whoever chooses a persona.")
    greeting: Text = Field(description="Shown before the first message; no model call.")
    starters: tuple[Line, ...] = Field((), max_length=8, description="Openers a user can pick.")
    notice: Line = Field(description="Always shown: that this is an AI, and what it is not.")
    disclosure: Text | None = Field(
        None, description="Spoken at the start of the first answer of each session."
    )
    model: ModelChoice = ModelChoice()
    cache: bool = Field(
        default=False, description="Whether one-off questions may be answered from cache."
    )
    memory_turns: int = Field(
        40, ge=0, le=1_000, description="How many earlier turns the model is given."
    )
    max_steps: int = Field(
        10, ge=1, le=100, description="Model calls in one run, tool steps included."
    )
    tools: tuple[Slug, ...] = Field(
        (), description="Tools by name; `assistant personas` lists them."
    )
    show_tools: bool = Field(
        default=False, description="Whether clients see tool arguments and results."
    )
    approvals: dict[Slug, ApprovalRule] = Field(
        {}, description="Which of its tools need a human's yes, and whose."
    )
    handoffs: tuple[Slug, ...] = Field((), description="Personas it may hand over to.")
    safety: tuple[SafetyRule, ...] = ()


class DemoRule(_Part):
    """One thing the demo model knows to say.

    All conditions that are given must hold. `say` holds one answer or several; the next one is
    taken each time the rule speaks in a session, the last one then stays.
    """

    when: Pattern | None = Field(None, description="Sought in the user's message, case ignored.")
    turn: int | None = Field(None, ge=1, description="Only at this turn of the session, from 1.")
    page: Pattern | None = Field(None, description="Sought in `context.page`.")
    say: tuple[Text, ...] = Field(min_length=1)


class DemoScript(_Part):
    """`demo.yaml`: how the persona talks when no model is configured. The first rule wins.

    In `say`, `{page}` stands for the page the user is on and `{message}` for their first words.
    """

    dialogue: Slug | None = Field(
        None,
        description="Asked before any rule: a dialogue that uses the persona's tools, by name.",
    )
    rules: tuple[DemoRule, ...] = ()
    otherwise: tuple[Text, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Persona:
    """A persona as a whole, in one version.

    Attributes:
        slug: the folder's name, by which clients ask for it.
        version: the first 12 hex digits of the SHA-256 over the folder's files and the signs.
        signs: the signs its safety rules watch for, by name.
        places: file and line of each field, for faults that show only later.
    """

    slug: str
    version: str
    file: PersonaFile
    instructions: str
    demo: DemoScript | None = None
    signs: Mapping[str, SignSet] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict)
