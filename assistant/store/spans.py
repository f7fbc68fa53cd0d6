"""Spans of the store's commands: what was done, never with which keys or values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import SpanKind
from typing_extensions import override

from assistant import tracing
from assistant.store.client import Batch, Client

if TYPE_CHECKING:
    from redis.asyncio import ConnectionPool

    from assistant.store.scripts import Call, Script

_LONGEST_TEXT = 1_000


class WatchedClient(Client):
    """A client that makes a span of each command, pipeline and script, where these are seen."""

    def __init__(self, connection_pool: ConnectionPool) -> None:
        super().__init__(connection_pool)
        self._place = _place(connection_pool.connection_kwargs)

    @override
    async def execute_command(self, *args: Any, **options: Any) -> Any:
        with self._command(args):
            return await super().execute_command(*args, **options)

    @override
    async def raw(self, *args: Any) -> Any:
        with self._command(args):
            return await super().raw(*args)

    @override
    async def evaluate(self, script: Script, calls: Sequence[Call]) -> list[Any]:
        name = f"EVALSHA {script.name}"
        facts = _pipelined(len(calls)) | {"db.stored_procedure.name": script.name}
        with self.span(name, "EVALSHA", name, facts):
            return await super().evaluate(script, calls)

    @override
    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Batch:
        batch = _WatchedBatch(
            self.connection_pool, self.response_callbacks, transaction, shard_hint
        )
        batch.watcher = self
        return batch

    @contextmanager
    def span(self, name: str, operation: str, text: str, facts: tracing.Facts) -> Iterator[None]:
        """Make a span of what is asked within.

        Args:
            name: of few values.
            operation: the command, or what stands for several.
            text: the commands with a `?` for each argument.
            facts: further attributes.
        """
        if not tracing.is_seen():
            yield
            return
        query = {"db.operation.name": operation, "db.query.text": text}
        with tracing.span(name, SpanKind.CLIENT, attributes={**self._place, **query, **facts}):
            yield

    @contextmanager
    def _command(self, args: Sequence[Any]) -> Iterator[None]:
        name = str(args[0])
        with self.span(name, name, _text([args]), {"db.redis.args_length": len(args)}):
            yield


class _WatchedBatch(Batch):
    watcher: WatchedClient

    @override
    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        commands = [args for args, _ in self.command_stack]
        facts = _pipelined(len(commands))
        with self.watcher.span("PIPELINE", "PIPELINE", _text(commands), facts):
            return await super().execute(raise_on_error)


def _place(known: Mapping[str, Any]) -> tracing.Facts:
    place: dict[str, str | int] = {"db.system.name": "redis"}
    if "path" in known:
        return place | {"server.address": known["path"], "network.transport": "unix"}
    place |= {"server.address": known.get("host", "localhost"), "network.transport": "tcp"}
    return place | {"server.port": known.get("port", 6379)}


def _pipelined(count: int) -> dict[str, str | int]:
    facts: dict[str, str | int] = {"db.redis.pipeline_length": count}
    return facts | {"db.operation.batch.size": count} if count > 1 else facts


def _text(commands: Iterable[Sequence[Any]]) -> str:
    return "\n".join(f"{args[0]}{' ?' * (len(args) - 1)}"[:_LONGEST_TEXT] for args in commands)
