"""Whatever dies, what was accepted is answered, and nothing that was seen is taken back."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp

from tests import client, processes
from tests.client import Frame
from tests.resilience.readers import answer_in, browser, remote, two_servers

_WORDS = "[[tokens: 60]]"
_LONG = f"{_WORDS} [[pace: 20]]"
_LONG_TEXT = " ".join(f"w{n}" for n in range(60))


async def _record(url: str, run_id: str, seen: dict[str, list[Frame]]) -> None:
    """Write down what a client sees of a run until the server goes."""
    found = seen.setdefault(run_id, [])
    with suppress(aiohttp.ClientError):
        async with browser(url) as http, http.get(f"/runs/{run_id}/events") as response:
            async for frame in client.frames(response):
                found.append(frame)


async def _until_spoken(seen: dict[str, list[Frame]], run_ids: list[str], times: int = 1) -> None:
    """Wait until words of each run have been seen, in as many attempts."""

    def spoken(run_id: str) -> bool:
        frames = seen.get(run_id, [])
        begun = sum(frame.data["type"] == "message.started" for frame in frames)
        return begun >= times and bool(frames[-1].data["type"] == "message.delta")

    async with asyncio.timeout(20):
        while not all(spoken(run_id) for run_id in run_ids):
            await asyncio.sleep(0.01)


async def _try_to_begin(http: aiohttp.ClientSession, number: int) -> dict[str, Any] | None:
    """Send a message that the server may not live to accept."""
    with suppress(aiohttp.ClientError):
        return await client.begin(http, f"late {number}", session_id=f"late-{number}")
    return None


def _check_whole(found: list[Frame], text: str) -> None:
    """Check a log: gapless, one end, and the answer in full once void parts are dropped."""
    assert [frame.id for frame in found] == list(range(len(found)))
    assert [frame.data["is_final"] for frame in found] == [False] * (len(found) - 1) + [True]
    assert found[-1].data["type"] == "run.completed", found[-1]
    assert found[-1].data["text"] == text
    assert answer_in(frame.data for frame in found) == text


def _types(found: list[Frame]) -> Counter[str]:
    return Counter(frame.data["type"] for frame in found)


async def _history(http: aiohttp.ClientSession, session_id: str) -> list[tuple[str, str]]:
    async with http.get(f"/history/{session_id}") as reply:
        messages = (await reply.json())["messages"]
    return [(message["role"], message["content"]) for message in messages]


async def test_killed_twice_the_server_still_answers_everything_it_accepted(
    tmp_path: Path, upstream: str
) -> None:
    settings = remote(upstream) | {"MAX_CONCURRENT_REQUESTS": 3}
    seen: dict[str, list[Frame]] = {}
    # Each is held in its middle, the first two times it is asked for.
    held = [f"{_WORDS} [[hold: 20 times=2]] {name}" for name in ("one", "two", "lane")]
    async with processes.server(tmp_path, **settings) as first, browser(first.url) as http:
        talking = [
            await client.begin(http, message, session_id=f"talk-{n}")
            for n, message in enumerate(held[:2])
        ]
        lane = [
            await client.begin(http, message, session_id="lane")
            for message in (held[2], "second", "third")
        ]
        waiting = [await client.begin(http, f"wait {n}", session_id=f"wait-{n}") for n in range(3)]
        shown = [run["run_id"] for run in [*talking, *lane, *waiting]]
        watching = [asyncio.create_task(_record(first.url, run, seen)) for run in shown]
        await _until_spoken(seen, [run["run_id"] for run in [*talking, lane[0]]])
        late = [asyncio.create_task(_try_to_begin(http, n)) for n in range(40)]
        await asyncio.wait(late, return_when=asyncio.FIRST_COMPLETED)
        await first.kill()
        accepted = {n: run for n, task in enumerate(late) if (run := await task)}
        await asyncio.gather(*watching)
    assert accepted

    async with processes.server(tmp_path, **settings) as second:
        again: dict[str, list[Frame]] = {}
        watching = [asyncio.create_task(_record(second.url, run, again)) for run in shown]
        await _until_spoken(again, [run["run_id"] for run in [*talking, lane[0]]], times=2)
        await second.kill()
        await asyncio.gather(*watching)

    async with processes.server(tmp_path, **settings) as third, browser(third.url) as http:
        runs = [*talking, *lane, *waiting, *accepted.values()]
        logs = await asyncio.gather(*(client.follow(http, run["run_id"]) for run in runs))
        found = {log[0].data["run_id"]: log for log in logs}
        for run in [*talking, lane[0]]:
            _check_whole(found[run["run_id"]], _LONG_TEXT)
            assert _types(found[run["run_id"]])["message.discarded"] == 2
        for n, run in enumerate(waiting):
            _check_whole(found[run["run_id"]], f"turn 1: wait {n}")
        for n, run in accepted.items():
            _check_whole(found[run["run_id"]], f"turn 1: late {n}")
            assert await _history(http, f"late-{n}") == [
                ("user", f"late {n}"),
                ("assistant", f"turn 1: late {n}"),
            ]
        assert await _history(http, "lane") == [
            *(("user", held[2]), ("assistant", _LONG_TEXT)),
            *(("user", "second"), ("assistant", "turn 2: second")),
            *(("user", "third"), ("assistant", "turn 3: third")),
        ]
        for earlier in (seen, again):
            for run_id, entries in earlier.items():
                assert [e.raw for e in found[run_id][: len(entries)]] == [e.raw for e in entries]
        async with http.get("/stats") as reply:
            assert (await reply.json())["runs"]["open"] == 0


async def test_another_server_takes_over_and_its_readers_notice_no_gap(
    tmp_path: Path, upstream: str, redis: processes.RedisProcess
) -> None:
    settings = remote(upstream) | {"REDIS_URL": redis.url, "LEASE_SECONDS": 2}
    held = f"{_WORDS} [[hold: 20 times=1]]"
    async with (
        two_servers(tmp_path, **settings) as (survivor, victim),
        browser(survivor.url) as http,
    ):
        seen: dict[str, list[Frame]] = {}
        async with browser(victim.url) as there:
            run = await client.begin(there, held, session_id="shared")
            queued = await client.begin(there, "afterwards", session_id="shared")
        watched = asyncio.create_task(_record(survivor.url, run["run_id"], seen))
        await _until_spoken(seen, [run["run_id"]])
        await victim.kill()
        # A message to the survivor waits for its turn behind those of the dead.
        own = await client.begin(http, "and me", session_id="shared")
        async with asyncio.timeout(20):
            await watched
        _check_whole(seen[run["run_id"]], _LONG_TEXT)
        assert _types(seen[run["run_id"]])["message.discarded"] == 1
        _check_whole(await client.follow(http, queued["run_id"]), "turn 2: afterwards")
        _check_whole(await client.follow(http, own["run_id"]), "turn 3: and me")
        contents = [content for role, content in await _history(http, "shared") if role == "user"]
        assert contents == [held, "afterwards", "and me"]


async def test_a_server_that_was_frozen_finds_its_run_taken_and_keeps_off(
    tmp_path: Path, upstream: str, redis: processes.RedisProcess
) -> None:
    settings = remote(upstream) | {"REDIS_URL": redis.url, "LEASE_SECONDS": 1}
    async with (
        two_servers(tmp_path, **settings) as (other, frozen),
        browser(other.url) as there,
        browser(frozen.url) as http,
    ):
        run = await client.begin(http, _LONG, session_id="frozen")
        following = [
            asyncio.create_task(client.follow(door, run["run_id"])) for door in (http, there)
        ]
        seen: dict[str, list[Frame]] = {}
        watched = asyncio.create_task(_record(other.url, run["run_id"], seen))
        await _until_spoken(seen, [run["run_id"]])
        frozen.process.send_signal(signal.SIGSTOP)
        try:
            async with asyncio.timeout(15):
                while "run.taken_over" not in other.log.read_text():
                    await asyncio.sleep(0.05)
        finally:
            frozen.process.send_signal(signal.SIGCONT)
        found, elsewhere = await asyncio.gather(*following)
        await watched
        assert found == elsewhere
        _check_whole(found, _LONG_TEXT)
        assert _types(found)["message.discarded"] == 1
        assert await _history(http, "frozen") == [("user", _LONG), ("assistant", _LONG_TEXT)]


async def test_the_embedded_store_dies_alone_and_streams_go_on(
    tmp_path: Path, upstream: str
) -> None:
    async with processes.server(tmp_path, **remote(upstream)) as one, browser(one.url) as http:
        async with http.post("/chat", json={"message": _LONG}) as response:
            assert response.status == 200
            stream = client.frames(response)
            found = [await anext(stream) for _ in range(5)]
            pid = int((tmp_path / "store" / "valkey.pid").read_text())
            os.kill(pid, signal.SIGKILL)
            found += [frame async for frame in stream]
        _check_whole(found, _LONG_TEXT)
        assert not _types(found)["message.discarded"]
        assert (await client.follow(http, found[0].data["run_id"])) == found
        assert client.text_of(await client.chat(http, "still there?")) == "turn 1: still there?"


async def test_a_cancelled_run_stays_cancelled_wherever_it_was_asked_for(
    tmp_path: Path, upstream: str, redis: processes.RedisProcess
) -> None:
    settings = remote(upstream) | {"REDIS_URL": redis.url}
    async with (
        two_servers(tmp_path, **settings) as (one, two),
        browser(one.url) as http,
        browser(two.url) as there,
    ):
        first = await client.begin(http, _LONG, session_id="lane")
        queued = await client.begin(http, "never answered", session_id="lane")
        last = await client.begin(there, "still answered", session_id="lane")
        for run in (queued, first):
            async with there.post(f"/runs/{run['run_id']}/cancel") as reply:
                assert (await reply.json())["status"] == "cancelled", await reply.text()
        for run in (queued, first):
            entries = await client.follow(http, run["run_id"])
            assert entries[-1].data["type"] == "run.cancelled"
            assert [e.id for e in entries] == list(range(len(entries)))
        assert (await client.follow(there, last["run_id"]))[-1].data["type"] == "run.completed"

        blocking = await client.begin(http, _LONG, session_id="lane")
        behind = await client.begin(http, "behind", session_id="lane")
        answer = await client.chat(there, "at once", session_id="lane", if_busy="interrupt")
        assert answer[-1].data["type"] == "run.completed"
        for run in (blocking, behind):
            entries = await client.follow(there, run["run_id"])
            assert entries[-1].data["type"] == "run.cancelled"
            assert not any(e.data["type"] == "message.started" for e in entries if run is behind)
