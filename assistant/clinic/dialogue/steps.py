"""What an intention is made of: steps that use tools and end in words."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from datetime import date

from assistant.clinic.dialogue.replies import Reply, Row, line
from assistant.clinic.dialogue.talk import Talk
from assistant.dialogue import Say, Use
from assistant.tool import DECLINED, FAILED, LAPSED, MISSHAPEN, UNCERTAIN

Steps = Generator[Use, Reply, Say | None]
"""Yields what to use, is sent what that told, and returns what to say in the end.

It is played anew each time, on what the conversation holds already, up to the first use that is
not in there yet: so nothing has to be remembered.
"""

SIGN_IN = (
    "Appointments belong to a patient's account, so please sign in first; then I can do that for "
    "you here. Without it I can tell you who works here, what is free and what it costs."
)
BROKEN = (
    "I'm sorry, something went wrong on our side just now, and nothing was changed. Please try "
    "again in a moment, or phone the front desk."
)
UNSURE = (
    "I'm sorry, something broke while that was being done, and I can't tell whether it went "
    "through. Please ask me for your appointments before you try again, or phone the front desk."
)
ELSE = "Is there anything else I can do for you?"


def play(steps: Steps, talk: Talk) -> Say | Use | None:
    """Return what comes next in these steps."""
    try:
        use = next(steps)
        while True:
            told = talk.known(use.tool, use.arguments)
            if told is None:
                return use if use.tool in talk.tools else Say(BROKEN)
            use = steps.send(told)
    except StopIteration as end:
        said: Say | None = end.value
        return said


def use(tool: str, **arguments: object) -> Use:
    """Return the use of a tool; arguments without a value are left out."""
    given = {name: value for name, value in arguments.items() if value not in {None, ""}}
    return Use(tool, {k: v.isoformat() if isinstance(v, date) else v for k, v in given.items()})


def numbered(rows: Sequence[Row]) -> str:
    """Return rows as a list to pick from."""
    return "\n".join(f"{number}. {line(row)}" for number, row in enumerate(rows, start=1))


def passed_on(reply: Reply, done: str = "changed") -> Say:
    """Return what a tool told in a sentence, in words for the user.

    Args:
        reply: what it told.
        done: what was not done, as in "nothing was booked".
    """
    text = reply.text
    if reply.is_done:
        return Say(f"{text} {ELSE}")
    if text.startswith(DECLINED):
        return Say(f"All right, nothing was {done}. Would you like something else instead?")
    if text.startswith(LAPSED):
        return Say(
            f"Nobody confirmed that in time, so nothing was {done}. Shall we try again? "
            "Tell me the day that suits you."
        )
    if text.startswith(UNCERTAIN):
        return Say(UNSURE)
    if not text or text.startswith((FAILED, MISSHAPEN)):
        return Say(BROKEN)
    return Say(f"{text}\n{numbered(reply.rows)}" if reply.rows else text)
