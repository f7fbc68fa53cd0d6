"""From an answer on the page to its trace, as the collector has it."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from oteltap import OtelTapHttpProtobufReceiver, OtelTapHttpProtobufReceiverSettings
from playwright.async_api import Page, expect

from tests import processes
from tests.browser.talk import finished, open_page, say

pytestmark = pytest.mark.browser


async def test_an_answer_leads_to_its_trace(page: Page, tmp_path: Path) -> None:
    port = processes.free_port()
    tap = OtelTapHttpProtobufReceiver(OtelTapHttpProtobufReceiverSettings(http_port=port))
    settings = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
        "OTEL_BSP_SCHEDULE_DELAY": "50",
        "TRACE_URL": "http://traces.example/trace/{trace_id}",
    }
    async with tap, processes.server(tmp_path, **settings) as server:
        attempted = asyncio.create_task(
            tap.await_trace(lambda span: span.name == "attempt", timeout=30)
        )
        await open_page(page, server.url)
        await say(page, "I've had a hard week")
        await finished(page)
        link = page.get_by_role("link", name="Trace")
        found = (await attempted).trace_id.hex()
        await expect(link).to_have_attribute("href", f"http://traces.example/trace/{found}")
        # The next answer has a trace of its own.
        await say(page, "And another one")
        await finished(page)
        await expect(link).to_have_attribute(
            "href", re.compile(f"^http://traces.example/trace/(?!{found})[0-9a-f]{{32}}$")
        )


async def test_without_traces_there_is_no_link(page: Page, tmp_path: Path) -> None:
    trace_url = "http://traces.example/trace/{trace_id}"
    async with processes.server(tmp_path, TRACE_URL=trace_url) as server:
        await open_page(page, server.url)
        await say(page, "I've had a hard week")
        await finished(page)
        await expect(page.locator("#reference code")).to_be_visible()
        await expect(page.get_by_role("link", name="Trace")).to_have_count(0)
