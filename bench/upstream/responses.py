"""Responses: the bytes of a streamed answer, all made beforehand but the stamps.

An answer repeats its whole text at its end, three times over, as the API does.
"""

from __future__ import annotations

from functools import lru_cache

from bench.upstream.wish import chunk, token

_RESPONSE = (
    b'{"id":"resp_bench","object":"response","created_at":1700000000,"status":"%b","error":null,'
    b'"incomplete_details":null,"instructions":null,"max_output_tokens":null,"model":"bench",'
    b'"output":[%b],"parallel_tool_calls":true,"previous_response_id":null,"reasoning":'
    b'{"effort":null,"summary":null},"store":true,"temperature":1.0,"text":{"format":{"type":'
    b'"text"}},"tool_choice":"auto","tools":[],"top_p":1.0,"truncation":"disabled","usage":%b,'
    b'"user":null,"metadata":{}}'
)
_ITEM = b'{"id":"msg_bench","type":"message","status":"%b","content":[%b],"role":"assistant"}'
_PART = b'{"type":"output_text","annotations":[],"logprobs":[],"text":"%b"}'
_USAGE = (
    b'{"input_tokens":10,"input_tokens_details":{"cached_tokens":0},"output_tokens":%d,'
    b'"output_tokens_details":{"reasoning_tokens":0},"total_tokens":%d}'
)
_PLACE = b'"item_id":"msg_bench","output_index":0,"content_index":0,'
_OPENINGS = 4


def _event(kind: bytes, number: int, fields: bytes) -> bytes:
    """Return one event, which is a chunk of its own; events are numbered."""
    name = b"response." + kind
    return chunk(
        b'event: %b\ndata: {"type":"%b","sequence_number":%d,%b}\n\n' % (name, name, number, fields)
    )


def opening() -> bytes:
    """Return what comes before the first token."""
    begun = b'"response":' + _RESPONSE % (b"in_progress", b"", b"null")
    item = b'"output_index":0,"item":' + _ITEM % (b"in_progress", b"")
    return (
        _event(b"created", 0, begun)
        + _event(b"in_progress", 1, begun)
        + _event(b"output_item.added", 2, item)
        + _event(b"content_part.added", 3, _PLACE + b'"part":' + _PART % b"")
    )


@lru_cache(maxsize=100_000)
def speech(first: int, end: int) -> bytes:
    """Return some tokens, each an event and a chunk of its own, yet to be stamped."""
    return b"".join(
        _event(
            b"output_text.delta",
            _OPENINGS + number,
            _PLACE + b'"delta":"%b","logprobs":[]' % token(number),
        )
        for number in range(first, end)
    )


def closing(said: bytes, tokens: int, body: bytes) -> bytes:  # noqa: ARG001 - the other protocol reads it
    """Return what comes after the last token."""
    number = _OPENINGS + tokens
    item = _ITEM % (b"completed", _PART % said)
    usage = _USAGE % (tokens, tokens + 10)
    return (
        _event(b"output_text.done", number, _PLACE + b'"text":"%b","logprobs":[]' % said)
        + _event(b"content_part.done", number + 1, _PLACE + b'"part":' + _PART % said)
        + _event(b"output_item.done", number + 2, b'"output_index":0,"item":' + item)
        + _event(b"completed", number + 3, b'"response":' + _RESPONSE % (b"completed", item, usage))
        + b"0\r\n\r\n"
    )
