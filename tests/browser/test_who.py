"""Who one is on the page: the demo's switch, signing in and out, one's own conversations."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, Request, Route, expect

from assistant.web.identity import new_key
from tests import processes
from tests.browser.conftest import Watch
from tests.browser.talk import LONG, answers, finished, open_page, say, source, streaming

pytestmark = pytest.mark.browser

HARD = "I've had a hard week"


@dataclass(slots=True, frozen=True)
class Locked:
    """A server that wants a key, and those that it knows."""

    url: str
    key: str
    another: str


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def locked(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Locked]:
    folder = tmp_path_factory.mktemp("locked")
    made = [new_key(f"portal-{n}", ["patient"], f"P-10000{n}") for n in (1, 2)]
    file = folder / "keys.yaml"
    entries = [entry.model_dump(mode="json", exclude_none=True) for _, entry in made]
    file.write_text(json.dumps({"keys": entries}))
    settings = {"AUTH_MODE": "api_key", "API_KEYS_FILE": file}
    async with processes.server(folder, STREAM_DELAY=0.05, CHUNK_DELAY=0.02, **settings) as running:
        yield Locked(running.url, *(key for key, _ in made))


def _switch(page: Page) -> Locator:
    return page.get_by_label("You are")


def _earlier(page: Page) -> Locator:
    return page.get_by_role("list", name="Your conversations").get_by_role("button")


async def _play(page: Page, part: str) -> None:
    """Switch to somebody else, and wait until their conversations are listed."""
    async with page.expect_response(lambda r: "/sessions?limit" in r.url):
        await _switch(page).select_option(part)
    await expect(page.locator("body")).to_have_attribute("data-view", "welcome")


async def _sign_in(page: Page, locked: Locked, key: str = "") -> None:
    await page.goto(f"{locked.url}/ui/?persona=jaime_therapist")
    await expect(page.get_by_role("heading", name="Please sign in")).to_be_visible()
    await page.get_by_label("Your key").fill(key or locked.key)
    await page.keyboard.press("Enter")


async def test_the_switch_says_for_whom_every_request_is(page: Page, server_url: str) -> None:
    asked: list[tuple[str, str | None]] = []
    page.on("request", lambda r: asked.append((r.url, r.headers.get("x-demo-as"))))
    await open_page(page, server_url)
    await expect(_switch(page)).to_have_value("visitor")
    assert {who for _, who in asked} == {None}
    await _switch(page).focus()
    await _play(page, "staff")
    await expect(page.locator("#announcer")).to_have_text("You are now the demo staff member.")
    await expect(_switch(page)).to_be_focused()
    asked.clear()
    await say(page, HARD)
    await finished(page)
    assert {who for _, who in asked} == {"staff"}
    assert not [url for url, _ in asked if "staff" in url]
    await page.reload()
    await expect(answers(page)).to_have_count(1)
    await expect(_switch(page)).to_have_value("staff")


async def test_everyone_finds_their_own_conversations(page: Page, server_url: str) -> None:
    await open_page(page, server_url)
    await _play(page, "patient")
    await expect(_earlier(page)).to_have_count(0)
    await say(page, HARD)
    whole = await source(await finished(page))

    await _play(page, "visitor")
    await expect(page.locator("#log")).to_be_empty()
    await expect(_earlier(page).filter(has_text=HARD)).to_have_count(0)
    await _play(page, "patient")
    await expect(_earlier(page)).to_contain_text([f"{HARD}Jaime"])
    await _earlier(page).click()
    assert await source(await finished(page)) == whole
    await expect(page.locator('[data-role="user"]')).to_have_text(HARD)
    await say(page, "It was my work")
    await finished(page)
    await expect(answers(page)).to_have_count(2)


async def test_an_answer_goes_on_while_one_is_somebody_else(page: Page, server_url: str) -> None:
    question = f"{LONG} Please."
    await open_page(page, server_url)
    await _play(page, "patient")
    await say(page, question)
    begun = await source(await streaming(page))
    await _play(page, "staff")
    await _play(page, "patient")
    await _earlier(page).filter(has_text=question).click()
    whole = await source(await finished(page))
    assert whole.startswith(begun)
    assert len(whole) > len(begun)


async def test_what_stands_does_not_move_when_the_list_comes(page: Page, server_url: str) -> None:
    await open_page(page, server_url)
    await _play(page, "patient")
    await say(page, HARD)
    await finished(page)
    held: list[Route] = []

    async def hold(route: Route) -> None:
        held.append(route)

    await page.route("**/sessions?limit=*", hold)
    async with page.expect_request("**/sessions?limit=*"):
        await page.get_by_role("button", name="New conversation").click()
    places = [page.locator(part) for part in ("#greeting", "#starters", "#choice", "#standing")]
    before = [await place.bounding_box() for place in places]
    await expect(_earlier(page)).to_have_count(0)
    await held[0].continue_()
    await expect(_earlier(page).first).to_be_visible()
    assert [await place.bounding_box() for place in places] == before


async def test_a_key_opens_the_page(page: Page, locked: Locked, watch: Watch) -> None:
    shown: list[Request] = []
    page.on("request", lambda r: shown.extend([r]))
    await _sign_in(page, locked)
    await expect(page.locator("#greeting")).to_contain_text("Jaime")
    await expect(_switch(page)).to_be_hidden()
    await say(page, HARD)
    whole = await source(await finished(page))
    await page.reload()
    assert await source(await finished(page)) == whole
    calls = [r for r in shown if "/ui/" not in r.url and r.url != f"{locked.url}/"]
    assert {r.headers.get("authorization") for r in calls} == {f"Bearer {locked.key}"}
    assert not [r.url for r in shown if locked.key in r.url]
    assert locked.key not in await page.content()
    assert await page.get_by_label("Your key").input_value() == ""
    assert await page.evaluate("() => [document.cookie, localStorage.length]") == ["", 0]
    assert watch.faults == []


async def test_signing_out_leaves_nothing(page: Page, locked: Locked) -> None:
    await _sign_in(page, locked)
    await say(page, HARD)
    await finished(page)
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("alert")).to_have_text("You are signed out.")
    await expect(page.get_by_label("Your key")).to_be_focused()
    await expect(page.locator("#log")).to_be_empty()
    for hidden in ("#message", "#who", "#standing", "#welcome"):
        await expect(page.locator(hidden)).to_be_hidden()
    kept = await page.evaluate("() => JSON.stringify(sessionStorage)")
    assert locked.key not in kept
    assert "ses_" not in kept
    await page.reload()
    await expect(page.get_by_role("heading", name="Please sign in")).to_be_visible()


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("wrong", "This key was not accepted. This key is not known here, or not any more."),
        ("Schlüssel", "This key was not accepted. No key has such characters."),
    ],
)
async def test_a_wrong_key_is_told(page: Page, locked: Locked, key: str, words: str) -> None:
    await _sign_in(page, locked, key)
    await expect(page.get_by_role("alert")).to_have_text(words)
    await expect(page.get_by_label("Your key")).to_be_focused()
    assert await page.evaluate("() => sessionStorage.getItem('token')") is None
    await page.get_by_label("Your key").fill(locked.key)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.locator("#greeting")).to_contain_text("Jaime")


async def _lose_the_key_over(page: Page, message: str) -> None:
    async def expired(route: Route) -> None:
        await route.fulfill(status=401, json={"error": "Unauthorized", "detail": "It has expired."})

    await page.route("**/chat", expired, times=1)
    await say(page, message)


async def test_who_is_no_longer_known_signs_in_again_and_goes_on(
    page: Page, locked: Locked
) -> None:
    await _sign_in(page, locked)
    await say(page, HARD)
    await finished(page)
    await _lose_the_key_over(page, "It was my work")
    await expect(page.get_by_role("alert")).to_have_text(
        "You are no longer signed in. It has expired."
    )
    await expect(page.locator("#log")).to_be_hidden()
    await page.get_by_label("Your key").fill(locked.key)
    await page.keyboard.press("Enter")
    await finished(page)
    await expect(page.locator('[data-role="user"]')).to_have_text([HARD, "It was my work"])
    await expect(answers(page)).to_have_count(2)


async def test_who_signs_in_after_somebody_else_says_nothing_of_theirs(
    page: Page, locked: Locked
) -> None:
    await _sign_in(page, locked)
    await _lose_the_key_over(page, "It was my work")
    await expect(page.get_by_role("alert")).to_contain_text("no longer signed in")
    asked: list[Request] = []
    page.on("request", lambda r: asked.append(r) if r.url.endswith("/chat") else None)
    await page.get_by_label("Your key").fill(locked.another)
    await page.keyboard.press("Enter")
    await expect(page.locator("body")).to_have_attribute("data-view", "welcome")
    await expect(page.locator('[data-role="user"]')).to_have_count(0)
    assert asked == []


async def test_a_phone_has_room_to_sign_in_and_to_switch(
    browser: Browser, server_url: str, locked: Locked
) -> None:
    context = await browser.new_context(viewport={"width": 390, "height": 844}, is_mobile=True)
    page = await context.new_page()
    await page.goto(f"{locked.url}/ui/")
    await expect(page.get_by_role("button", name="Sign in")).to_be_in_viewport(ratio=1)
    await _has_room(page, page.get_by_label("Your key"))
    await open_page(page, server_url)
    await expect(page.get_by_label("Your message")).to_be_in_viewport(ratio=1)
    await _has_room(page, _switch(page))


async def _has_room(page: Page, field: Locator) -> None:
    wide = "e => e.scrollWidth - e.clientWidth"
    for part in ("html", "body", "#scroller"):
        assert await page.locator(part).evaluate(wide) == 0, part
    # A smaller one makes iOS zoom in when it is touched.
    assert await field.evaluate("e => parseFloat(getComputedStyle(e).fontSize)") >= 16
    size = await field.bounding_box()
    assert size is not None
    assert size["height"] >= 44
