"""The line when its callers go, and when its server is silent, killed or cut off."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from blockbuster import BlockBuster
from redis.exceptions import TimeoutError as RedisTimeoutError

from assistant.errors import StoreUnavailableError
from assistant.store import line
from assistant.store.client import Client
from assistant.store.scripts import Script, Scripts
from tests.certificates import lay_certificate, tls_server
from tests.conftest import may_block
from tests.store.valkeys import restarted, valkeys
from tests.store.wires import Valkey, client_of, wire_to


@contextmanager
def silent(folder: Path) -> Iterator[int]:
    """Stop a folder's Valkey, as a machine does that swaps; gives its process."""
    (process,) = valkeys(folder)
    os.kill(process, signal.SIGSTOP)
    try:
        yield process
    finally:
        if process in valkeys(folder):
            os.kill(process, signal.SIGCONT)


async def test_who_goes_takes_nobodys_reply_away(client: Client, tmp_path: Path) -> None:
    before = await client.client_id()
    with silent(tmp_path):
        callers = [asyncio.create_task(client.call("ECHO", number)) for number in range(100)]
        await asyncio.sleep(0.05)
        for caller in callers[::2]:
            caller.cancel()
        await asyncio.wait(callers[::2])
    assert all(caller.cancelled() for caller in callers[::2])
    stayed = await asyncio.gather(*callers[1::2])
    assert stayed == [str(number).encode() for number in range(1, 100, 2)]
    assert await client.client_id() == before, "it cost the connection"


async def test_what_was_given_up_before_it_left_is_not_sent(client: Client) -> None:
    await client.call("PING")
    caller = asyncio.create_task(client.call("SET", "early", "1"))
    await asyncio.sleep(0)
    caller.cancel()
    await asyncio.wait({caller})
    assert await client.get("early") is None


async def test_what_a_full_connection_does_not_take_goes_with_its_callers(
    client: Client, tmp_path: Path
) -> None:
    with silent(tmp_path):
        filling = asyncio.create_task(client.call("SET", "filling", b"x" * (1 << 25)))
        await asyncio.sleep(0.01)
        going = [asyncio.create_task(client.call("SET", f"gone {n}", "1")) for n in range(100)]
        staying = asyncio.create_task(client.call("SET", "stayed", "1"))
        await asyncio.sleep(0.01)
        for caller in going:
            caller.cancel()
        await asyncio.wait(going)
    assert await filling is True
    assert await staying is True
    assert sorted(await client.call("KEYS", "*")) == [b"filling", b"stayed"]


async def test_a_silent_server_is_left_and_looked_for_again(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "LONGEST", 0.3)
    before = await client.client_id()
    begun = asyncio.get_running_loop().time()
    with silent(tmp_path):
        for _ in range(2):  # on the open connection, then on one that is not answered either
            asked = [client.call("ECHO", number) for number in range(100)]
            for told in await asyncio.gather(*asked, return_exceptions=True):
                assert isinstance(told, StoreUnavailableError)
                assert isinstance(told.__cause__, TimeoutError | RedisTimeoutError)
        assert 0.5 < asyncio.get_running_loop().time() - begun < 3
    assert await client.client_id() != before


async def test_what_was_asked_since_outlives_what_is_late(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "LONGEST", 0.5)
    with silent(tmp_path):
        late = asyncio.create_task(client.call("ECHO", "late"))
        await asyncio.wait({late}, timeout=0.3)
        since = asyncio.create_task(client.call("ECHO", "since"))
        with pytest.raises(StoreUnavailableError):
            await late
        assert not since.done()
    assert await since == b"since"


async def test_a_slow_server_is_not_left_while_each_reply_comes_in_time(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "LONGEST", 0.6)
    before = await client.client_id()
    for _ in range(6):
        with silent(tmp_path):
            asked = asyncio.create_task(client.call("ECHO", "late"))
            await asyncio.sleep(0.2)
        assert await asked == b"late"
    assert await client.client_id() == before


async def test_killed_while_nobody_asks_it_is_not_missed(
    valkey: Valkey, client: Client, tmp_path: Path
) -> None:
    store, redis = valkey
    await client.set("kept", "1")
    (process,) = valkeys(tmp_path)
    os.kill(process, signal.SIGKILL)
    await restarted(store, redis, 1)
    assert await client.get("kept") == b"1"


async def test_killed_with_commands_on_the_way_all_callers_are_told(
    valkey: Valkey, client: Client, tmp_path: Path
) -> None:
    store, redis = valkey
    await client.set("kept", "1")
    with silent(tmp_path) as process:
        asked = [asyncio.create_task(client.call("GET", "kept")) for _ in range(500)]
        await asyncio.sleep(0.05)
        os.kill(process, signal.SIGKILL)
        async with asyncio.timeout(5):
            told = await asyncio.gather(*asked, return_exceptions=True)
    assert all(one == b"1" or isinstance(one, StoreUnavailableError) for one in told)
    await restarted(store, redis, 1)
    assert await client.get("kept") == b"1"


async def test_a_reply_that_broke_off_is_asked_for_once_more(valkey: Valkey) -> None:
    async with wire_to(valkey[0].url) as wire, client_of(wire.url) as client:
        await client.set("marked", wire.marker)
        wire.cuts = 1
        asked = [client.call("ECHO", number) for number in range(50)]
        marked, *others = await asyncio.gather(client.get("marked"), *asked)
        assert marked == wire.marker
        assert others == [str(number).encode() for number in range(50)]
        assert (wire.made, wire.cuts) == (2, 0)


async def test_a_reply_that_broke_off_twice_is_a_store_away(valkey: Valkey) -> None:
    async with wire_to(valkey[0].url) as wire, client_of(wire.url) as client:
        await client.set("marked", wire.marker)
        wire.cuts = 2
        with pytest.raises(StoreUnavailableError):
            await client.get("marked")
        assert await client.get("marked") == wire.marker
        assert wire.made == 3


async def test_what_was_asked_together_is_repeated_together(valkey: Valkey) -> None:
    text = "return ARGV[1]"
    echo = Script("echo", text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())
    words = [b"one", b"two", b"the marked reply", b"four"]
    async with wire_to(valkey[0].url) as wire, client_of(wire.url) as client:
        scripts = Scripts(client)
        assert await scripts.run(echo, [], b"loaded") == b"loaded"
        wire.cuts = 1
        together, alone = await asyncio.gather(
            scripts.run_all(echo, [([], [word]) for word in words]), client.call("ECHO", "alone")
        )
        assert (together, alone, wire.cuts) == (words, b"alone", 0)


async def test_over_tls_as_well(
    valkey: Valkey, tmp_path: Path, no_blocking_calls: BlockBuster
) -> None:
    with may_block(no_blocking_calls):
        certificate = lay_certificate(tmp_path)
    async with wire_to(valkey[0].url, tls_server(certificate)) as wire:
        async with client_of(f"{wire.url}?ssl_ca_certs={certificate}") as client:
            await client.set("marked", wire.marker)
            wire.cuts = 1
            assert await client.get("marked") == wire.marker
            big = b"x" * (1 << 22)
            asked = [client.call("ECHO", big) for _ in range(3)]
            assert await asyncio.gather(*asked) == [big] * 3
        async with client_of(wire.url) as client:
            with pytest.raises(StoreUnavailableError):
                await client.call("PING")
