"""Tells to which layer of the server a stack belongs."""

from __future__ import annotations

import re
from collections import Counter

from bench.kit.profilers import Stacks

_SYSTEM = re.compile(
    r"^(?:__)?(?:libc_)?(?:send|recv|read|write|writev|sendmsg|recvmsg|epoll_p?wait|epoll_ctl|"
    r"accept4?|connect|close|getpid|fcntl|socket|syscall|poll|futex\w*|clock_\w+)\w* \(|"
    r"method '(?:send|recv|recv_into|poll|accept|sendmsg)' of"
)
_FILES = {
    "parse the model's stream": (
        "/assistant/engine/transport/|/openai/|/httpx2?/|/httpcore2?/|/h11/"
        "|/aiohttp/(?:client|connector|streams|http_parser|_http_parser)"
    ),
    "runner (Agents SDK)": "/site-packages/agents/|/pydantic",
    "logs, spans, metrics": (
        "/structlog/|/logging/|/opentelemetry/|/prometheus_client/"
        "|/assistant/(?:telemetry|metrics|tracing)"
    ),
    "engine (ours)": "/assistant/(?:engine|personas|worker|background)",
    "store client": "/assistant/store/|/redis/|/hiredis/",
    "web: requests and writing": "/assistant/(?:web|wire|runs)/|/aiohttp/",
    "event loop": r"/asyncio/|uvloop|selectors\.py",
}
_LAYERS = [(name, re.compile(pattern)) for name, pattern in _FILES.items()]
_REST = "Python itself, and the rest"
SYSTEM = "system calls"
GARBAGE = "garbage collection"


def by_layer(stacks: Stacks) -> Counter[str]:
    """Return how much of all was seen in each layer."""
    layers: Counter[str] = Counter()
    for stack, count in stacks.items():
        layers[_layer_of(stack)] += count
    return layers


def by_function(stacks: Stacks) -> Counter[str]:
    """Return how much of all was seen in each function itself, with its layer."""
    functions: Counter[str] = Counter()
    for stack, count in stacks.items():
        functions[f"{_named(stack)} | {_layer_of(stack)}"] += count
    return functions


def _layer_of(stack: tuple[str, ...]) -> str:
    """Return the layer of the innermost frame that belongs to one."""
    if _SYSTEM.search(stack[-1]):
        return SYSTEM
    if any(frame.startswith("gc_collect") for frame in stack[-8:]):
        return GARBAGE
    for frame in reversed(stack):
        for name, pattern in _LAYERS:
            if pattern.search(frame):
                return name
    return _REST


def _named(stack: tuple[str, ...]) -> str:
    """Return the innermost function, and where it is not Python, who called it."""
    if ".py:" in stack[-1]:
        return _short(stack[-1])
    caller = next((frame for frame in reversed(stack) if ".py:" in frame), "")
    return f"{_short(stack[-1])}, from {_short(caller)}" if caller else _short(stack[-1])


def _short(frame: str) -> str:
    function, _, place = frame.partition(" (")
    file = place.removesuffix(")").rpartition(":")[0] or place.removesuffix(")")
    return f"`{function}` {'/'.join(file.split('/')[-2:])}"
