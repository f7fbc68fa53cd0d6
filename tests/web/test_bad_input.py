"""Bad input on every route of the table: the right status, the error shape, one line, no 500."""

from __future__ import annotations

import itertools
import json
from typing import Any, get_args

import pytest
from openapi_schema_validator import OAS31Validator
from pydantic import BaseModel

from assistant.web.routes import ROUTES
from assistant.web.routing import Access, Route
from tests.web.rawhttp import Probe, request

pytestmark = pytest.mark.no_cover

# Who decides on an approval that nobody asked for is told so first; see test_approvals.
WITH_BODY = [route for route in ROUTES if route.body and route.access is not Access.OWN]
BODIES = [(route, model) for route in WITH_BODY for model in route.body]
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
JSON_TYPES = ["application/json", "Application/JSON", "application/json; charset=UTF-8"]
OTHER_TYPES = [
    *("text/plain", "application/xml", "application/x-www-form-urlencoded", "text/json"),
    *("multipart/form-data; boundary=x", "application/json; charset=latin-1"),
    *("application/json; charset=nonsense", "application", "/", ";;;", "application/json/x"),
]
NOT_JSON: dict[str, bytes] = {
    "text": b"canary7f3a",
    "cut off": b'{"message": "canary7f3a',
    "single quotes": b"{'message': 'hello'}",
    "trailing comma": b'{"message": "hello",}',
    "two documents": b'{"message": "hello"} {}',
    "comment": b'{"message": "hello"} // canary7f3a',
    "blank": b"  ",
    "array": b'["canary7f3a"]',
    "string": b'"canary7f3a"',
    "null": b"null",
    "number": b"17",
    "true": b"true",
    "NaN": b'{"message": "hello", "context": {"a": NaN}}',
    "Infinity": b'{"message": "hello", "context": {"a": -Infinity}}',
    "1e999": b'{"message": "hello", "context": {"a": 1e999}}',
    "bad UTF-8": b'{"message": "\xff\xfe"}',
    "overlong UTF-8": b'{"message": "\xc0\xaf"}',
    "raw surrogate": b'{"message": "\xed\xa0\x80"}',
    "lone surrogate": rb'{"message": "\ud800"}',
    "swapped surrogates": rb'{"message": "\udc00\ud800"}',
    "UTF-16": '{"message": "hello"}'.encode("utf-16"),
    "raw NUL": b'{"message": "a\x00b"}',
    "raw newline": b'{"message": "a\nb"}',
    "bad escape": rb'{"message": "\x41"}',
    "deep arrays": b"[" * 100_000,
    "deep objects": b'{"a":' * 40_000,
    "deep, closed": b'{"context": ' + b'{"a":' * 40 + b"1" + b"}" * 41,
    "deep lists, closed": b'{"context": {"a": ' + b"[" * 2_000 + b"]" * 2_000 + b"}}",
}
VALUES: list[Any] = [
    *(None, True, False, 0, -1, 1, 1.5, 10**30, -(10**30), 1e300, "", " ", "\n", "ok"),
    *("canary7f3a\x00", "canary7f3a\r\nX-Evil: 1", "\x01", "\x7f", "\x1b[2J", "x" * 129),
    *("x" * 16_001, "é" * 16_001, "😀", "../..", "<script>canary7f3a</script>"),
    *([], ["canary7f3a"], [{}], [{"role": "user"}], [{"role": "system", "content": "x"}]),
    *([{"role": "user", "content": ""}], [{"role": "user", "content": "x", "extra": 1}]),
    *([{"role": "user", "content": "x"}] * 201, {}, {"canary7f3a": "canary7f3a"}),
    *("reject", "approve", "explode", 128_001, "true", "1"),
    *("x" * 500, "x" * 501, "0f" * 32, "0F" * 32, "0" * 63, "two\nlines"),
]
IN_PATH = {
    "NUL": "%00",
    "CRLF": "a%0d%0aX-Evil:%201",
    "LF": "%0a",
    "escape": "%1b[2J",
    "DEL": "%7f",
    "bad UTF-8": "%ff%fe",
    "surrogate": "%ed%a0%80",
    "emoji": "%F0%9F%98%80",
    "space": "a%20b",
    "slash": "a%2Fb",
    "dots": "%2e%2e%2f%2e%2e",
    "percent": "%",
    "half": "%z",
    "plus": "a+b",
    "script": "%3Cscript%3Ecanary7f3a",
    "quote": "%22canary7f3a",
    "long": "x" * 4_000,
    "glob": "*",
    "key": "a:messages",
    "semicolon": "a;b=c",
    "unknown": "nobody",
}


