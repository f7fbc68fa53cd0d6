"""The web page in a real browser, against a real server with the demo model."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import Watch
from tests.browser.talk import (
    LONG,
    answers,
    finished,
    history,
    open_page,
    say,
    shown,
    source,
    streaming,
)

pytestmark = pytest.mark.browser


async def test_an_answer_streams_and_completes(page: Page, server_url: str, watch: Watch) -> None:
    await open_page(page, server_url)
    await say(page, LONG)
    answer = await streaming(page)
    partial = await source(answer)

    await finished(page)
    whole = await source(answer)
    assert whole.startswith(partial)
    assert len(whole) > len(partial)
    assert [m["content"] for m in await history(page)] == [LONG, whole]
    assert (await answer.locator(".parts").inner_text()).split() == shown(whole)
    await expect(page.locator("#connection")).to_have_attribute("data-state", "connected")
    await expect(page.locator("#announcer")).to_contain_text(whole[-40:])
    assert watch.faults == []


async def test_nothing_is_asked_of_another_host(page: Page, server_url: str, watch: Watch) -> None:
    report = "e => console.error(e.blockedURI)"
    await page.add_init_script(f"addEventListener('securitypolicyviolation', {report})")
    response = await page.goto(f"{server_url}/ui/")
    assert response is not None
    assert "default-src 'self'" in (await response.all_headers())["content-security-policy"]
    await open_page(page, server_url)
    await say(page, "I've had a hard week")
    await finished(page)

    assert watch.hosts == {server_url.removeprefix("http://")}
    assert watch.faults == []


async def test_a_browser_at_the_root_gets_the_page(page: Page, server_url: str) -> None:
    await page.goto(server_url)
    await expect(page).to_have_url(f"{server_url}/ui/")
    await expect(page.locator("body")).to_have_attribute("data-state", "ready")


async def test_stop_keeps_the_partial_text_and_marks_it(page: Page, server_url: str) -> None:
    await open_page(page, server_url)
    await say(page, LONG)
    await streaming(page)
    await page.get_by_role("button", name="Stop this answer").click()

    answer = await finished(page, "stopped")
    await expect(answer).to_contain_text("Stopped")
    kept = await source(answer)
    assert kept
    question, stored = await history(page)
    assert (stored["content"], stored["status"]) == (kept, "cancelled")
    await page.reload()
    again = await finished(page, "stopped")
    assert await source(again) == kept
    assert question["content"] == LONG


async def test_a_reload_in_mid_answer_goes_on(page: Page, server_url: str, watch: Watch) -> None:
    await open_page(page, server_url)
    await say(page, LONG)
    before = await source(await streaming(page))
    await page.reload()

    answer = await streaming(page)
    await expect(page.get_by_role("button", name="Stop this answer")).to_be_visible()
    await finished(page)
    whole = await source(answer)
    assert whole.startswith(before)
    assert [m["content"] for m in await history(page)] == [LONG, whole]
    await expect(page.locator('[data-role="user"]')).to_have_count(1)
    await expect(answers(page)).to_have_count(1)
    assert watch.faults == []


async def test_a_reload_after_the_answer_shows_the_history(page: Page, server_url: str) -> None:
    await open_page(page, server_url)
    await say(page, "I've had a hard week")
    whole = await source(await finished(page))
    await page.reload()
    assert await source(await finished(page)) == whole
    await say(page, "It was my work")
    await expect(answers(page)).to_have_count(2)
    await finished(page)


async def test_a_phone_has_room_for_everything(browser: Browser, server_url: str) -> None:
    context = await browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    page = await context.new_page()
    await open_page(page, server_url)
    await say(page, LONG)
    await finished(page)

    wide = "e => e.scrollWidth - e.clientWidth"
    for part in ("html", "body", "#scroller", "#log"):
        assert await page.locator(part).evaluate(wide) == 0, part
    box = page.get_by_label("Your message")
    await expect(box).to_be_in_viewport(ratio=1)
    # A smaller one makes iOS zoom in when it is touched.
    assert await box.evaluate("e => parseFloat(getComputedStyle(e).fontSize)") >= 16
    size = await page.get_by_role("button", name="Send").bounding_box()
    assert size is not None
    assert min(size["width"], size["height"]) >= 44
    await expect(answers(page).last).to_be_in_viewport()


async def test_everything_can_be_done_with_the_keyboard(page: Page, server_url: str) -> None:
    await open_page(page, server_url)
    box = page.get_by_label("Your message")
    await expect(box).to_be_focused()
    await page.keyboard.type("First line")
    await page.keyboard.press("Shift+Enter")
    await page.keyboard.type(LONG)
    await page.keyboard.press("Enter")
    await expect(page.locator('[data-role="user"]')).to_have_text(f"First line\n{LONG}")
    await streaming(page)

    await page.keyboard.press("Tab")
    await expect(page.get_by_role("button", name="Stop this answer")).to_be_focused()
    await page.keyboard.press("Enter")
    await finished(page, "stopped")
    await expect(box).to_be_focused()

    await page.get_by_role("button", name="Choose someone else").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("button", name="Choose someone else")).to_be_focused()


async def test_the_page_says_that_it_is_a_demo_and_an_ai(page: Page, server_url: str) -> None:
    await open_page(page, server_url)
    await expect(page.locator("#notice")).to_contain_text("AI")
    await expect(page.locator("#model")).to_have_attribute("data-provider", "demo")
    await expect(page.locator("#model")).to_contain_text("Demo model")
    await expect(page.locator("#model")).to_contain_text("no language model")


async def test_a_starter_begins_the_conversation(page: Page, server_url: str) -> None:
    await open_page(page, server_url)
    await expect(page.locator("#greeting")).to_contain_text("Jaime")
    starter = page.locator('[data-role="starter"]').first
    text = await starter.inner_text()
    await starter.click()
    await finished(page)
    await expect(page.locator('[data-role="user"]')).to_have_text(text)
    await expect(page.locator("#starters")).to_be_hidden()
    await expect(page.locator("#greeting")).to_be_visible()


async def test_danger_brings_help_that_stays(page: Page, server_url: str) -> None:
    await open_page(page, server_url)
    await say(page, "I want to kill myself")
    panel = page.get_by_role("alert").filter(has_text="Help is here")
    await expect(panel).to_be_visible()
    await expect(panel.locator('a[href="tel:988"]')).to_be_visible()
    await expect(panel.locator('a[href^="https://findahelpline.com"]')).to_be_visible()
    await finished(page)
    await expect(panel.get_by_role("heading")).to_be_in_viewport()

    await page.reload()
    await finished(page)
    await expect(page.locator(".help a[href='tel:988']")).to_be_visible()


async def test_a_new_conversation_begins_anew(page: Page, server_url: str) -> None:
    await open_page(page, server_url)
    await say(page, "I've had a hard week")
    await finished(page)
    reference = await page.locator("#reference code").inner_text()
    assert re.fullmatch(r"[\w.:-]{8,}", reference)
    await page.get_by_role("button", name="New conversation").click()
    await expect(page.locator("#log")).to_be_empty()
    await expect(page.locator("#starters")).to_be_visible()

    await page.locator("#choice [data-persona='web_assistant']").click()
    await expect(page.locator("body")).to_have_attribute("data-persona", "web_assistant")
    await say(page, "When are you open?")
    await finished(page)
    assert len(await history(page)) == 2


async def test_a_conversation_can_be_deleted(page: Page, server_url: str) -> None:
    await open_page(page, server_url)
    await say(page, "I've had a hard week")
    await finished(page)
    async with page.expect_response(lambda r: r.request.method == "DELETE") as deleted:
        await page.get_by_role("button", name="Delete this conversation").click()
        await page.get_by_role("button", name="Delete", exact=True).click()
    assert (await deleted.value).ok
    await expect(page.locator("#announcer")).to_contain_text("deleted")
    await expect(page.locator("#log")).to_be_empty()
