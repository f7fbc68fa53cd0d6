"""Fixtures: none of what watches code in this process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import processes


@pytest.fixture(autouse=True)
def no_blocking_calls() -> None:
    """Watch nothing: what is tested are processes of their own, and the watch costs time."""


@pytest.fixture(scope="module", autouse=True)
def unmeasured() -> Iterator[None]:
    """Let processes run at their own pace: other tests cover what they do."""
    with processes.unmeasured():
        yield
