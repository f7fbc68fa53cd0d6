"""A headless Chromium for the tests of the page, and a watch over what it does."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from blockbuster import BlockBuster
from playwright.async_api import Browser, Page, Request, async_playwright

from tests import processes
from tests.conftest import MakeServer, making_servers

_HERE = Path(__file__).parent
_NAMES = ("chromium", "chromium-browser", "google-chrome")
# Without these the browser itself talks to its maker, and the tests count requests.
_QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@dataclass  # no slots: playwright keeps a note on whoever listens
class Watch:
    """What a page did that it should not have done, and the hosts that it asked."""

    faults: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def over(self, page: Page) -> None:
        """Begin to watch a page; policy violations are console errors, too."""
        page.on("console", lambda m: self.faults.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("request", self._note)

    def _note(self, request: Request) -> None:
        self.hosts.add(urlsplit(request.url).netloc)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests of this folder in one event loop, in which the one browser lives."""
    for item in items:
        if item.path.is_relative_to(_HERE):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture(scope="module", autouse=True)
def unmeasured() -> Iterator[None]:
    """Let processes run at their own pace: other tests cover what they do."""
    with processes.unmeasured():
        yield


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def server_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """Return the URL of a server process for all tests of a file."""
    folder = tmp_path_factory.mktemp("process")
    async with processes.server(folder, STREAM_DELAY=0.05, CHUNK_DELAY=0.02) as running:
        yield running.url


@pytest_asyncio.fixture(loop_scope="session")
async def make_server(tmp_path: Path, no_blocking_calls: BlockBuster) -> AsyncIterator[MakeServer]:
    """Return a function that starts the application in this process, and in the browser's loop."""
    async with making_servers(tmp_path, no_blocking_calls) as make:
        yield make


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Return the one browser; what tests share of it is the program, each has its own context."""
    # Where there is none, test.sh leaves these tests out and says so.
    program = next(filter(None, map(shutil.which, _NAMES)))
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=program, args=list(_QUIET))
        yield running
        await running.close()


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser, watch: Watch) -> AsyncIterator[Page]:
    """Return a page at the size of a laptop, without animations, that has seen nothing before."""
    async with await browser.new_context(
        viewport={"width": 1280, "height": 800}, reduced_motion="reduce"
    ) as context:
        page = await context.new_page()
        watch.over(page)
        yield page
