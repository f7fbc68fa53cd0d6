"""Fixtures: none of what watches code in this process."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def no_blocking_calls() -> None:
    """Watch nothing: what is tested are processes of their own, and the watch costs time."""
