"""Spans of the store's commands: what was done, never with which keys or values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from opentelemetry.instrumentation.redis import RedisInstrumentor
from opentelemetry.trace import Span

from assistant.store.client import Batch, Client

_OPERATION = "db.operation.name"


def watch(redis: Client) -> None:
    """Make a span of each command and pipeline of a client's from now on."""
    RedisInstrumentor.instrument_client(redis, request_hook=_name, response_hook=_name_batch)


def _name(span: Span, _client: object, args: Sequence[Any], _options: object) -> None:
    span.set_attribute(_OPERATION, str(args[0]))


def _name_batch(span: Span, sender: object, replies: Any) -> None:
    """Name a pipeline's span after its script, or its first command, not after all of them."""
    if not isinstance(sender, Batch) or not span.is_recording():
        return
    size = len(replies or ())
    operation = "EVALSHA" if sender.procedure else "PIPELINE"
    span.set_attribute(_OPERATION, operation)
    if size > 1:
        span.set_attribute("db.operation.batch.size", size)
    if sender.procedure:
        span.set_attribute("db.stored_procedure.name", sender.procedure)
        span.set_attribute("db.query.text", f"EVALSHA {sender.procedure}")
        span.update_name(f"EVALSHA {sender.procedure}")
    else:
        span.update_name(operation)
