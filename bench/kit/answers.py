"""An answer that was recorded, timed, with every token of it checked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from bench.kit.connections import Recording
from bench.kit.frames import WrongAnswerError

_TOKEN = re.compile(r"(\d+)@(\d{14}) ")
_FEW = 20  # tokens, by which the beginning of an answer and its end are judged


@dataclass(frozen=True, slots=True)
class Answer:
    """One whole answer; all times in seconds.

    Attributes:
        first: from the request to its first token.
        whole: from the request to its end.
        stamps: when the model wrote each token, on the monotonic clock.
        delays: of each token, from then to when the client had it.
        frames: how many frames the tokens came in.
        span: when it was asked for and when it ended, on the monotonic clock.
    """

    first: float
    whole: float
    stamps: Sequence[float]
    delays: Sequence[float]
    frames: int
    span: tuple[float, float]

    @property
    def lag(self) -> float:
        """How much later its last tokens came than its first ones, behind the model."""
        return median(self.delays[-_FEW:]) - median(self.delays[:_FEW])


def timed(recording: Recording, spoken: Sequence[tuple[int, str]], tokens: int) -> Answer:
    """Return an answer of which each piece of text is given, with its time.

    Raises:
        WrongAnswerError: when a byte of the text is not what the model said.
    """
    _check("".join(text for _, text in spoken), tokens)
    came = [
        (when, int(stamp) * 1_000) for when, text in spoken for _, stamp in _TOKEN.findall(text)
    ]
    if len(came) != tokens:
        raise WrongAnswerError(f"{tokens - len(came)} tokens came in pieces")
    begun, ended = recording.begun, recording.pieces[-1][0]
    return Answer(
        first=(spoken[0][0] - begun) / 1e9,
        whole=(ended - begun) / 1e9,
        stamps=[stamp / 1e9 for _, stamp in came],
        delays=[(when - stamp) / 1e9 for when, stamp in came],
        frames=len(spoken),
        span=(begun / 1e9, ended / 1e9),
    )


def _check(text: str, tokens: int) -> None:
    """Check that a text is all tokens in their order, and no more."""
    found = _TOKEN.findall(text)
    if [number for number, _ in found] != [str(number) for number in range(tokens)]:
        raise WrongAnswerError(f"{len(found)} tokens came of {tokens}, or in another order")
    if "".join(f"{number}@{stamp} " for number, stamp in found) != text:
        raise WrongAnswerError("there is something between the tokens")
    stamps = [stamp for _, stamp in found]
    if stamps != sorted(stamps):
        raise WrongAnswerError("a stamp was changed")
