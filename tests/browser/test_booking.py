"""Talking to the clinic on the page, from the first question to the row in the database."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, expect

from tests import processes
from tests.browser.conftest import Watch
from tests.browser.talk import answers, finished, open_page, say, source
from tests.clinic.postgres import Postgres

pytestmark = pytest.mark.browser

ROBIN = "P-100001"
_OWN = """
    SELECT services.name, state FROM appointments JOIN services ON services.id = service_id
    WHERE patient_id = ?
"""


@dataclass(slots=True, frozen=True)
class Clinic:
    """A server with the demo clinic, and the clinic's database."""

    url: str
    file: Path

    def appointments(self) -> list[tuple[str, str]]:
        """Return service and state of each of the demo patient's appointments."""
        with closing(sqlite3.connect(self.file)) as database:
            return sorted(database.execute(_OWN, [ROBIN]).fetchall())


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def clinic(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Clinic]:
    folder = tmp_path_factory.mktemp("clinic")
    async with processes.server(folder) as running:
        yield Clinic(running.url, folder / "clinic.db")


async def _come_as(page: Page, url: str, part: str) -> None:
    await open_page(page, url, "web_assistant")
    await page.get_by_label("You are").select_option(part)


async def _ask(page: Page, text: str) -> Locator:
    """Say something, and return the whole answer."""
    await say(page, text)
    return await finished(page)


async def _asked(page: Page) -> Locator:
    """Choose a free time, and return the card that asks whether to book it."""
    offered = await _ask(page, "I'd like to book a check-up next week")
    await expect(offered.locator("[data-role=tool]").last).to_have_text("Looked for free times")
    await say(page, "the first one")
    card = page.get_by_role("region", name="This needs your yes")
    question = re.compile(r"^Book Check-up with .+ on \w{3} \d+ \w{3}, \d\d:\d\d, at .+\?$")
    await expect(card.get_by_role("heading")).to_have_text(question)
    return card


async def test_a_patient_books(page: Page, clinic: Clinic, watch: Watch) -> None:
    await _come_as(page, clinic.url, "patient")
    before = clinic.appointments()
    card = await _asked(page)
    assert clinic.appointments() == before
    await card.get_by_role("button", name="Yes").click()
    answer = await finished(page)
    assert "Booked: Check-up with " in await source(answer)
    assert clinic.appointments() == sorted([*before, ("Check-up", "booked")])

    await page.reload()
    lines = answers(page).last.locator("[data-role=tool]")
    await expect(lines).to_have_text(["Booked the appointment"])
    await expect(answers(page).last.locator(".said-so")).to_have_text("Approved.")
    again = await _ask(page, "What are my appointments?")
    assert "Check-up" in await source(again)
    assert watch.faults == []


@pytest.mark.postgres
async def test_a_patient_books_on_postgresql(
    page: Page, postgres: Postgres, tmp_path: Path
) -> None:
    name = "booked_on_the_page"
    await postgres.copy("seeded", name)
    own = "SELECT count(*) FROM appointments WHERE patient_id = 'P-100001' AND state = 'booked'"
    ((before,),) = await postgres.run(own, database=name)
    settings = {"DATABASE_URL": postgres.options(name).url, "DEMO_SWITCH": "on"}
    async with processes.server(tmp_path, **settings) as running:
        await _come_as(page, running.url, "patient")
        card = await _asked(page)
        await card.get_by_role("button", name="Yes").click()
        assert "Booked: Check-up with " in await source(await finished(page))
    assert await postgres.run(own, database=name) == [(before + 1,)]
    await postgres.drop(name)


async def test_a_patient_thinks_better_of_it(page: Page, clinic: Clinic) -> None:
    await _come_as(page, clinic.url, "patient")
    before = clinic.appointments()
    card = await _asked(page)
    await card.get_by_role("button", name="No").click()
    answer = await finished(page)
    line = answer.locator("[data-role=tool]")
    await expect(line).to_have_text(["Did not book the appointment: declined"])
    assert "Booked:" not in await source(answer)
    assert clinic.appointments() == before


async def test_a_visitor_is_told_to_sign_in(page: Page, clinic: Clinic) -> None:
    await _come_as(page, clinic.url, "visitor")
    answer = await _ask(page, "I'd like to book a check-up next week")
    assert "please sign in" in await source(answer)
    await expect(page.locator("[data-role=approval]")).to_have_count(0)


async def test_staff_see_the_day(page: Page, clinic: Clinic) -> None:
    await _come_as(page, clinic.url, "staff")
    answer = await _ask(page, "Who is coming tomorrow?")
    line = answer.locator("[data-role=tool]").last
    await expect(line).to_have_text("Looked at the schedule")
