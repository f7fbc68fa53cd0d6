"""Has the machine's TLS certificates read by whoever needs them first, not by whoever may."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from ssl import SSLContext, SSLObject, SSLSocket
from typing import Any

from typing_extensions import override

from assistant.loading import replaced


class _ReadWhenUsed(SSLContext):
    _read = False

    @override
    def wrap_bio(self, *args: Any, **options: Any) -> SSLObject:
        self._read_once()
        return super().wrap_bio(*args, **options)

    @override
    def wrap_socket(self, *args: Any, **options: Any) -> SSLSocket:
        self._read_once()
        return super().wrap_socket(*args, **options)

    def _read_once(self) -> None:
        if not self._read:
            self.set_default_verify_paths()
            self._read = True


def _put_off(context: SSLContext) -> None:
    context.__class__ = _ReadWhenUsed


@contextmanager
def read_when_used() -> Iterator[None]:
    """Have contexts that are made in the block read certificates at their first connection.

    aiohttp makes two as it loads, each of which reads for 25 ms; most processes use neither.
    """
    with replaced(SSLContext, "set_default_verify_paths", _put_off):
        yield
