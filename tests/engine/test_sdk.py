"""What the SDK was spared when the server loaded it is all there for whoever wants it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from agents import Agent, Runner
from agents.items import ToolCallOutputItem
from agents.testing import ScriptedModel, assistant_message, function_call
from pydantic import BaseModel, TypeAdapter

_SERVER = """
from mcp.server.mcpserver import MCPServer
from mcp.shared.exceptions import MCPError

server = MCPServer("clinic")

@server.tool()
def add(one: int, other: int) -> int:
    return one + other

@server.tool()
def fail() -> int:
    raise MCPError(-32000, "closed today")

server.run("stdio")
"""


def test_pydantic_is_as_it_was() -> None:
    class Ours(BaseModel):
        number: int

    assert Ours.__pydantic_complete__
    assert TypeAdapter(tuple[Ours, ...]).pydantic_complete


async def test_tools_of_an_mcp_server_answer_and_fail_as_ever(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # Loaded here, as by a program that embeds the server: the SDK was loaded without it.
    from agents.mcp import MCPServerStdio  # noqa: PLC0415 - as said

    script = tmp_path / "clinic.py"
    script.write_text(_SERVER)
    calls = [
        function_call("add", {"one": 2, "other": 3}, call_id="call_1"),
        function_call("fail", {}, call_id="call_2"),
    ]
    model = ScriptedModel([calls, [assistant_message("Done.")]])
    async with MCPServerStdio(
        params={"command": sys.executable, "args": [str(script)]}, client_session_timeout_seconds=30
    ) as server:
        agent = Agent(name="Desk", model=model, mcp_servers=[server])
        result = await Runner.run(agent, "Hello")
    told = [str(item.output) for item in result.new_items if isinstance(item, ToolCallOutputItem)]
    assert "5" in told[0]
    assert "error" in told[1]
    # The SDK knows such an error for what it is: of any other it says that the call broke.
    assert "returned an error" in caplog.text
