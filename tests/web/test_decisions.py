"""Bad bodies for a decision on an approval, which is looked for before the body is read."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from openapi_schema_validator import OAS31Validator

from assistant.web.bodies import ApprovalBody
from tests import client
from tests.conftest import MakeServer
from tests.web.approving import NOTE, Desk, opened
from tests.web.test_bad_input import JSON_TYPES, NOT_JSON, OTHER_TYPES, VALUES

FINE = {"decision": "approve"}


@dataclass(slots=True)
class Door:
    """Where to decide on something that was decided already: what is well formed gets 409."""

    desk: Desk
    path: str

    async def send(self, body: object, status: int, media: str = "application/json") -> str:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": media, "X-User": "ann"}
        async with self.desk.site.http.post(self.path, data=data, headers=headers) as response:
            return client.check_error(await client.answer_of(response), status)["detail"]


@pytest.fixture
async def door(make_server: MakeServer) -> AsyncIterator[Door]:
    async with opened(make_server) as desk:
        asked = await desk.person("ann").want(NOTE)
        await desk.person("ann").decide(asked, "reject")
        yield Door(desk, f"/runs/{asked['run_id']}/approvals/{asked['call_id']}")


async def test_what_is_no_json_object(door: Door, subtests: pytest.Subtests) -> None:
    for label, body in {**NOT_JSON, "empty": b""}.items():
        with subtests.test(label):
            assert "canary7f3a" not in await door.send(body, 400)


async def test_another_type_or_size(door: Door, subtests: pytest.Subtests) -> None:
    for media, status in {
        **dict.fromkeys(OTHER_TYPES, 415),
        **dict.fromkeys(JSON_TYPES, 409),
    }.items():
        with subtests.test(media):
            await door.send(FINE, status, media)
    await door.send(FINE | {"reason": "x" * 300_000}, 413)


@pytest.mark.parametrize("name", ApprovalBody.model_fields)
async def test_each_field_takes_what_its_schema_says(door: Door, name: str) -> None:
    validator = OAS31Validator(ApprovalBody.model_json_schema())
    taken = 0
    for value in VALUES:
        body = FINE | {name: value}
        valid = validator.is_valid(body)
        taken += valid
        detail = await door.send(body, 409 if valid else 400)
        assert valid or f"Field '{name}" in detail
    assert 0 < taken < len(VALUES)


async def test_fields_that_are_missing_unknown_or_double(door: Door) -> None:
    assert "Field 'decision'" in await door.send({"reason": "a"}, 400)
    assert "Field 'surprise'" in await door.send(FINE | {"surprise": 1}, 400)
    await door.send(b'{"decision": "approve", "reason": "a", "reason": "b"}', 409)


async def test_where_nothing_waits_the_body_is_not_read(door: Door) -> None:
    missing = Door(door.desk, "/runs/run_nobody/approvals/call_nobody")
    for body in (b"{", b"", b'{"decision": "approve"}', b"x" * 1_000):
        await missing.send(body, 404)
