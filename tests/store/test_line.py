"""The line that all commands of a process share: in order, in one write, each for its caller."""

from __future__ import annotations

import asyncio

import pytest
from redis.exceptions import DataError, ResponseError

from assistant.errors import StoreUnavailableError
from assistant.store.client import Client
from assistant.store.scripts import PLACES, Scripts
from tests.store.wires import Valkey, client_of, wire_to


async def test_a_thousand_callers_get_what_each_asked_for(client: Client) -> None:
    async def caller(number: int) -> None:
        for turn in range(5):
            word = f"{number} {turn} {'x' * (number % 7 * 1000)}".encode()
            assert await client.call("ECHO", word) == word

    async with asyncio.TaskGroup() as callers:
        for number in range(1000):
            callers.create_task(caller(number))


async def test_what_is_asked_in_one_turn_leaves_in_one_write(valkey: Valkey) -> None:
    async with wire_to(valkey[0].url) as wire, client_of(wire.url) as client:
        await client.call("PING")
        before = len(wire.heard)
        await asyncio.gather(*(client.call("ECHO", number) for number in range(200)))
        assert len(wire.heard) == before + 1
        assert wire.made == 1


async def test_replies_are_read_as_redis_py_reads_them(client: Client) -> None:
    assert await client.set("a", "1") is True
    assert await client.get("a") == b"1"
    assert await client.mget(["a", "b"]) == [b"1", None]
    assert await client.call("SADD", "s", "x") == 1
    assert await client.call("SMEMBERS", "s") == {b"x"}
    assert await client.call("HSET", "h", "f", 1.5) == 1
    assert await client.call("HGETALL", "h") == {b"f": b"1.5"}
    assert await client.call("XADD", "l", "1-1", "e", "x", "w", "") == b"1-1"
    assert await client.call("XRANGE", "l", "-", "+") == [(b"1-1", {b"e": b"x", b"w": b""})]
    assert await client.raw("XRANGE", "l", "-", "+") == [[b"1-1", [b"e", b"x", b"w", b""]]]
    assert [key async for key in client.scan_iter("a*")] == [b"a"]
    assert await client.delete("a", "b") == 1


async def test_what_is_asked_wrongly_is_told_to_its_caller_alone(client: Client) -> None:
    right = asyncio.create_task(client.call("ECHO", "right"))
    for wrong in (client.call("NOSUCH"), client.raw("INCR", "a", "b")):
        with pytest.raises(ResponseError):
            await wrong
    with pytest.raises(DataError, match="ECHO was given something that is neither text"):
        await client.call("ECHO", None)
    assert await right == b"right"


async def test_a_script_that_the_server_has_forgotten_is_loaded_again(
    valkey: Valkey, client: Client
) -> None:
    scripts = Scripts(client)
    for _ in range(2):
        await valkey[1].script_flush()
        replies = await scripts.run_all(PLACES, [([], [1]), ([], [1])])
        assert len(replies) == 2
        assert not any(isinstance(reply, Exception) for reply in replies)
    assert await scripts.run_all(PLACES, []) == []


async def test_big_values_and_small_ones_side_by_side(client: Client) -> None:
    big = b"0123456789abcdef" * (1 << 20)

    async def keep(number: int) -> None:
        await client.set(f"big {number}", big)
        assert await client.get(f"big {number}") == big

    async with asyncio.TaskGroup() as group:
        for number in range(3):
            group.create_task(keep(number))
        for number in range(200):
            assert await client.call("ECHO", number) == str(number).encode()


async def test_words_that_nobody_asked_for_are_passed_over(valkey: Valkey, client: Client) -> None:
    await client.set("watched", "a")
    await client.call("CLIENT TRACKING", "ON")
    for value in ("b", "c"):
        await client.get("watched")
        await valkey[1].set("watched", value)
        assert await client.get("watched") == value.encode()


async def test_out_of_step_it_begins_anew(valkey: Valkey) -> None:
    async with wire_to(valkey[0].url) as wire, client_of(wire.url) as client:
        for stray in (b"+a reply to nothing\r\n", b"?not the protocol\r\n"):
            assert await client.call("ECHO", "before") == b"before"
            wire.add(stray)
            await wire.ends_of(wire.made)
            assert await client.call("ECHO", "after") == b"after"
        assert wire.made == 3


async def test_a_server_that_cannot_write_is_a_store_away(valkey: Valkey, client: Client) -> None:
    plain = valkey[1]
    await client.set("a", "1")
    await plain.config_set("maxmemory", 1)
    with pytest.raises(StoreUnavailableError):
        await client.set("b", "1")
    await plain.config_set("maxmemory", 0)
    await plain.replicaof("127.0.0.1", "1")
    with pytest.raises(StoreUnavailableError):
        await client.set("b", "1")
    assert await client.get("a") == b"1", "reading goes on"
    await plain.config_set("replica-serve-stale-data", "no")
    with pytest.raises(StoreUnavailableError):
        await client.get("a")
    await plain.replicaof("NO", "ONE")
    assert await client.set("b", "1") is True


async def test_it_says_who_it_is_and_where_it_wants_to_go(valkey: Valkey) -> None:
    await valkey[1].config_set("requirepass", "open sesame")
    async with wire_to(valkey[0].url) as wire:
        where = wire.url.removeprefix("redis://")
        async with client_of(f"redis://:open%20sesame@{where}/3") as client:
            assert (await client.client_info())["db"] == 3
        async with client_of(f"redis://:wrong@{where}/3") as client:
            with pytest.raises(StoreUnavailableError) as caught:
                await client.call("PING")
            assert type(caught.value.__cause__).__name__ == "AuthenticationError"


async def test_closed_it_leaves_nothing_behind(valkey: Valkey) -> None:
    async with client_of(valkey[0].url) as client:
        waiting = [asyncio.create_task(client.call("BLPOP", "nothing", 0)) for _ in range(3)]
        while not (await valkey[1].info("clients"))["blocked_clients"]:
            await asyncio.sleep(0)
    for told in await asyncio.gather(*waiting, return_exceptions=True):
        assert isinstance(told, StoreUnavailableError)
    with pytest.raises(StoreUnavailableError):
        await client.call("PING")
    async with asyncio.timeout(5):
        while len(await valkey[1].client_list()) > 1:
            await asyncio.sleep(0.01)
