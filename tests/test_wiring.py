"""All parts open together, or none is left open."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from assistant.errors import PersonaError, StoreStartError
from assistant.settings import Settings
from assistant.wiring import open_parts
from tests.processes import free_port


async def test_personas_at_fault_leave_no_store_behind(tmp_path: Path) -> None:
    data = {"DATA_DIR": str(tmp_path / "data")}
    (tmp_path / "nobody").mkdir()
    faulty = Settings.from_mapping({**data, "AGENTS_DIR": str(tmp_path / "nobody")})
    with pytest.raises(PersonaError, match="holds no persona"):
        async with open_parts(faulty):
            pass
    # One that still ran would have the folder.
    async with open_parts(Settings.from_mapping(data)) as parts:
        assert parts.store.kind == "embedded"
        await parts.store.ping()


async def test_of_two_faults_one_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "nobody").mkdir()
    faulty = Settings.from_mapping(
        {
            "DATA_DIR": str(tmp_path / "data"),
            "AGENTS_DIR": str(tmp_path / "nobody"),
            "REDIS_URL": f"redis://127.0.0.1:{free_port()}",
            "STORE_FALLBACK": "fail",
        }
    )
    with pytest.raises(StoreStartError, match="cannot be reached"):
        async with open_parts(faulty):
            pass
    gc.collect()
    assert "never retrieved" not in caplog.text
