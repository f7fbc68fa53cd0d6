"""Fixtures: a Redis of the test's own, and none of what watches code in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests import processes


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[processes.RedisProcess]:
    """Return a Redis that can be stopped and started again."""
    async with processes.redis_server(tmp_path / "redis") as running:
        yield running


@pytest.fixture(autouse=True)
def no_blocking_calls() -> None:
    """Watch nothing: the servers are processes of their own here, and the watch costs time."""
