"""What the server says of itself, and to whom."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest

import assistant
from assistant.web.keys import PARTS
from tests import client
from tests.web.conftest import MakeSite
from tests.web.site import Site

PAGE = "https://clinic.example"
EVERY_ANSWER = ("/", "/health", "/nowhere", "/runs/run_x", "/openapi.json", "/ui/", "/ui/chat.js")


async def test_the_root_names_the_service(site: Site) -> None:
    about = await site.get("/")
    assert set(about) == {
        *("service", "version", "links", "auth", "active_connections", "trace_url"),
    }
    assert about["trace_url"] is None
    assert about["auth"] == {"mode": "none", "demo_switch": True}
    assert about["version"] == assistant.__version__
    for link in about["links"].values():
        async with site.http.get(link) as response:
            assert response.status in {200, 405}, link


async def test_a_browser_is_sent_to_the_page(site: Site) -> None:
    browser = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
    async with site.http.get("/", headers=browser, allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (303, "/ui/")
        assert response.headers["X-Correlation-ID"]
    async with site.http.get("/", headers=browser) as response:
        assert (response.status, response.content_type) == (200, "text/html")
        assert "default-src 'self'" in response.headers["Content-Security-Policy"]


async def test_health(site: Site) -> None:
    health = await site.get("/health")
    assert set(health) == {"status", "timestamp", "version", "store", "clinic", "model", "workers"}
    assert health["clinic"] == {"status": "healthy"}
    assert (health["status"], health["version"]) == ("healthy", assistant.__version__)
    assert health["store"] == {"kind": "embedded", "reachable": True, "fallback": False}
    assert health["model"] == {"provider": "openai", "name": "gpt-test"}
    assert health["workers"] == {"processes": 1, "slots": 100, "executing": 0}
    age = datetime.now(UTC) - datetime.fromisoformat(health["timestamp"])
    assert timedelta() <= age < timedelta(seconds=5)
    assert await site.get("/health/live") == {"status": "alive"}
    assert await site.get("/health/ready") == {"status": "ready"}


async def test_a_server_that_drains_says_so_and_takes_nothing_new(site: Site) -> None:
    done = await site.ask("hello", session_id="one")
    await site.server.app[PARTS].worker.drain(0)
    async with site.http.get("/health/ready") as response:
        assert int(response.headers["Retry-After"]) > 0
        client.check_error(await client.answer_of(response), 503)
    async with site.http.post("/chat", json={"message": "hello"}) as response:
        client.check_error(await client.answer_of(response), 503)
    assert (await site.get("/health/live"))["status"] == "alive"
    assert await client.follow(site.http, done["run_id"])
    assert len(await site.history("one")) == 2


async def test_a_store_that_is_not_the_one_asked_for_is_degraded(make_site: MakeSite) -> None:
    site = await make_site(REDIS_URL="redis://127.0.0.1:1/0")
    health = await site.get("/health")
    assert health["status"] == "degraded"
    assert health["store"] == {"kind": "embedded", "reachable": True, "fallback": True}


async def test_the_demo_model_is_named_as_such(make_site: MakeSite) -> None:
    site = await make_site(MODEL_PROVIDER="demo")
    assert (await site.get("/health"))["model"]["provider"] == "demo"
    personas = (await site.get("/personas"))["personas"]
    assert {persona["provider"] for persona in personas} == {"demo"}


async def test_personas(site: Site) -> None:
    found = {persona["name"]: persona for persona in (await site.get("/personas"))["personas"]}
    assert [name for name, persona in found.items() if persona["is_default"]] == ["talker"]
    talker = found["talker"]
    assert talker == await site.get("/personas/talker")
    assert (talker["display_name"], talker["greeting"]) == ("Talker", "Say something.")
    assert "instructions" not in talker
    fault = await site.get("/personas/nobody", 404)
    assert "talker" in fault["detail"]


async def test_stats_count(site: Site) -> None:
    empty = await site.get("/stats")
    assert set(empty) == {"sessions", "runs", "connections", "tokens", "latency", "cache"}
    await site.ask("hello", session_id="one")
    await client.chat(site.http, "[[error: 400]]", session_id="two")
    held = await site.hold(session_id="one")
    stats = await site.get("/stats")
    assert stats["sessions"] == 2
    runs = {name: stats["runs"][name] for name in ("accepted", "completed", "failed", "open")}
    assert runs == {"accepted": 3, "completed": 1, "failed": 1, "open": 1}
    assert stats["runs"]["executing"] == 1
    assert stats["connections"]["total"] == {"json": 1, "sse": 1}
    assert stats["tokens"]["output"] > 0
    await site.post(f"/runs/{held['run_id']}/cancel", {})
    assert (await site.get("/stats"))["runs"]["cancelled"] == 1


async def _preflight(
    site: Site, origin: str, path: str = "/chat", method: str = "POST"
) -> client.Answer:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "content-type,idempotency-key",
    }
    async with site.http.options(path, headers=asked) as response:
        return await client.answer_of(response)


@pytest.mark.parametrize("origins", [PAGE, f"https://a.example, {PAGE}", "*"])
async def test_an_allowed_page_may_call(make_site: MakeSite, origins: str) -> None:
    site = await make_site(CORS_ORIGINS=origins)
    for path, method in (("/chat", "POST"), ("/sessions/one", "DELETE"), ("/runs/r", "GET")):
        answer = await _preflight(site, PAGE, path, method)
        assert answer.status == 200, answer
        assert answer.headers["Access-Control-Allow-Origin"] == PAGE
        assert method in answer.headers["Access-Control-Allow-Methods"]
        allowed = answer.headers["Access-Control-Allow-Headers"].lower()
        assert {"content-type", "idempotency-key"} <= set(allowed.split(","))
    async with site.http.post(
        "/chat", json={"message": "hello"}, headers={"Origin": PAGE}
    ) as response:
        assert response.headers["Access-Control-Allow-Origin"] == PAGE
        assert "X-Correlation-ID" in response.headers["Access-Control-Expose-Headers"]
        assert client.text_of([f async for f in client.frames(response)]) == "turn 1: hello"
    async with site.http.post("/chat", json={}, headers={"Origin": PAGE}) as response:
        assert (response.status, response.headers["Access-Control-Allow-Origin"]) == (400, PAGE)


@pytest.mark.parametrize("origins", ["", "https://a.example"])
async def test_another_page_may_not_call(make_site: MakeSite, origins: str) -> None:
    site = await make_site(CORS_ORIGINS=origins)
    answer = await _preflight(site, PAGE)
    client.check_error(answer, 405 if not origins else 403)
    assert "Access-Control-Allow-Origin" not in answer.headers
    async with site.http.get("/health", headers={"Origin": PAGE}) as response:
        assert response.status == 200
        assert "Access-Control-Allow-Origin" not in response.headers


async def test_every_answer_has_a_correlation_id(site: Site, subtests: pytest.Subtests) -> None:
    for path, name in itertools.product(EVERY_ANSWER, ("X-Correlation-ID", "X-Request-ID")):
        with subtests.test(path=path, name=name):
            async with site.http.get(path, headers={name: "abc-123"}) as response:
                assert response.headers["X-Correlation-ID"] == "abc-123"
                assert response.headers["X-Content-Type-Options"] == "nosniff"
                if response.status >= 400:
                    assert (await response.json())["correlation_id"] == "abc-123"
            async with site.http.get(path) as response:
                assert response.headers["X-Correlation-ID"].startswith("cor_")


async def test_a_malformed_correlation_id_is_replaced(
    site: Site, subtests: pytest.Subtests
) -> None:
    for given in ("", "a b", "x" * 129, "ä", "a/b", "<script>", "a\tb"):
        with subtests.test(given=given):
            asked = {"X-Correlation-ID": given, "X-Request-ID": "next-best"}
            async with site.http.get("/runs/run_x", headers=asked) as response:
                body = client.check_error(await client.answer_of(response), 404)
            assert body["correlation_id"] == "next-best"
            asked = {"X-Correlation-ID": given}
            async with site.http.get("/health", headers=asked) as response:
                assert response.headers["X-Correlation-ID"].startswith("cor_")
