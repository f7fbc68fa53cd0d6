"""Chat Completions: the bytes of a streamed answer, all made beforehand but the stamps."""

from __future__ import annotations

from functools import lru_cache

from bench.upstream.wish import chunk, token

_BEFORE = (
    b'data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1700000000,'
    b'"model":"bench","system_fingerprint":"fp_bench","choices":'
)
_TOKEN = b'[{"index":0,"delta":{"content":"%b"},"logprobs":null,"finish_reason":null}]}\n\n'
_ROLE = (
    b'[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,'
    b'"finish_reason":null}]}\n\n'
)
_STOP = b'[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]}\n\n'
_USAGE = b'[],"usage":{"prompt_tokens":10,"completion_tokens":%d,"total_tokens":%d}}\n\n'


def opening() -> bytes:
    """Return what comes before the first token."""
    return chunk(_BEFORE + _ROLE)


@lru_cache(maxsize=100_000)
def speech(first: int, end: int) -> bytes:
    """Return some tokens, each an event and a chunk of its own, yet to be stamped."""
    return b"".join(chunk(_BEFORE + _TOKEN % token(number)) for number in range(first, end))


def closing(said: bytes, tokens: int, body: bytes) -> bytes:  # noqa: ARG001 - the other protocol repeats it
    """Return what comes after the last token, with the usage where the request asks for it."""
    asked = b'"include_usage":true' in body.replace(b": ", b":")
    counted = chunk(_BEFORE + _USAGE % (tokens, tokens + 10)) if asked else b""
    return chunk(_BEFORE + _STOP) + counted + chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n"
