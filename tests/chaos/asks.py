"""What the conversations say: messages that make the model talk, call tools, and processes die."""

from __future__ import annotations

import json
import random

from tests.chaos.doomed import STEPS

# A crash in a tool needs one; which of the two, and which of several passings, is left to chance.
_IN_TOOLS = {"during-tool", "after-effect"}
_KINDS = ("talk", "book", "both")


def talk(tag: str, words: int = 30, pace: int = 30) -> str:
    """Return a message that is answered by that many words, with so many milliseconds between."""
    return f"[[tokens: {words}]] [[pace: {pace}]] {tag}"


def booking(tag: str, words: int = 20, pace: int = 30, *, tell: bool = False) -> str:
    """Return a message that is answered in three steps: look up, book (and tell), sum up."""
    what = json.dumps({"what": tag})
    steps = [
        f"[[say: Let me look whether it is free]] [[tool: look_up {what}]]",
        f"[[say: It is so I book it]] [[tool: book {what}]]"
        + (f" [[tool: notify {what}]]" if tell else ""),
        f"[[tokens: {words}]] [[pace: {pace}]]",
    ]
    return f"{' [[then]] '.join(steps)} {tag}"


def any_message(chance: random.Random, tag: str, *, crashes: float = 0.0) -> str:
    """Return some message; with the given probability its run kills a process on its way."""
    kind = chance.choices(_KINDS, weights=(1, 1, 2))[0]
    pace, words = chance.choice((40, 80)), chance.randint(8, 24)
    if chance.random() >= crashes:
        return _of_kind(kind, tag, words, pace)
    step = chance.choice(STEPS)
    which = ""
    if step in _IN_TOOLS:
        kind = "both"
        which = chance.choice((" book", " notify", ""))
    elif step == "between-append-and-ack":
        which = f" {chance.randint(1, 12)}"
    elif "checkpoint" in step:
        kind = "both"
        which = chance.choice((" 1", " 2"))
    return f"{_of_kind(kind, tag, words, pace)} [[crash: {step}{which}]]"


def _of_kind(kind: str, tag: str, words: int, pace: int) -> str:
    if kind == "talk":
        return talk(tag, words, pace)
    return booking(tag, words, pace, tell=kind == "both")
