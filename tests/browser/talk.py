"""What one does on the page, and where things are on it."""

from __future__ import annotations

import re
from typing import Any

from playwright.async_api import Locator, Page, expect

JAIME = "jaime_therapist"
LONG = "Can we do a breathing exercise?"
# A whole answer of the demo model at test pace, on a busy machine.
ANSWER_MS = 30_000


async def open_page(page: Page, url: str, persona: str = JAIME) -> None:
    await page.goto(f"{url}/ui/?persona={persona}")
    await expect(page.locator("body")).to_have_attribute("data-state", "ready")


async def say(page: Page, text: str) -> None:
    await page.get_by_label("Your message").fill(text)
    await page.get_by_role("button", name="Send").click()


def answers(page: Page) -> Locator:
    return page.locator('[data-role="assistant"]')


async def streaming(page: Page) -> Locator:
    """Wait until the last answer has begun to show, and return it."""
    answer = answers(page).last
    await expect(answer).to_have_attribute("data-status", "streaming")
    await expect(answer.locator(".text")).to_contain_text(re.compile(r"\w+ \w+ \w+"))
    return answer


async def finished(page: Page, status: str = "completed") -> Locator:
    """Wait until the last answer has ended, and return it."""
    answer = answers(page).last
    await expect(answer).to_have_attribute("data-status", status, timeout=ANSWER_MS)
    await expect(page.locator("body")).to_have_attribute("data-state", "ready")
    return answer


async def source(answer: Locator) -> str:
    """Return the text of an answer as it came, before it was laid out."""
    return str(await answer.evaluate("element => element.source"))


async def history(page: Page) -> list[dict[str, Any]]:
    """Return the messages of the page's session, as the server has them."""
    read = "() => JSON.parse(sessionStorage.getItem('assistant.chat')).sessionId"
    session_id = await page.evaluate(read)
    server = page.url.split("/ui/")[0]
    response = await page.request.get(f"{server}/sessions/{session_id}/messages")
    messages: list[dict[str, Any]] = (await response.json())["messages"]
    return messages


def shown(text: str) -> list[str]:
    """Return the words of a text without the marks that the page turns into layout."""
    bare = re.sub(r"(?m)^\s*(?:[-*•]|\d+[.)])\s+", "", text)
    return re.sub(r"\*\*|`", "", bare).split()
