"""The page when things go wrong between it and the server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import unused_port
from playwright.async_api import Page, Route, expect

from tests import processes
from tests.browser.talk import (
    LONG,
    answers,
    finished,
    history,
    open_page,
    say,
    source,
    streaming,
)

pytestmark = pytest.mark.browser


async def test_a_cut_stream_is_taken_up_by_cursor(page: Page, server_url: str) -> None:
    """The first connection ends in the middle of a frame; the rest comes from the log."""
    cursors: list[str | None] = []

    async def cut(route: Route) -> None:
        response = await route.fetch()
        await route.fulfill(response=response, body=(await response.body())[:6_001])

    page.on(
        "request",
        lambda r: cursors.append(r.headers.get("last-event-id")) if "/events" in r.url else None,
    )
    await page.route("**/chat", cut)
    await open_page(page, server_url)
    await say(page, LONG)

    answer = await finished(page)
    assert await source(answer) == (await history(page))[-1]["content"]
    assert len(cursors) == 1
    assert int(cursors[0] or 0) > 5


async def test_a_server_that_dies_and_comes_back_is_met_again(page: Page, tmp_path: Path) -> None:
    """What the dead server had begun is void; the page shows the new answer, and only that."""
    settings: dict[str, Any] = {"PORT": unused_port(), "CHUNK_DELAY": 0.02}
    async with processes.server(tmp_path / "data", **settings) as first:
        await open_page(page, first.url)
        await say(page, LONG)
        await streaming(page)
        await first.kill()
    await expect(page.locator("#connection")).to_have_text("Reconnecting")
    async with processes.server(tmp_path / "data", **settings):
        answer = await finished(page)
        await expect(page.locator("#connection")).to_have_text("Connected")
        stored = [message["content"] for message in await history(page)]
        assert stored == [LONG, await source(answer)]


@pytest.mark.parametrize("arrived", [True, False])
async def test_a_message_lost_on_the_way_is_sent_once(
    page: Page, server_url: str, *, arrived: bool
) -> None:
    keys: list[str] = []

    async def lose_first(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) > 1:
            return await route.continue_()
        if arrived:
            await route.fetch()
        return await route.abort("connectionreset")

    await page.route("**/chat", lose_first)
    await open_page(page, server_url)
    await say(page, "I've had a hard week")
    answer = await finished(page)
    assert len(keys) == 2
    assert len(set(keys)) == 1
    texts = [message["content"] for message in await history(page)]
    assert texts == ["I've had a hard week", await source(answer)]


async def test_a_reload_before_the_first_frame_sends_once(page: Page, server_url: str) -> None:
    async def swallow(route: Route) -> None:
        await route.fetch()  # the server has it; the page never hears so
        await page.reload()

    await page.route("**/chat", swallow, times=1)
    await open_page(page, server_url)
    await say(page, "I've had a hard week")
    answer = await finished(page)
    await expect(page.locator('[data-role="user"]')).to_have_count(1)
    await expect(answers(page)).to_have_count(1)
    texts = [message["content"] for message in await history(page)]
    assert texts == ["I've had a hard week", await source(answer)]


async def test_an_overloaded_server_is_explained_and_tried_again(
    page: Page, server_url: str
) -> None:
    async def refuse(route: Route) -> None:
        body = {"error": "Overloaded", "detail": "All taken.", "correlation_id": "abc-123"}
        await route.fulfill(status=503, headers={"Retry-After": "1"}, json=body)

    await page.route("**/chat", refuse, times=1)
    await open_page(page, server_url)
    await say(page, "I've had a hard week")
    card = page.locator('[data-role="error"]')
    await expect(card).to_contain_text("A lot of people are writing")
    await expect(card).to_contain_text("abc-123")
    again = card.get_by_role("button", name="Try again")
    await expect(again).to_be_disabled()
    await expect(again).to_be_enabled()
    await again.click()
    await finished(page)
    await expect(card).to_have_count(0)
    assert len(await history(page)) == 2


async def test_an_expired_conversation_begins_anew_quietly(page: Page, server_url: str) -> None:
    kept = '{"sessionId": "ses_gone", "persona": "jaime_therapist"}'
    await page.add_init_script(f"sessionStorage.setItem('assistant.chat', {kept!r})")
    await open_page(page, server_url)
    await expect(page.locator("body")).to_have_attribute("data-view", "welcome")
    await expect(page.locator('[data-role="error"]')).to_have_count(0)


async def test_the_connection_is_shown_as_it_is(page: Page, server_url: str) -> None:
    await open_page(page, server_url)
    state = page.locator("#connection")
    await page.context.set_offline(True)
    await expect(state).to_have_text("Offline")
    await page.context.set_offline(False)
    await expect(state).to_have_text("Connected")
