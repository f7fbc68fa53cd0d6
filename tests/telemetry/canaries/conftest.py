"""Fixtures: processes that are not measured."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import processes


@pytest.fixture(scope="module", autouse=True)
def unmeasured() -> Iterator[None]:
    """Let processes run at their own pace: other tests cover what they do."""
    with processes.unmeasured():
        yield
