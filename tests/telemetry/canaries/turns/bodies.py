"""Bodies that are wrong: fields, types, sizes, JSON itself; with canaries in all of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tests.telemetry.canaries.turn import ALL, Turn, asking

_WRONG = "the body is wrong"
_FIELDS: Mapping[str, tuple[Any, ...]] = {
    "message": ([ALL], {"<email>": ALL}, "", "<said>" + "x" * 16_000),
    "session_id": ("<said> <email>", [ALL], "<said>/<token>", {"password": "<password>"}),
    "persona_type": ("<said>", "<email>", [ALL], "<openai>"),
    "user_id": ([ALL], {"email": "<email>"}, "<name>\n<email>", "<said>" * 20),
    "context": (ALL, ["<email>"]),
    "model": ("<said>", "<openai>", [ALL], "<email>"),
    "max_tokens": (ALL, "<card>", [ALL]),
    "history": (ALL, [{"role": "<said>", "content": ALL}], [{"role": "user", "content": [ALL]}]),
    "use_cache": (ALL, "<said>"),
    "stream": (ALL, "<said>"),
    "background": ("<email>",),
    "if_busy": ("<said>", ALL),
    "<github>": (ALL,),
    "<email>": (ALL,),
    "<openai>": (1,),
    "password": ("<password>",),
}
_RAW: Mapping[str, str] = {
    "not JSON": ALL,
    "JSON cut off": json.dumps({"message": ALL})[:-20],
    "a list": json.dumps([ALL]),
    "a string": json.dumps(ALL),
    "single quotes": "{'message': '<said> <email>'}",
    "a number out of range": '{"message": "<said>", "max_tokens": 1e999, "password": "<password>"}',
    "NaN": '{"message": "<said>", "context": {"<email>": NaN}}',
    "too deep": '{"context":' * 40 + '"<said> <email>"' + "}" * 40,
    "two keys of a name": '{"message": "<said>", "message": ["<email>"]}',
    "a lone surrogate": '{"message": "\\\\ud800 <said> <email>"}',
    "a BOM": "\ufeff" + json.dumps({"message": ALL}),
    "too big": json.dumps({"message": ALL + "x" * 300_000}),
    "form": "message=<said>&email=<email>&password=<password>",
}
_MEDIA: Mapping[str, str] = {
    "a form": "application/x-www-form-urlencoded",
    "text": "text/plain; name=<email>",
    "a charset": "application/json; charset=<said>",
    "XML": "application/<said>+xml; token=<token>",
}


def _turns() -> Iterator[Turn]:
    for field, values in _FIELDS.items():
        for number, value in enumerate(values):
            body = {"message": "hello <said>", field: value}
            yield Turn(_WRONG, f"/chat: {field}, {number}", asking("POST", "/chat", body))
    for name, raw in _RAW.items():
        yield Turn(_WRONG, f"/chat: {name}", asking("POST", "/chat", raw=raw))
        yield Turn(_WRONG, f"/sessions: {name}", asking("POST", "/sessions", raw=raw))
    for name, media in _MEDIA.items():
        play = asking("POST", "/chat", {"message": ALL}, headers={"Content-Type": media})
        yield Turn("the media type is wrong", f"/chat as {name}", play)
    for body in (
        {"question": [ALL]},
        {"question": ALL, "message": ALL},
        {"question": ALL, "session_id": "<said>"},
    ):
        yield Turn(_WRONG, f"a question: {', '.join(body)}", asking("POST", "/chat", body))
    for body in (
        {"decision": "<said>"},
        {"decision": "approve", "reason": [ALL]},
        {"<email>": ALL},
    ):
        play = asking("POST", "/runs/run_<said>/approvals/<email>", body)
        yield Turn(_WRONG, f"an approval: {', '.join(body)} {body.get('decision')}", play)
    encoded = {"Content-Encoding": "gzip"}
    play = asking("POST", "/chat", raw=ALL, headers=encoded)
    yield Turn(_WRONG, "/chat: no gzip", play)


TURNS = tuple(_turns())