def _id(value: object) -> str:
    route = value[0] if isinstance(value, tuple) else value
    return route.name if isinstance(route, Route) else getattr(value, "__name__", str(value))


def _target(route: Route, value: str = "nobody") -> str:
    places = dict.fromkeys(("session_id", "run_id", "call_id", "name"), value)
    return route.path.format_map(places)


def _least(model: type[BaseModel]) -> dict[str, Any]:
    """Return the smallest body that a model takes."""
    required = {name: field for name, field in model.model_fields.items() if field.is_required()}
    # A field that takes one of a few values takes the first of them.
    return {name: (get_args(field.annotation) or ("hello",))[0] for name, field in required.items()}


async def _post(
    probe: Probe, route: Route, label: str, body: bytes, *status: int, **more: Any
) -> None:
    data = request(route.method, _target(route), body=body)
    await probe.send(f"{route.name}: {label}", data, *status, **more)


@pytest.mark.parametrize("route", WITH_BODY, ids=_id)
async def test_a_body_that_is_no_json_object(probe: Probe, route: Route) -> None:
    for label, body in NOT_JSON.items():
        await _post(probe, route, label, body, 400)
    for media in ("application/json", "application/json; charset=utf-8"):
        bare = request(route.method, _target(route), f"Content-Type: {media}", "Content-Length: 0")
        await probe.send(f"{route.name}: empty", bare, 400)


@pytest.mark.parametrize("route", WITH_BODY, ids=_id)
async def test_a_body_of_another_type(probe: Probe, route: Route) -> None:
    body = json.dumps(_least(route.body[0])).encode()
    for media in OTHER_TYPES:
        data = request(route.method, _target(route), body=body, media=media)
        await probe.send(f"{route.name}: {media}", data, 415)
    for media in JSON_TYPES:
        data = request(route.method, _target(route), body=body, media=media)
        await probe.send(f"{route.name}: {media}", data, 200, 201)
    none = f"{route.method} {_target(route)} HTTP/1.1\r\nHost: here\r\n"
    none += f"Content-Length: {len(body)}\r\n\r\n"
    await probe.send(f"{route.name}: no type", none.encode() + body, 415)


@pytest.mark.parametrize("route", WITH_BODY, ids=_id)
async def test_a_body_too_big(probe: Probe, route: Route) -> None:
    least = _least(route.body[0])
    for size, status in ((262_144, 400), (262_145, 413), (1_000_000, 413)):
        empty = len(json.dumps(least | {"x": ""}))
        body = json.dumps(least | {"x": "y" * (size - empty)}).encode()
        assert len(body) == size
        await _post(probe, route, f"{size} bytes", body, status)


@pytest.mark.parametrize(("route", "model"), BODIES, ids=_id)
async def test_each_field_takes_what_its_schema_says(
    probe: Probe, route: Route, model: type[BaseModel]
) -> None:
    validator = OAS31Validator(model.model_json_schema())
    for name in model.model_fields:
        for value in VALUES:
            body = _least(model) | {name: value}
            valid = validator.is_valid(body)
            statuses = (200, 201, 202, 404) if valid else (400,)
            label = f"{name} = {value!r:.40}"
            # A model that a persona does not allow is well formed, and yet refused.
            if name == "model" and valid:
                statuses = (*statuses, 400)
            named = "" if valid else f"Field '{name}"
            await _post(probe, route, label, json.dumps(body).encode(), *statuses, named=named)


