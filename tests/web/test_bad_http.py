"""What is hardly HTTP: heads, framing and encodings that no client of good will sends."""

from __future__ import annotations

import gzip
import itertools
import json
import zlib

from assistant.web.routes import ROUTES
from tests.client import check_error
from tests.loglines import Written
from tests.web.rawhttp import Probe, request, wired
from tests.web.site import Site

HOSTS = ["", "[bad", "a b", ":::", "x" * 5_000, "é", "a:99999", "@", "a/b"]
HELLO = b'{"message": "hello"}'
HEADERS: dict[str, bytes] = {
    "NUL": b"X-Odd: canary7f3a\x00b",
    "bare CR": b"X-Odd: a\rX-Evil: canary7f3a",
    "bare LF": b"X-Odd: a\nX Evil: canary7f3a",
    "control": b"X-Odd: a\x01b",
    "DEL": b"X-Odd: a\x7fb",
    "no colon": b"canary7f3a",
    "no name": b": canary7f3a",
    "space in the name": b"X Odd: canary7f3a",
    "space before the colon": b"X-Odd : canary7f3a",
    "NUL in the name": b"X-\x00dd: canary7f3a",
    "8 bit in the name": b"X-\xe9: canary7f3a",
    "folded": b"X-Odd: a\r\n canary7f3a",
    "two lengths": b"Content-Length: 3\r\nContent-Length: 4",
    "length list": b"Content-Length: 3, 4",
    "length word": b"Content-Length: canary7f3a",
    "length sign": b"Content-Length: +3",
    "length negative": b"Content-Length: -3",
    "length float": b"Content-Length: 3.0",
    "length hex": b"Content-Length: 0x3",
    "length huge": b"Content-Length: " + b"9" * 40,
    "length and chunks": b"Content-Length: 3\r\nTransfer-Encoding: chunked",
    "other coding": b"Transfer-Encoding: canary7f3a",
    "chunked not last": b"Transfer-Encoding: chunked, gzip",
    "chunked twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    "huge": b"X-Odd: " + b"x" * 100_000,
    "huge name": b"X-" + b"x" * 100_000 + b": a",
    "many": b"\r\n".join(b"X-%d: %s" % (n, b"x" * 100) for n in range(2_000)),
    "two hosts": b"Host: other",
}
LINES: dict[str, bytes] = {
    "unknown method": b"BREW / HTTP/1.1",
    "lower case": b"get / HTTP/1.1",
    "no target": b"GET HTTP/1.1",
    "HTTP/3": b"GET / HTTP/3.0",
    "HTTP/2 preface": b"PRI * HTTP/2.0",
    "word": b"canary7f3a",
    "spaces": b"GET /canary 7f3a HTTP/1.1",
    "NUL in the target": b"GET /canary7f3a\x00 HTTP/1.1",
    "control in the target": b"GET /canary7f3a\x01 HTTP/1.1",
    "8 bit in the target": b"GET /canary7f3a\xff HTTP/1.1",
    "UTF-8 in the target": "GET /é HTTP/1.1".encode(),
    "huge target": b"GET /" + b"x" * 100_000 + b" HTTP/1.1",
    "huge query": b"GET /?a=" + b"x" * 100_000 + b" HTTP/1.1",
    "huge method": b"G" * 100_000 + b" / HTTP/1.1",
    "no slash": b"GET health HTTP/1.1",
    "star": b"OPTIONS * HTTP/1.1",
    "connect": b"CONNECT example.com:443 HTTP/1.1",
    "bad port": b"GET http://here:99999/health HTTP/1.1",
    "port word": b"GET http://here:port/health HTTP/1.1",
    "bad brackets": b"GET http://[::1/health HTTP/1.1",
    "other scheme": b"GET gopher://here/canary7f3a HTTP/1.1",
    "binary": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
}
CHUNKS: dict[str, bytes] = {
    "no number": b"zz\r\nhello\r\n0\r\n\r\n",
    "negative": b"-1\r\nhello\r\n0\r\n\r\n",
    "huge": b"f" * 40 + b"\r\nhello\r\n0\r\n\r\n",
    "longer than said": b"2\r\nhello\r\n0\r\n\r\n",
    "no end of line": b"5\r\nhello0\r\n\r\n",
    "bare LF": b"5\nhello\n0\n\n",
    "bad extension": b"5;\x00=canary7f3a\r\nhello\r\n0\r\n\r\n",
    "bad trailer": b"0\r\nX Odd: canary7f3a\r\n\r\n",
}
CODINGS: dict[str, tuple[bytes, tuple[int, ...]]] = {
    "gzip": (gzip.compress(HELLO), (200, 400, 415)),
    "deflate": (zlib.compress(HELLO), (200, 400, 415)),
    "gzip cut": (gzip.compress(HELLO)[:-20], (400, 415)),
    "gzip garbage": (b"canary7f3a", (400, 415)),
    "gzip bomb": (gzip.compress(b" " * 50_000_000), (400, 413, 415)),
    "br": (HELLO, (400, 415)),
    "nonsense": (HELLO, (200, 400, 415)),
}


