"""The README's WebSocket client for browsers, in a browser."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.test_readme import JAVASCRIPT, at

pytestmark = pytest.mark.browser


async def test_the_websocket_client_shows_an_answer(server_url: str, page: Page) -> None:
    # Any page of the server's own origin will do; this one has no script of its own.
    await page.goto(f"{server_url}/health/live")
    await page.evaluate(f"() => {{ {at(JAVASCRIPT[0], server_url)} }}")
    await expect(page.locator("body")).to_contain_text("Linden Street Clinic", timeout=20_000)
