"""Approvals on the page: asked, answered, and still there after a reload."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, Route, expect

from tests.browser.conftest import Watch
from tests.browser.talk import answers, finished, history, open_page, say, source
from tests.conftest import MakeServer
from tests.web.approving import NOTE, PAY, Desk, opened

pytestmark = pytest.mark.browser


@pytest_asyncio.fixture(loop_scope="session")
async def desk(make_server: MakeServer) -> AsyncIterator[Desk]:
    async with opened(make_server) as found:
        yield found


def _url(desk: Desk) -> str:
    return str(desk.site.server.make_url("")).rstrip("/")


def _card(page: Page) -> Locator:
    return page.locator("[data-role=approval]").last


async def _asked(page: Page, desk: Desk, message: str = NOTE, persona: str = "clerk") -> Locator:
    """Say something that needs an approval, and return the card that asks for it."""
    await open_page(page, _url(desk), persona)
    await say(page, message)
    await expect(_card(page)).to_have_attribute("data-status", "waiting")
    return _card(page)


async def test_approve(page: Page, desk: Desk, watch: Watch) -> None:
    sent: list[object] = []
    page.on("request", lambda r: sent.append(r.post_data_json) if "/approvals/" in r.url else None)
    card = await _asked(page, desk)
    await expect(card).to_contain_text("Write down: milk")
    await expect(card).to_contain_text("You have until")
    assert desk.done == []
    await card.get_by_role("button", name="Yes").click()
    answer = await finished(page)
    await expect(card).to_contain_text("Approved.")
    await expect(card.get_by_role("button")).to_have_count(0)
    (decision,) = sent
    (asked,) = (await desk.person("ann").get(f"/runs/{await _run_id(answer)}"))["approvals"]
    assert decision == {"decision": "approve", "arguments_hash": asked["arguments_hash"]}
    line = answer.locator("[data-role=tool]")
    await expect(line).to_have_attribute("data-status", "ok")
    assert "Noted." in await source(answer)
    assert (await history(page))[-1]["content"] == await source(answer)
    assert desk.done == ["milk"]
    assert watch.faults == []


async def _run_id(answer: Locator) -> str:
    return await answer.get_attribute("data-run") or ""


async def test_decline(page: Page, desk: Desk) -> None:
    card = await _asked(page, desk)
    await card.get_by_role("button", name="No").click()
    answer = await finished(page)
    await expect(card).to_contain_text("Declined. Nothing was done.")
    line = answer.locator("[data-role=tool]")
    await expect(line).to_have_attribute("data-status", "rejected")
    await expect(line).to_contain_text("declined")
    assert desk.done == []


async def test_nobody_decides(page: Page, desk: Desk) -> None:
    await open_page(page, _url(desk), "hasty")
    await say(page, NOTE)
    answer = await finished(page)
    await expect(_card(page)).to_contain_text("Nobody decided in time. Nothing was done.")
    await expect(answer.locator("[data-role=tool]")).to_contain_text("not approved in time")
    assert desk.done == []


async def test_after_a_reload_it_is_there_and_works(page: Page, desk: Desk, watch: Watch) -> None:
    await _asked(page, desk)
    for _ in range(2):
        await page.reload()
        await expect(_card(page)).to_have_attribute("data-status", "waiting")
    await expect(page.locator("[data-role=approval]")).to_have_count(1)
    await expect(_card(page)).to_contain_text("Write down: milk")
    await _card(page).get_by_role("button", name="Yes").click()
    await finished(page)
    assert desk.done == ["milk"]
    await expect(page.locator('[data-role="user"]')).to_have_count(1)
    await expect(answers(page)).to_have_count(1)
    assert watch.faults == []


@pytest.mark.parametrize(
    ("button", "words", "line"),
    [
        ("Yes", "Approved.", "Used “Write note”"),
        ("No", "Declined. Nothing was done.", "Did not use “Write note”: declined"),
    ],
)
async def test_how_it_was_decided_is_there_after_a_reload(
    page: Page, desk: Desk, button: str, words: str, line: str
) -> None:
    card = await _asked(page, desk)
    await card.get_by_role("button", name=button).click()
    await finished(page)
    await page.reload()
    await expect(card.locator(".said-so")).to_have_text(words)
    await expect(card.get_by_role("button")).to_have_count(0)
    await expect(card.get_by_role("heading")).to_have_text("Write down: milk")
    await expect(answers(page).locator("[data-role=tool] .step-words")).to_have_text([line])


async def test_two_tabs_show_the_same(page: Page, desk: Desk, watch: Watch) -> None:
    card = await _asked(page, desk)
    kept = await page.evaluate("() => sessionStorage.getItem('assistant.chat')")
    second = await page.context.new_page()
    watch.over(second)
    await second.add_init_script(f"sessionStorage.setItem('assistant.chat', {kept!r})")
    await second.goto(page.url)
    await expect(_card(second)).to_have_attribute("data-status", "waiting")
    await _card(second).get_by_role("button", name="No").click()
    for tab in (page, second):
        await finished(tab)
        await expect(_card(tab).locator(".said-so")).to_have_text("Declined. Nothing was done.")
    assert await card.inner_text() == await _card(second).inner_text()
    assert desk.done == []
    assert watch.faults == []


async def test_what_is_decided_elsewhere_is_told_here(page: Page, desk: Desk) -> None:
    card = await _asked(page, desk)
    ann = desk.person("ann")
    (asked,) = (await ann.get("/approvals"))["approvals"]
    await ann.decide(asked, "reject", reason="Not today.")
    await expect(card).to_contain_text("Declined. Nothing was done. Reason: Not today.")
    await finished(page)


@pytest.mark.parametrize(("status", "title"), [(409, "Approval closed"), (403, "Forbidden")])
async def test_a_refused_decision_is_told_in_the_card(
    page: Page, desk: Desk, status: int, title: str
) -> None:
    async def refuse(route: Route) -> None:
        body = {"error": title, "detail": "It cannot be decided so.", "correlation_id": "abc-123"}
        await route.fulfill(status=status, json=body)

    await page.route("**/approvals/*", refuse)
    card = await _asked(page, desk)
    await card.get_by_role("button", name="Yes").click()
    await expect(card).to_contain_text("It cannot be decided so.")
    for name in ("Yes", "No"):
        await expect(card.get_by_role("button", name=name)).to_be_disabled()
    assert desk.done == []


async def test_a_decision_lost_on_the_way_can_be_made_again(page: Page, desk: Desk) -> None:
    async def lose(route: Route) -> None:
        await route.abort("connectionreset")

    await page.route("**/approvals/*", lose, times=1)
    card = await _asked(page, desk)
    button = card.get_by_role("button", name="Yes")
    await button.click()
    await expect(card).to_contain_text("The server cannot be reached.")
    await expect(button).to_be_focused()
    await button.click()
    await finished(page)
    assert desk.done == ["milk"]


async def test_the_keyboard_is_enough(page: Page, desk: Desk) -> None:
    card = await _asked(page, desk)
    await expect(page.get_by_label("Your message")).to_be_focused()
    for _ in range(6):
        await page.keyboard.press("Shift+Tab")
        if await card.get_by_role("button", name="Yes").evaluate("e => e.matches(':focus')"):
            break
    await expect(card.get_by_role("button", name="Yes")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(card).to_be_focused()
    await finished(page)
    assert desk.done == ["milk"]


async def test_another_s_decision_has_no_buttons_here(page: Page, desk: Desk) -> None:
    async with page.expect_response(lambda r: re.search(r"/runs/run_\w+$", r.url) is not None):
        card = await _asked(page, desk, PAY)
    await expect(card).to_contain_text("Whoever has the role Billing decides, until")
    await expect(card.get_by_role("button")).to_have_count(0)
    bill = desk.person("bill/billing")
    (asked,) = (await bill.get("/approvals"))["approvals"]
    await bill.decide(asked)
    await expect(card).to_contain_text("Approved. Decided by bill.")
    await finished(page)
    assert desk.done == ["40 to Ann"]


async def test_who_has_the_role_gets_the_buttons(page: Page, desk: Desk) -> None:
    await page.context.add_cookies([{"name": "user", "value": "cleo/billing", "url": _url(desk)}])
    card = await _asked(page, desk, PAY)
    await card.get_by_role("button", name="Yes").click()
    await finished(page)
    assert desk.done == ["40 to Ann"]


async def test_stop_ends_the_wait(page: Page, desk: Desk) -> None:
    card = await _asked(page, desk)
    await page.get_by_role("button", name="Stop this answer").click()
    await finished(page, "stopped")
    await expect(card).to_contain_text("No decision is needed any more.")
    await expect(card.get_by_role("button")).to_have_count(0)


async def test_a_phone_has_room_for_the_card(browser: Browser, desk: Desk) -> None:
    context = await browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    page = await context.new_page()
    long = '[[tool: write_note {"text": "' + "x" * 300 + '"}]]'
    card = await _asked(page, desk, long)
    wide = "e => e.scrollWidth - e.clientWidth"
    for part in ("html", "body", "#scroller", "#log", "[data-role=approval]"):
        assert await page.locator(part).evaluate(wide) == 0, part
    for name in ("Yes", "No"):
        button = card.get_by_role("button", name=name)
        await expect(button).to_be_in_viewport(ratio=1)
        size = await button.bounding_box()
        assert size is not None
        assert min(size["width"], size["height"]) >= 44
    await card.get_by_role("button", name="Yes").tap()
    await finished(page)
    assert desk.done == ["x" * 300]
