"""The catalog: an edit goes live as a whole or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from assistant.errors import NotFoundError, PersonaError
from assistant.persona import Persona
from assistant.personas import Catalog
from tests.personas import folders


@asynccontextmanager
async def _watched(catalog: Catalog) -> AsyncIterator[None]:
    task = asyncio.create_task(catalog.watch(every=0.02))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_an_edit_goes_live_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    root = folders.copy(tmp_path)
    catalog = await asyncio.to_thread(Catalog, root, default="tester", check=_check)
    first, cast = catalog.get("tester"), catalog.cast("guide")
    with capture_logs() as logs:
        async with _watched(catalog), asyncio.timeout(10):
            (root / "tester/instructions.md").write_text("Answer better.")
            while catalog.get("tester") is first:
                await asyncio.sleep(0.01)
            second = catalog.get("tester")
            for fault in ("tools: [hammer]\n", "nonsense: x\n", "default"):
                _break(root, fault)
                rejected = len(_named(logs, "personas.rejected"))
                while len(_named(logs, "personas.rejected")) == rejected:
                    await asyncio.sleep(0.01)
                assert catalog.get("tester") is second
            _break(root, "")
            while catalog.get("tester") is second:
                await asyncio.sleep(0.01)
    assert second.instructions == "Answer better."
    # Whoever began before goes on with what they began with.
    assert catalog.cast_named(cast.name) is cast.personas
    assert cast.personas["tester"] is first
    assert catalog.cast("guide").name != cast.name
    assert catalog.cast_named("unheard of") is None
    assert "hammer" in _named(logs, "personas.rejected")[0]["fault"]


def _check(persona: Persona) -> None:
    if "hammer" in persona.file.tools:
        detail = f"{persona.places['tools']}: no tool 'hammer'"
        raise PersonaError(detail)


def _break(root: Path, fault: str) -> None:
    if fault == "default":
        (root / "tester").rename(root / "renamed")
        (root / "guide/persona.yaml").write_text(folders.YAML)
        return
    if (root / "renamed").exists():
        (root / "renamed").rename(root / "tester")
    (root / "tester/persona.yaml").write_text(folders.YAML + fault)


def _named(logs: Sequence[Mapping[str, str]], event: str) -> list[Mapping[str, str]]:
    return [entry for entry in logs if entry["event"] == event]


def test_a_persona_nobody_has(tmp_path: Path) -> None:
    folders.make(tmp_path)
    with pytest.raises(NotFoundError, match="Known: ann"):
        Catalog(tmp_path, default="ann").get("bea")
