"""One request to a collector: right where the collector is, and bounded whatever it does."""

from __future__ import annotations

import asyncio
import gzip
import time
import zlib
from http.client import HTTPException

import pytest

from assistant.errors import SettingsError
from assistant.telemetry.traces.sending import Answer, post
from tests.processes import free_port
from tests.telemetry.traces.collectors import (
    HOSTILE,
    behaving,
    collector_at,
    deaf,
    request_of,
    saying,
    status,
    well,
)

_SECONDS = 0.4
# Starting threads and waking loops on a busy machine.
_SLACK = 1.0


async def sent(url: str, body: bytes = b"spans", **variables: object) -> Answer:
    collector = collector_at(url, **variables)
    end = time.monotonic() + _SECONDS
    return await asyncio.to_thread(post, collector, collector.pack(body), lambda: end)


async def test_an_answer_is_read() -> None:
    busy = status("503 Busy", "Retry-After: 7", body=b"later")
    async with behaving(well, busy) as fake:
        assert await sent(fake.url) == Answer(200, "", b"")
        assert await sent(fake.url) == Answer(503, "7", b"later")


@pytest.mark.parametrize("pack", ["none", "gzip", "deflate"])
async def test_the_request_is_what_the_standard_and_the_variables_say(pack: str) -> None:
    got: list[bytes] = []

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.append(await request_of(reader))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async with behaving(behave) as fake:
        url = f"http://someone:s%40me@127.0.0.1:{fake.port}/deep/v1/traces?tenant=a"
        await sent(
            url,
            OTEL_EXPORTER_OTLP_COMPRESSION=pack,
            OTEL_EXPORTER_OTLP_HEADERS="x-tenant=one,x-word=a%20b",
        )
    head, _, body = got[0].partition(b"\r\n\r\n")
    line, *headers = head.decode().lower().split("\r\n")
    assert line == "post /deep/v1/traces?tenant=a http/1.1"
    for header in (
        *("content-type: application/x-protobuf", "x-tenant: one", "x-word: a b"),
        *("authorization: basic c29tzw9uztpzqg1l", f"host: 127.0.0.1:{fake.port}"),
    ):
        assert header in headers
    assert ("content-encoding: " + pack in headers) == (pack != "none")
    if pack == "gzip":
        body = gzip.decompress(body)
    elif pack == "deflate":
        body = zlib.decompress(body)
    assert body == b"spans"


@pytest.mark.parametrize("name", HOSTILE)
async def test_nothing_that_a_collector_does_takes_longer_than_it_may(name: str) -> None:
    body = b"x" * (1 << 23)  # more than what the system takes before anybody reads
    async with behaving(HOSTILE[name]) as fake:
        begun = time.monotonic()
        with pytest.raises((OSError, HTTPException)):
            await sent(fake.url, body)
        assert time.monotonic() - begun < _SECONDS + _SLACK


async def test_an_endless_body_is_not_read() -> None:
    endless = saying(b"HTTP/1.1 200 OK\r\n\r\n", again=b"x" * 65_536)
    async with behaving(endless) as fake:
        with pytest.raises(OSError, match="more than an answer"):
            await sent(fake.url)


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_a_redirection_is_not_followed(code: int) -> None:
    async with behaving(well) as other:
        away = status(f"{code} Elsewhere", f"Location: {other.url}")
        async with behaving(away) as fake:
            assert (await sent(fake.url)).status == code
        assert (fake.calls, other.calls) == (1, 0)


async def test_nobody_there() -> None:
    with pytest.raises(ConnectionRefusedError):
        await sent(f"http://127.0.0.1:{free_port()}/v1/traces")


async def test_a_handshake_that_does_not_end() -> None:
    async with behaving(deaf) as fake:
        begun = time.monotonic()
        with pytest.raises(TimeoutError):
            await sent(fake.url.replace("http:", "https:"))
        assert time.monotonic() - begun < _SECONDS + _SLACK


def test_files_that_cannot_be_used_are_refused() -> None:
    with pytest.raises(SettingsError, match="OTEL_EXPORTER_OTLP_CERTIFICATE"):
        collector_at("https://h/v1/traces", OTEL_EXPORTER_OTLP_CERTIFICATE="/nowhere.pem")