async def test_a_header_that_is_none(probe: Probe) -> None:
    for route, (label, header) in itertools.product(ROUTES, HEADERS.items()):
        target = route.path.replace("{", "").replace("}", "")
        await probe.send(f"{route.name}: {label}", request(route.method, target, header), 400)


async def test_a_request_line_that_is_none(probe: Probe) -> None:
    for label, line in LINES.items():
        data = line + b"\r\nHost: here\r\nConnection: close\r\n\r\n"
        await probe.send(label, data, 400, 404, 405)


async def test_a_body_in_chunks_that_are_none(probe: Probe) -> None:
    head = ("Content-Type: application/json", "Transfer-Encoding: chunked")
    for label, chunks in CHUNKS.items():
        data = request("POST", "/chat", *head) + chunks
        await probe.send(label, data, 400)
    size = len(HELLO)
    chunked = b"%x\r\n%s\r\n%x;a=b\r\n%s\r\n0\r\n\r\n" % (10, HELLO[:10], size - 10, HELLO[10:])
    await probe.send("good", request("POST", "/chat", *head) + chunked, 200)


async def test_a_body_that_is_compressed(probe: Probe) -> None:
    for label, (body, statuses) in CODINGS.items():
        coding = f"Content-Encoding: {label.split()[0]}"
        await probe.send(label, request("POST", "/chat", coding, body=body), *statuses)


async def test_what_is_expected_and_not_known(probe: Probe) -> None:
    for expected, status in (("100-continue", 200), ("canary7f3a", 417), ("", 200)):
        data = request("POST", "/chat", f"Expect: {expected}", body=HELLO)
        async with wired(probe.site) as wire:
            await wire.send(data)
            answer = await wire.hear()
            if answer is not None and answer.status == 100:
                answer = await wire.hear()
            assert answer is not None
            assert answer.status == status, expected
            if status >= 400:
                check_error(answer, status)


async def test_an_odd_host_does_no_harm(probe: Probe) -> None:
    for route, host in itertools.product(ROUTES, HOSTS):
        places = ("session_id", "run_id", "call_id", "name")
        target = route.path.format_map(dict.fromkeys(places, "one"))
        data = f"{route.method} {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        await probe.send(f"{route.name}: {host!r:.20}", data.encode(), *route.statuses)


async def test_an_odd_upgrade_is_refused(probe: Probe) -> None:
    good = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    for name, value in (
        ("Upgrade", "h2c"),
        ("Connection", "close"),
        ("Sec-WebSocket-Version", "99"),
        ("Sec-WebSocket-Version", "x"),
        ("Sec-WebSocket-Key", "canary7f3a"),
        ("Sec-WebSocket-Key", ""),
    ):
        lines = [f"{k}: {v}" for k, v in (good | {name: value}).items()]
        data = "\r\n".join(["GET /ws/one HTTP/1.1", "Host: here", *lines, "", ""]).encode()
        await probe.send(f"{name}: {value}", data, 400, 426)
    assert (await probe.site.get("/sessions"))["count"] == 0


async def test_old_and_absolute_requests_are_served(site: Site) -> None:
    where = str(site.server.make_url("/health"))
    for line in ("GET /health HTTP/1.0", f"GET {where} HTTP/1.1", "GET /health?a=b#c HTTP/1.1"):
        async with wired(site) as wire:
            await wire.send(f"{line}\r\nHost: here\r\n\r\n".encode())
            answer = await wire.hear()
            assert answer is not None
            assert (answer.status, json.loads(answer.body)["status"]) == (200, "healthy")


async def test_a_stream_over_http_1_0_ends_with_the_connection(site: Site) -> None:
    async with wired(site) as wire:
        head = (
            f"POST /chat HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: {len(HELLO)}"
        )
        await wire.send(head.encode() + b"\r\n\r\n" + HELLO)
        text = await wire.closed()
    assert text.startswith(b"HTTP/1.0 200")
    assert b"chunked" not in text
    assert text.rstrip().endswith(b"}")
    assert b'"is_final":true' in text


async def test_an_unreadable_request_is_one_line_without_its_content(
    site: Site, logged: Written
) -> None:
    async with wired(site) as wire:
        await wire.send(b"canary7f3a canary7f3a canary7f3a\r\n\r\n")
        answer = await wire.hear()
        assert answer is not None
        check_error(answer, 400)
        assert await wire.closed() == b""
    (line,) = logged.lines
    assert (line["event"], line["status"]) == ("http.request", 400)
    assert "canary7f3a" not in logged.text
