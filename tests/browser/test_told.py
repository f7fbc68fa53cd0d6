"""The page shows what a log tells, in whatever state it finds it: recorded logs, played to it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from playwright.async_api import Locator, Page, Route, expect

from assistant import events
from assistant.wire import sse
from tests.browser.conftest import Watch
from tests.browser.talk import answers, finished, open_page, say, source
from tests.wire.transcripts import NAMES, RUN, entries, render

pytestmark = pytest.mark.browser

STREAM = "text/event-stream; charset=utf-8"


async def _play(page: Page, url: str, body: bytes) -> None:
    """Let the page hear `body` as the answer to what it says; nothing comes after it."""

    async def answer(route: Route) -> None:
        await route.fulfill(body=body, content_type=STREAM)

    async def hold(_route: Route) -> None:
        await asyncio.Event().wait()

    await page.route("**/chat", answer)
    await page.route("**/runs/*/events", hold)
    await open_page(page, url)
    await say(page, "Hello")


async def _play_part(page: Page, url: str, name: str, last: str) -> Locator:
    """Let the page hear a log up to and with its last entry of a type; returns the answer."""
    log = entries(name)
    end = max(n for n, entry in enumerate(log) if events.type_of(entry.event) == last)
    await _play(page, url, b"".join(sse.frame(RUN, entry) for entry in log[: end + 1]))
    return answers(page).last


@pytest.mark.parametrize("name", NAMES)
async def test_the_text_shown_is_the_text_told(page: Page, server_url: str, name: str) -> None:
    await _play(page, server_url, render(name, "sse"))
    last = entries(name)[-1].event
    if isinstance(last, events.RunCompleted):
        assert await source(await finished(page)) == last.text
    else:
        stopped = isinstance(last, events.RunCancelled)
        await finished(page, "stopped" if stopped else "failed")


async def test_a_new_attempt_goes_on_from_what_stands(page: Page, server_url: str) -> None:
    answer = await _play_part(page, server_url, "takeover_with_discard", "run.started")
    await expect(answer.locator(".text")).to_have_text(["Let me look."])
    assert await source(answer) == "Let me look."


async def test_what_stands_wins_over_what_was_shown(page: Page, server_url: str) -> None:
    """A log whose attempt begins with something else than the page holds, as after a lost log."""
    log = list(entries("tools"))
    again = events.RunStarted("web_assistant", "0123456789ab", "gpt-test", 2, "Only this.")
    at = 13
    log[at:] = [events.Entry(at, again)]
    await _play(page, server_url, b"".join(sse.frame(RUN, entry) for entry in log))
    answer = answers(page).last
    await expect(answer.locator(".text")).to_have_text(["Only this."])
    assert await source(answer) == "Only this."


async def test_the_place_in_the_queue_is_told_as_it_shrinks(page: Page, server_url: str) -> None:
    log = entries("queued")
    for upto, words in ((2, "3 before you"), (3, "You are next"), (4, "")):
        body = b"".join(sse.frame(RUN, entry) for entry in log[:upto])
        await page.goto("about:blank")
        await page.unroute_all(behavior="ignoreErrors")
        await _play(page, server_url, body)
        place = answers(page).last.locator(".place")
        await expect(place).to_have_text(words)
        await expect(place).to_have_role("status")
        await page.evaluate("() => sessionStorage.clear()")


async def test_an_approval_is_shown_whole(page: Page, server_url: str, watch: Watch) -> None:
    await page.clock.set_fixed_time("2026-01-02T03:35:00Z")
    log = entries("approval")[:3]
    await _play(page, server_url, b"".join(sse.frame(RUN, entry) for entry in log))
    question = "Book 5 January, 09:30, with Dr Moss."
    card = page.get_by_role("region", name=f"This needs your yes {question}")
    await expect(card.get_by_role("heading")).to_have_text(question)
    await expect(card.locator("time")).to_have_attribute("datetime", "2026-01-02T04:04:05Z")
    await expect(card.locator(".until")).to_contain_text("You have until")
    await expect(card.locator(".until")).to_contain_text("(29 minutes left)")
    for name in ("Yes", "No"):
        button = card.get_by_role("group", name=question).get_by_role("button", name=name)
        await expect(button).to_be_enabled()
    await expect(card.locator("dl")).to_be_hidden()
    await card.get_by_text("Details").click()
    await expect(card.locator("dt")).to_have_text(["Slot", "With"])
    await expect(card.locator("dd")).to_have_text(["2026-01-05T09:30", "Dr Moss"])
    line = answers(page).last.locator("[data-role=tool]")
    await expect(line).to_have_attribute("data-status", "waiting")
    await expect(page.locator("#announcer")).to_contain_text("Your yes is needed. Book")
    await expect(answers(page).last.locator(".waiting")).to_be_hidden()
    assert watch.faults == []


async def test_arguments_are_text_and_nothing_else(
    page: Page, server_url: str, watch: Watch
) -> None:
    evil = "<img src=x onerror=alert(1)><b>bold</b>"
    asked = entries("approval")[2].event
    assert isinstance(asked, events.ApprovalRequested)
    arguments: dict[str, Any] = {"plain": evil, "sure": True, "deep": {"list": [evil, 1]}, evil: ""}
    made = events.ApprovalRequested(
        asked.call_id, evil, evil, arguments, asked.arguments_hash, "user", asked.expires_at
    )
    log = [entries("approval")[0], events.Entry(1, made)]
    await _play(page, server_url, b"".join(sse.frame(RUN, entry) for entry in log))
    card = page.locator("[data-role=approval]")
    await expect(card.locator(".summary")).to_have_text(evil)
    await card.get_by_text("Details").click()
    texts = await card.locator("dd").all_inner_texts()
    assert (texts[0], texts[1], texts[3]) == (evil, "yes", "(empty)")
    assert evil in texts[2]
    await expect(card.locator("img, b")).to_have_count(0)
    assert watch.faults == []


async def test_how_each_approval_ended_stays(page: Page, server_url: str) -> None:
    await page.clock.set_fixed_time("2026-01-03T00:00:00Z")  # all of it is long over
    await _play(page, server_url, render("approval", "sse"))
    answer = await finished(page)
    cards = answer.locator("[data-role=approval]")
    await expect(cards.nth(0)).to_contain_text("Approved. Reason: Yes, please.")
    await expect(cards.nth(1)).to_contain_text("Nobody decided in time. Nothing was done.")
    await expect(cards.get_by_role("button")).to_have_count(0)
    await expect(cards.locator(".until:visible")).to_have_count(0)
    lines = answer.locator("[data-role=tool]")
    await expect(lines.nth(0)).to_have_attribute("data-status", "ok")
    await expect(lines.nth(1)).to_have_attribute("data-status", "expired")
    await expect(lines.nth(1)).to_contain_text("not approved in time")


async def test_a_run_that_is_stopped_needs_no_decision(page: Page, server_url: str) -> None:
    log = [*entries("approval")[:3], events.Entry(3, events.RunCancelled("visitor"))]
    await _play(page, server_url, b"".join(sse.frame(RUN, entry) for entry in log))
    answer = await finished(page, "stopped")
    await expect(answer).to_contain_text("No decision is needed any more.")
    await expect(answer.get_by_role("button")).to_have_count(0)
