"""The conversation as somebody at a front desk has it in mind: turns, the task, what was listed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

from assistant.clinic.dialogue.replies import Reply, Row, kind_of, line, reply_of
from assistant.clinic.dialogue.understanding import Meaning, understand
from assistant.dialogue import Conversation, Heard, Said, Used

TO_WAIT = "Shall I put you on the waiting list?"
TO_LOOK = "Shall I look for a free time?"
_OFFERS = {TO_WAIT: "waiting", TO_LOOK: "free"}

_TASKS = frozenset({"book", "move", "cancel", "free", "waiting", "schedule", "patients"})
# A pick of a free time goes on with one of these, whatever else is said with it.
_CHANGING = frozenset({"book", "free", "move"})
# From one of a kind to the other somebody goes without saying everything again.
_KIN = (frozenset({"book", "free"}), frozenset({"move", "cancel"}))


@dataclass(slots=True)
class Turn:
    """A message, the list and the offer that it answers, and what was done about it."""

    meaning: Meaning
    listed: Sequence[Row]
    offered: str | None = None
    uses: list[tuple[Used, Reply]] = field(default_factory=list)
    said: str = ""

    @property
    def takes_offer(self) -> bool:
        """Whether the message is a yes; one that names a time would rather have that."""
        waits = self.offered == "waiting"
        return self.meaning.answer == "yes" and not (waits and self.meaning.names_time)

    @property
    def picked(self) -> Row | None:
        """The row of the list that the message picks by its number, or by yes if it is alone."""
        nth = self.meaning.nth
        if nth is None:
            alone = self.meaning.answer == "yes" and len(self.listed) == 1
            return self.listed[0] if alone else None
        at = nth - 1 if nth > 0 else nth
        return self.listed[at] if -len(self.listed) <= at < len(self.listed) else None


@dataclass(frozen=True, slots=True)
class Talk:
    """A conversation in its turns.

    Attributes:
        turns: all that are remembered, oldest first; the last one is to be answered.
        task: what the user wants done, and which is neither done nor given up; else what the
            last message asks for.
        begun: at which turn that began.
    """

    turns: Sequence[Turn]
    task: str | None
    begun: int
    tools: frozenset[str]
    today: date

    @property
    def now(self) -> Turn:
        """The turn that is to be answered."""
        return self.turns[-1]

    @property
    def is_new(self) -> bool:
        """Whether the task began with the last message."""
        return self.begun == len(self.turns) - 1

    @property
    def of_task(self) -> Sequence[Turn]:
        """The task's turns, the newest first."""
        return self.turns[: self.begun - 1 if self.begun else None : -1]

    def known(self, tool: str, arguments: object) -> Reply | None:
        """Return what a tool told when it was last used like that, where that still counts."""
        for turn in self._span(tool):
            for used, reply in reversed(turn.uses):
                if used.tool == tool and used.arguments == arguments:
                    return reply
        return None

    def _span(self, tool: str) -> Sequence[Turn]:
        match tool:
            case "clinic_facts" | "find_practitioners":
                return self.turns[::-1]
            case "my_appointments" | "find_patients" | "open_record":
                return self.of_task
            case _:
                # What is free, and what was changed, is another thing a minute later.
                return self.turns[-1:]


def talk_of(conversation: Conversation, today: date) -> Talk | None:
    """Return the conversation in its turns; None before the first message."""
    turns = _turns(conversation.entries, today)
    if not turns:
        return None
    task: str | None = None
    begun = 0
    for at, turn in enumerate(turns):
        task, begun = _after(task, begun, at, turn)
        if turn is turns[-1]:
            asked = turn.meaning.intent
            if asked is not None and asked not in _TASKS:
                # Something asked by the way: it is answered, and the task stays what it was.
                task, begun = asked, at
        elif _ends(turn):
            task = None
    return Talk(turns, task, begun, conversation.tools, today)


def _after(task: str | None, begun: int, at: int, turn: Turn) -> tuple[str | None, int]:
    """Return the task after a message, and at which turn it began."""
    asked = turn.meaning.intent
    if turn.offered is not None and turn.takes_offer:
        # What was said before the offer is what it is about.
        return turn.offered, begun if task else at - 1
    picked = kind_of(turn.picked) if turn.picked is not None else ""
    if task is None and asked is None and picked == "practitioner":
        return "free", at
    if asked not in _TASKS or (picked == "slot" and task in _CHANGING):
        return task, begun
    kin = next((kin for kin in _KIN if {task, asked} <= kin), None)
    return asked, at if kin is None else begun


def _ends(turn: Turn) -> bool:
    done = any(reply.is_done for _, reply in turn.uses)
    return done or (turn.meaning.answer == "no" and not turn.meaning.names_time)


def _turns(entries: Sequence[Heard | Said | Used], today: date) -> list[Turn]:
    turns: list[Turn] = []
    rows: dict[str, Row] = {}
    listed: list[Row] = []
    offered: str | None = None
    for entry in entries:
        match entry:
            case Heard(text):
                turns.append(Turn(understand(text, today), listed, offered))
                offered = None
            case Used() if turns:
                reply = reply_of(entry.output)
                turns[-1].uses.append((entry, reply))
                rows |= {line(row): row for row in reply.rows}
            case Said(text) if turns:
                turns[-1].said = text
                offered = next((task for words, task in _OFFERS.items() if words in text), None)
                listed = list(_listed(text, rows)) or listed
            case _:
                pass
    return turns


def _listed(text: str, rows: dict[str, Row]) -> Iterator[Row]:
    """Yield the rows that a text lists under numbers: what people saw is what they pick from."""
    for found in re.finditer(r"^\d+\. (.+?)\s*$", text, re.MULTILINE):
        if found[1] in rows:
            yield rows[found[1]]
