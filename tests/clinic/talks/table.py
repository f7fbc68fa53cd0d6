"""The table of talks: who says what, what a sensible model does, and what has to come of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from assistant.models import Principal
from tests.clinic.talks.world import HERE, Row, read

_OTHERS = {
    "visitor": Principal("visitor"),
    "staff": Principal("staff:kim", frozenset({"staff"})),
}


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Use(_Part):
    """One call of a tool, and what it has to reach.

    Attributes:
        given: its arguments; `{slot[10:20]}` is the handle of the newest row that holds `10:20`,
            `{slot[1]}` that of the second row of the newest answer with such handles.
        asks: the question that its approval has to put.
        answer: what the user says to that.
        rows: all rows of its answer, in order; a row may hold more than is named here.
        first: what its first row holds.
        finds: what one of its rows holds.
        each: what all of its rows hold, and there are some.
        tells: words of its answer.
        hides: words that are not in it.
        refused: words with which it says that it did nothing.
    """

    use: str
    given: dict[str, Any] = Field(default={}, alias="with")
    asks: str | None = None
    answer: Literal["approve", "reject"] = "approve"
    rows: list[Row] | None = None
    first: Row = {}
    finds: list[Row] = []
    each: Row = {}
    tells: list[str] = []
    hides: list[str] = []
    refused: str | None = None


class Turn(_Part):
    """What the user says, and what the model does about it.

    Attributes:
        page: what the user's page says of itself.
        meanwhile: appointments that others make just before the calls.
        lacks: tools that this user's model must not have.
        calls: one after the other; those in a list of their own are made at once.
        says: the model's answer.
    """

    user: str
    page: dict[str, Any] = {}
    meanwhile: list[Row] = []
    lacks: list[str] = []
    calls: list[Use | list[Use]] = []
    says: str = "Here is what I found."

    @property
    def steps(self) -> list[list[Use]]:
        """The calls that the model makes at once, step by step."""
        return [step if isinstance(step, list) else [step] for step in self.calls]

    @property
    def uses(self) -> list[Use]:
        """All calls in order."""
        return [use for step in self.steps for use in step]


class Talk(_Part):
    """One conversation.

    Attributes:
        talk: its name.
        who: `visitor`, `staff` or a patient's number.
        writes: every row that is new or changed at the end, by table; there are no others.
        removes: ids of the rows that are gone.
        both: whether it is held on PostgreSQL too.
    """

    talk: str
    who: str
    turns: list[Turn]
    writes: dict[str, list[Row]] = {}
    removes: list[str] = []
    both: bool = False


def principal_of(who: str) -> Principal:
    """Return on whose behalf a talk is."""
    patient = Principal(f"patient:{who}", frozenset({"patient"}), who)
    return _OTHERS.get(who, patient)


def talks() -> Sequence[Talk]:
    """Return all talks."""
    found = [
        Talk.model_validate(each)
        for path in sorted((HERE / "table").glob("*.yaml"))
        for each in read(path)
    ]
    assert len({talk.talk for talk in found}) == len(found), "two talks have one name"
    return found