@pytest.mark.parametrize(("route", "model"), BODIES, ids=_id)
async def test_fields_that_are_missing_unknown_or_double(
    probe: Probe, route: Route, model: type[BaseModel]
) -> None:
    least = _least(model)
    for name in least:
        rest = {key: value for key, value in least.items() if key != name}
        await _post(probe, route, f"no {name}", json.dumps(rest).encode(), 400, named="Field '")
    for unknown in ("surprise", "Message", "__class__", "a\r\nb", "<b>", "", "x" * 5_000, "\x00"):
        body = json.dumps(least | {unknown: "canary7f3a"}).encode()
        named = f"Field '{unknown}'" if unknown.isidentifier() and len(unknown) < 80 else "Field '"
        await _post(probe, route, f"unknown {unknown!r:.20}", body, 400, named=named)
    twice = json.dumps(least)[:-1] + (", " if least else "") + '"user_id": "a", "user_id": "b"}'
    await _post(probe, route, "double", twice.encode(), 200, 201)


async def test_a_method_that_a_path_does_not_take(probe: Probe) -> None:
    taken = {(route.method, route.path) for route in ROUTES}
    targets = {route.path: _target(route) for route in ROUTES}
    for method, path in itertools.product(METHODS, targets):
        if (method, path) not in taken:
            await probe.send(f"{method} {path}", request(method, targets[path]), 405)


async def test_a_path_that_is_not_there(probe: Probe) -> None:
    for path in ("/nowhere", "/chat/", "//chat", "/CHAT", "/ws", "/ws/a/b", "/runs//events"):
        for method in ("GET", "POST", "DELETE"):
            await probe.send(f"{method} {path}", request(method, path), 404)
    for path in ("/ui/no.js", "/ui/%00", "/ui/a/b", "/ui/..%2fapp.py", "/docs/assets/no.js"):
        await probe.send(path, request("GET", path), 404)


async def test_an_id_that_is_unknown_or_none(probe: Probe) -> None:
    named = [route for route in ROUTES if "{" in route.path]
    for route, (label, value) in itertools.product(named, IN_PATH.items()):
        statuses = (400, 404, 426) if route.name == "websocket" else (400, 404)
        body = json.dumps(_least(route.body[0])).encode() if route.body else b""
        data = request(route.method, _target(route, value), body=body)
        await probe.send(f"{route.name}: {label}", data, *statuses)


@pytest.mark.parametrize("route", ROUTES, ids=_id)
async def test_query_and_headers(probe: Probe, route: Route) -> None:
    """What the table says of a value decides; what it says nothing of does no harm."""
    fine = {status for status in route.statuses if status < 500}
    odd = ["", "x", "-2", "1.5", "1e1", "+1", "%201", "0x1", "9" * 16, "%D9%A3", "%00", "%0d%0a"]
    odd += ["%ff", "%F0%9F%98%80", "canary7f3a", "a" * 3_000, "a&after=b&limit=c"]
    for value in odd:
        for name in ("after", "limit", "x", "%00"):
            target = f"{_target(route)}?{name}={value}"
            await probe.send(f"{route.name}: {target:.60}", request(route.method, target), *fine)
    names = ("Last-Event-ID", "Idempotency-Key", "Accept", "Origin", "Cookie", "Range", "If-Match")
    for name in (*names, "Accept-Encoding", "X-Forwarded-For", "Authorization", "traceparent"):
        for text in (
            "",
            "canary7f3a",
            "\t",
            "é",
            "-2",
            "x" * 5_000,
            ";;q=,",
            "*/*;q=z",
            "bytes=9-",
        ):
            data = request(route.method, _target(route), f"{name}: {text}")
            await probe.send(f"{route.name}: {name}: {text!r:.20}", data, *fine)
