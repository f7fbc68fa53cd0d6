"""Models that fail: what they were asked comes back in every part of an error, or of an answer."""

from __future__ import annotations

from collections.abc import Iterator

from tests.telemetry.canaries.turn import ALL, Turn, saying
from tests.upstream.echoes import HOWS

_ECHOES = "the model's error repeats the request"
_BROKEN = "the model's answer is broken"
_FAULTS = (
    *(f"[[error: {status}]]" for status in (400, 401, 403, 404, 429, 500, 503)),
    *(f"[[nonsense: {how}]]" for how in ("html", "badjson", "empty", "wrongshape")),
    "[[errorevent]]",
    "[[cut: head]]",
    "[[cut: 2]] [[say: <said> <email> and more of it]]",
    "[[refusal: <said> <email>]]",
    "[[finish: length]] [[say: <said>]]",
    "[[finish: content_filter]] [[say: <said>]]",
    "[[unknown: <said> <email>]]",
)
_CALLS = (
    "[[tool: <said> {}]]",
    '[[tool: <openai> {"<email>": "<said>"}]]',
    '[[tool: misbehave {"how": ["<said>"], "said": {"<email>": "<openai>"}}]]',
    "[[tool: misbehave {not JSON: <said> <email>]]",
    '[[tool: misbehave {"<said>": "<email>"}]]',
    '[[tool: misbehave {"how": "<said>", "said": "<email>"}]]',
    '[[tool: transfer_to_<said> {"reason": "<email>"}]]',
    '[[tool: transfer_to_other {"<said>": "<email>"}]]',
)


def _turns() -> Iterator[Turn]:
    for how in HOWS:
        for status in (
            (400, 401, 429, 500) if how in {"json", "text", "html", "headers"} else (400,)
        ):
            play = saying(f"[[echo: {how} status={status}]] {ALL}")
            yield Turn(_ECHOES, f"echo: {how} {status}", play)
            if status == 400:
                told = saying(f"[[echo: {how}]] {ALL}", stream=False)
                yield Turn(_ECHOES, f"echo: {how}, whole", told)
    for fault in _FAULTS:
        yield Turn(_BROKEN, fault, saying(f"{fault} {ALL}"))
    for call in _CALLS:
        yield Turn("the model calls what it should not", call, saying(f"{call} {ALL}"))
    history = [{"role": "user", "content": ALL}, {"role": "assistant", "content": ALL}]
    play = saying(
        f"[[echo: json]] {ALL}", history=history, context={"page": ALL}, user_id="<email>"
    )
    yield Turn(_ECHOES, "echo: with a history", play)


TURNS = tuple(_turns())
