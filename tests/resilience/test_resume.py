"""Gapless resume: whoever drops and comes back by cursor has what those have who never dropped."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import NamedTuple

import aiohttp
import pytest
import pytest_asyncio

from tests import client, processes
from tests.resilience.readers import (
    Door,
    Seen,
    browser,
    bytes_of,
    read_dropping,
    read_on,
    reading,
    remote,
    two_servers,
)
from tests.upstream import JOURNAL, Journal, create_upstream, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

_DELTAS = 200
# It stops after each delta until it is released, so that each is an entry of its own.
_STEPS = " ".join(f"[[hold: {n}]]" for n in range(1, _DELTAS))
_LONG = f"[[tokens: {_DELTAS}]] {_STEPS}"


class House(NamedTuple):
    """The addresses of two servers on one store, and the journal of their model."""

    one: str
    two: str
    model: Journal


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    folder = tmp_path_factory.mktemp("resume")
    app = create_upstream()
    async with (
        serving(app) as upstream,
        processes.redis_server(folder / "redis") as redis,
        two_servers(folder, **remote(f"{upstream}/v1"), REDIS_URL=redis.url) as (one, two),
    ):
        yield House(one.url, two.url, app[JOURNAL])


async def test_dropping_at_every_number_loses_nothing_on_any_door(house: House) -> None:
    async with browser(house.one) as http:
        sse, ws = Door(house.one, "sse"), Door(house.one, "ws")
        there_sse, there_ws = Door(house.two, "sse"), Door(house.two, "ws")
        ways = [[sse], [ws], [sse, ws], [there_sse], [sse, there_ws, ws, there_sse]]
        found: list[list[Seen]] = [[] for _ in ways]
        run = await client.begin(http, _LONG)

        async with asyncio.TaskGroup() as group:
            steady = [group.create_task(read_on(door, run)) for door in (sse, ws)]
            for doors, into in zip(ways, found, strict=True):
                group.create_task(read_dropping(doors, run, into))
            await _go_on_when_all_have_seen(house.model, found)
        whole = {"sse": steady[0].result(), "ws": steady[1].result()}
        assert len(whole["sse"]) >= _DELTAS + 4
        _check_wires_agree(whole)
        for into in found:
            _check_same(into, whole)

        ways, found = [[sse], [ws], [there_ws, there_sse]], [[], [], []]
        async with asyncio.TaskGroup() as group:
            for doors, into in zip(ways, found, strict=True):
                group.create_task(read_dropping(doors, run, into))
        for into in found:
            _check_same(into, whole)
        await _check_nothing_is_left(http, run, len(whole["sse"]))


async def _go_on_when_all_have_seen(model: Journal, found: list[list[Seen]]) -> None:
    """Let the model say one word more each time that every reader has all there is."""
    for deltas in range(1, _DELTAS):
        async with asyncio.timeout(10):
            while any(len(into) < deltas + 2 for into in found):
                await asyncio.sleep(0.001)
            await model.until(lambda now: now.held == 1)
        model.release()


def _check_same(found: list[Seen], whole: dict[str, list[Seen]]) -> None:
    assert [entry.sequence for entry in found] == list(range(len(whole["sse"])))
    assert bytes_of(found) == bytes_of(whole[entry.wire][entry.sequence] for entry in found)


def _check_wires_agree(whole: dict[str, list[Seen]]) -> None:
    numbers = range(len(whole["sse"]))
    for entries in whole.values():
        assert [entry.sequence for entry in entries] == list(numbers)
    said = ["".join(e.data["content"] for e in whole["sse"])]
    chunks = [e for e in whole["ws"] if e.data["type"] == "response_chunk"]
    said += ["".join(e.data["content"] for e in chunks), whole["ws"][-1].data["content"]]
    assert said == [" ".join(f"w{n}" for n in range(_DELTAS))] * 3
    for chunk in chunks:
        assert whole["sse"][chunk.sequence].data["content"] == chunk.data["content"]


async def _check_nothing_is_left(
    http: aiohttp.ClientSession, run: dict[str, str], length: int
) -> None:
    for after in (length - 1, length + 1000):
        async with http.get(
            f"/runs/{run['run_id']}/events", headers={"Last-Event-ID": str(after)}
        ) as reply:
            assert (reply.status, await reply.read()) == (204, b"")
    async with http.get(f"/sessions/{run['session_id']}/stream") as reply:
        assert reply.status == 204
    async with http.ws_connect(f"/ws/{run['session_id']}") as ws:
        await ws.send_json({"type": "resume", "run_id": run["run_id"], "after": length - 1})
        await ws.send_json({"type": "ping"})
        assert await ws.receive_json() == {"type": "pong"}


async def test_a_second_tab_and_a_rejoin_by_session_see_it_all(house: House) -> None:
    async with browser(house.one) as http, browser(house.two) as tab:
        async with http.post("/chat", json={"message": "[[tokens: 60]] [[pace: 20]]"}) as first:
            stream = client.frames(first)
            head = [await anext(stream) for _ in range(10)]
            run = head[0].data
            async with (
                tab.get(f"/sessions/{run['session_id']}/stream") as second,
                tab.get(f"/sessions/{run['session_id']}/stream") as third,
            ):
                seen_second = [frame async for frame in client.frames(second)]
                seen_third = [frame async for frame in client.frames(third)]
            seen_first = [*head, *[frame async for frame in stream]]
        assert seen_first[-1].data["is_final"]
        assert seen_first == seen_second == seen_third
        async with tab.get(f"/sessions/{run['session_id']}/stream") as rejoined:
            assert rejoined.status == 204


async def test_a_socket_moves_its_cursor_without_mixing_the_two_readings(house: House) -> None:
    async with browser(house.one) as http:
        run = await client.begin(http, "[[tokens: 60]] [[pace: 20]]")
        async with http.ws_connect(f"/ws/{run['session_id']}") as ws:
            resume = {"type": "resume", "run_id": run["run_id"]}
            await ws.send_json({**resume, "after": -1})
            before = [(await ws.receive_json())["sequence"] for _ in range(20)]
            assert before == list(range(20))
            await ws.send_json({**resume, "after": 5})
            numbers: list[tuple[int, str]] = []
            while not numbers or numbers[-1][1] != "response_complete":
                data = await ws.receive_json()
                numbers.append((data["sequence"], data["type"]))
        again = [n for n, _ in numbers].index(6)
        head, tail = [n for n, _ in numbers[:again]], [n for n, _ in numbers[again:]]
        assert head == list(range(20, 20 + len(head)))
        assert tail == list(range(6, 6 + len(tail)))


async def test_two_runs_on_one_socket_each_stay_in_order(house: House) -> None:
    async with browser(house.one) as http:
        runs = [await client.begin(http, f"[[tokens: {count}]] [[pace: 10]]") for count in (40, 50)]
        seen: dict[str, list[int]] = {run["run_id"]: [] for run in runs}
        texts = dict.fromkeys(seen, "")
        async with http.ws_connect("/ws/another-session") as ws:
            for run_id in seen:
                await ws.send_json({"type": "resume", "run_id": run_id, "after": -1})
            ended = 0
            while ended < len(runs):
                data = await ws.receive_json()
                seen[data["run_id"]].append(data["sequence"])
                if data["type"] == "response_chunk":
                    texts[data["run_id"]] += data["content"]
                ended += data["type"] == "response_complete"
        for run, count in zip(runs, (40, 50), strict=True):
            numbers = seen[run["run_id"]]
            assert numbers == list(range(len(numbers)))
            assert texts[run["run_id"]] == " ".join(f"w{n}" for n in range(count))


async def test_leaving_stops_nothing(house: House) -> None:
    message, text = "[[tokens: 30]] [[pace: 15]]", " ".join(f"w{n}" for n in range(30))
    async with browser(house.two) as http:
        async with (
            browser(house.one) as leaver,
            leaver.post("/chat", json={"message": message}) as response,
        ):
            run = (await anext(client.frames(response))).data
        async with browser(house.one) as leaver, leaver.ws_connect("/ws/left-too") as ws:
            await ws.send_json({"type": "chat_message", "message": message})
            other = await ws.receive_json()
        for run_id in (run["run_id"], other["run_id"]):
            found = await client.follow(http, run_id)
            assert client.text_of(found) == text
            assert found[-1].data["type"] == "run.completed"


async def test_reading_is_lazy_about_the_rest(house: House) -> None:
    """A cursor beyond the end of a live run says nothing until there is something after it."""
    async with browser(house.one) as http:
        run = await client.begin(http, "[[tokens: 30]] [[pace: 10]]")
        async with reading(Door(house.one, "sse"), run, after=29) as entries:
            late = [entry async for entry in entries]
        whole = await read_on(Door(house.one, "sse"), run)
        assert bytes_of(late) == bytes_of(whole[30:])
