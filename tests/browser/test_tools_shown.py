"""What tools do is told on the page in plain words, as the log tells it, whenever that is read."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, Route, expect

from assistant import events
from assistant.wire import sse
from tests.browser.conftest import Watch
from tests.browser.talk import answers, finished, open_page, say, source
from tests.conftest import MakeServer
from tests.web.approving import NOTE, Desk, opened
from tests.wire.transcripts import RUN

pytestmark = pytest.mark.browser

LOOK = "[[tool: look {}]]"


@pytest_asyncio.fixture(loop_scope="session")
async def desk(make_server: MakeServer) -> AsyncIterator[Desk]:
    async with opened(make_server) as found:
        yield found


def _lines(page: Page) -> Locator:
    return answers(page).last.locator("[data-role=tool]")


def _log(*told: events.Event) -> bytes:
    begun = events.RunStarted("web_assistant", "0123456789ab", "gpt-test", 1)
    log = [events.Entry(number, event) for number, event in enumerate((begun, *told))]
    return b"".join(sse.frame(RUN, entry) for entry in log)


def _call(number: int, name: str, outcome: str = "") -> list[events.Event]:
    """Return a call, and how it ended where it has."""
    call_id = f"call_{number:024}"
    called = events.ToolCalled(call_id, name)
    returned = [events.ToolReturned(call_id, name, outcome, 5)] if outcome else []
    return [called, *returned]


async def _play(page: Page, url: str, body: bytes) -> None:
    """Let the page hear `body` as the answer to what it says; nothing comes after it."""

    async def answer(route: Route) -> None:
        await route.fulfill(body=body, content_type="text/event-stream; charset=utf-8")

    async def hold(_route: Route) -> None:
        await asyncio.Event().wait()

    await page.route("**/chat", answer)
    await page.route("**/runs/*/events", hold)
    await open_page(page, url)
    await say(page, "Hello")


@pytest.mark.parametrize(
    ("outcome", "known", "unknown"),
    [
        ("", "Booking the appointment…", "Using “Send fax”…"),
        ("ok", "Booked the appointment", "Used “Send fax”"),
        ("error", "Could not book the appointment", "Could not use “Send fax”"),
        ("rejected", "Did not book the appointment: declined", "Did not use “Send fax”: declined"),
        (
            "expired",
            "Did not book the appointment: not approved in time",
            "Did not use “Send fax”: not approved in time",
        ),
        (
            "uncertain",
            "Tried to book the appointment: it may or may not have worked",
            "Tried to use “Send fax”: it may or may not have worked",
        ),
        ("odd", "Booking the appointment: odd", "Using “Send fax”: odd"),
    ],
)
async def test_how_a_tool_stands_is_told_in_plain_words(
    page: Page, server_url: str, outcome: str, known: str, unknown: str
) -> None:
    told = [*_call(0, "book_appointment", outcome), *_call(1, "send_fax", outcome)]
    await _play(page, server_url, _log(*told))
    await expect(_lines(page)).to_have_text([known, unknown])
    for line in (_lines(page).first, _lines(page).last):
        await expect(line).to_have_attribute("data-status", outcome or "working")


async def test_what_comes_together_stands_together(page: Page, server_url: str) -> None:
    """Words between two calls part them; so does nothing else."""
    item = "msg_aaaaaaaaaaaaaaaaaaaaaaaa"
    told: list[events.Event] = [
        *_call(0, "find_practitioners", "ok"),
        *_call(1, "find_free_slots", "ok"),
        events.MessageStarted(item, 0),
        events.MessageDelta(item, "One moment."),
        events.MessageCompleted(item, "One moment."),
        *_call(2, "my_appointments"),
    ]
    await _play(page, server_url, _log(*told))
    groups = answers(page).last.get_by_role("list", name="What was done")
    await expect(groups).to_have_count(2)
    both = ["Looked for practitioners", "Looked for free times"]
    await expect(groups.first.get_by_role("listitem")).to_have_text(both)
    await expect(groups.last.get_by_role("listitem")).to_have_text("Looking at your appointments…")


async def test_a_tool_s_name_is_text_and_nothing_else(
    page: Page, server_url: str, watch: Watch
) -> None:
    names = ["<img src=x onerror=alert(1)>", "constructor", "__proto__", ""]
    told = [event for number, name in enumerate(names) for event in _call(number, name, "ok")]
    await _play(page, server_url, _log(*told))
    shown = ["Used “<img src=x onerror=alert(1)>”", "Used “Constructor”", "Used “Proto”"]
    await expect(_lines(page)).to_have_text([*shown, "Used “a tool”"])
    await expect(answers(page).last.locator("img")).to_have_count(0)
    assert watch.faults == []


async def test_a_line_does_not_move_when_its_call_ends(page: Page, desk: Desk) -> None:
    release = asyncio.Event()

    async def wait(route: Route) -> None:
        await release.wait()
        await route.continue_()

    await page.route("**/runs/*/events", wait)
    await _play_first_part(page, desk)
    before = await _lines(page).bounding_box()
    release.set()
    await finished(page)
    await expect(_lines(page)).to_have_text(re.compile("^Used “Look”"))
    assert await _lines(page).bounding_box() == before


async def _play_first_part(page: Page, desk: Desk) -> None:
    """Let a real answer be cut off after its tool was called; the rest comes from the log."""

    async def cut(route: Route) -> None:
        response = await route.fetch()
        first, _, _ = (await response.body()).partition(b'"type":"tool.returned"')
        await route.fulfill(response=response, body=first)

    await page.route("**/chat", cut)
    await open_page(page, str(desk.site.server.make_url("")).rstrip("/"), "clerk")
    await say(page, LOOK)
    await expect(_lines(page)).to_have_text(re.compile("^Using “Look”…"))


async def test_a_reload_tells_again_what_was_done(page: Page, desk: Desk, watch: Watch) -> None:
    """The history has the words only; the log has the rest, also for a tab that knows nothing."""
    await open_page(page, str(desk.site.server.make_url("")).rstrip("/"), "clerk")
    await say(page, LOOK)
    whole = await source(await finished(page))
    await say(page, "Hello")
    await finished(page)
    kept = await answers(page).first.locator(".parts").inner_text()
    for _ in range(2):
        await page.reload()
        first = answers(page).first
        await expect(first.locator("[data-role=tool]")).to_have_text(re.compile("^Used “Look”"))
        assert await first.locator(".parts").inner_text() == kept
        assert await source(first) == whole
        await expect(answers(page)).to_have_count(2)
    await expect(page.locator("#announcer")).to_be_empty()
    assert watch.faults == []


async def test_it_is_told_while_a_later_answer_waits(page: Page, desk: Desk) -> None:
    await open_page(page, str(desk.site.server.make_url("")).rstrip("/"), "clerk")
    await say(page, LOOK)
    await finished(page)
    await say(page, NOTE)
    card = page.locator("[data-role=approval]")
    await expect(card).to_have_attribute("data-status", "waiting")
    await page.reload()
    await expect(card).to_have_attribute("data-status", "waiting")
    first = answers(page).first.locator("[data-role=tool]")
    await expect(first).to_have_text(re.compile("^Used “Look”"))


async def test_where_the_log_is_gone_the_words_stay(page: Page, desk: Desk) -> None:
    await open_page(page, str(desk.site.server.make_url("")).rstrip("/"), "clerk")
    await say(page, LOOK)
    whole = await source(await finished(page))

    async def gone(route: Route) -> None:
        await route.fulfill(status=404, json={"error": "Not found", "detail": "It is gone."})

    await page.route("**/runs/*/events", gone)
    async with page.expect_response(lambda r: r.url.endswith("/events")):
        await page.reload()
    assert await source(await finished(page)) == whole
    await expect(page.locator("[data-role=error]")).to_have_count(0)
