"""The OpenAPI document and the server agree, as requests made up from the document show."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import get_args

import pytest
from openapi_spec_validator import validate

from assistant.settings import AuthMode
from assistant.web.openapi import build_openapi
from assistant.web.routes import ROUTES
from assistant.web.routing import Access
from tests import processes
from tests.conftest import DATA
from tests.web.site import Site

_EXAMPLES = 10


async def test_the_document_is_one(site: Site) -> None:
    document = await site.get("/openapi.json")
    assert document["openapi"].startswith("3.1.")
    validate(document)


@pytest.mark.parametrize("mode", get_args(AuthMode))
def test_the_document_says_how_to_say_who_one_is(mode: AuthMode) -> None:
    document = build_openapi(ROUTES, version="1", auth_mode=mode)
    validate(document)
    schemes = document["components"]["securitySchemes"]
    assert list(schemes) == {"none": [], "api_key": ["bearer", "key"], "jwt": ["bearer"]}[mode]
    for row in ROUTES:
        operation = document["paths"][row.path][row.method.lower()]
        asks = bool(schemes) and row.access is not Access.OPEN
        assert operation.get("security", []) == ([{name: []} for name in schemes] if asks else [])
        assert ("401" in operation["responses"]) == asks
        assert set(operation["responses"]) >= {str(status) for status in row.statuses}
        if row.access is Access.OPERATOR:
            assert "403" in operation["responses"]


@pytest.mark.long
@pytest.mark.no_cover
@pytest.mark.timeout(120)
async def test_requests_made_up_from_the_document_find_nothing(tmp_path: Path) -> None:
    demo = {"AGENTS_DIR": DATA / "talkers", "DEFAULT_PERSONA": "talker"}
    async with processes.server(tmp_path / "server", **demo) as running:
        code, said = await _schemathesis(f"{running.url}/openapi.json", tmp_path)
        lines = [json.loads(line) for line in running.log.read_text().splitlines()]
    assert code == 0, said
    requests = [line for line in lines if line["event"] == "http.request"]
    assert len(requests) > 500
    assert not [line for line in requests if line["status"] >= 500]
    assert not [line for line in lines if line["level"] in {"error", "critical"}]


async def _schemathesis(url: str, folder: Path) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("schemathesis"),
        *("--config-file", DATA / "schemathesis.toml", "run", url, "--checks", "all"),
        *("--max-examples", str(_EXAMPLES), "--seed", "1", "--warnings", "off", "--no-color"),
        *("--request-timeout", "10", "--continue-on-failure"),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode, said.decode()
