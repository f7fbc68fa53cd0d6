"""What a package gathers is loaded when somebody asks for it, and is then what it always was."""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from assistant.loading import by_name
from tests.processes import ROOT

_PACKAGES = (
    "openai.types",
    "openai.types.chat",
    "openai.types.responses",
    "openai.types.shared",
    "openai.types.shared_params",
    "sqlalchemy.ext.asyncio",
)
_TOLD = """
import importlib, json, sys
packages, names = json.loads(sys.argv[1]), json.loads(sys.argv[2])
if names:
    import assistant.engine, assistant.clinic
    assert "sqlalchemy.orm" not in sys.modules and "openai.types.batch" not in sys.modules
found = {}
for package in map(importlib.import_module, packages):
    asked = names.get(package.__name__) or [n for n in dir(package) if not n.startswith("__")]
    found[package.__name__] = {
        name: repr(getattr(package, name)).partition(" at 0x")[0] for name in asked
    }
print(json.dumps(found))
"""


async def _told(names: dict[str, list[str]]) -> dict[str, dict[str, str]]:
    """Return what names of packages stand for, in a server's process if there are any."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _TOLD, json.dumps(_PACKAGES), json.dumps(names)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0
    told: dict[str, dict[str, str]] = json.loads(said)
    return told


async def test_every_name_is_what_it_is_without_us() -> None:
    plain = await _told({})
    assert min(len(names) for names in plain.values()) > 10
    assert await _told({package: list(names) for package, names in plain.items()}) == plain


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Lay a package with modules that it gathers from; returns its name."""
    texts = {
        "__init__": "from .far import thing as it, other\n"
        "from .near import used\n"
        "from .same import same\n"
        "from . import side\n"
        "twice = used * 2\n",
        "far": "thing, other = 'far', 'too'\n",
        "near": "used = 2\n",
        "same": "same = 'not a module'\n",
        "side": "",
    }
    folder = tmp_path / "gathering"
    folder.mkdir()
    for name, text in texts.items():
        (folder / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield folder.name
    for name in [name for name in sys.modules if name.partition(".")[0] == folder.name]:
        del sys.modules[name]


def test_a_name_s_module_is_loaded_by_who_asks_first(package: str) -> None:
    with by_name(package):
        loaded = importlib.import_module(package)
    assert f"{package}.far" not in sys.modules
    assert (loaded.it, loaded.other) == ("far", "too")
    assert f"{package}.far" in sys.modules


def test_a_module_is_there_as_if_it_had_been_loaded(package: str) -> None:
    with by_name(package):
        loaded = importlib.import_module(package)
    assert loaded.far is importlib.import_module(f"{package}.far")


def test_what_a_package_itself_needs_is_there_at_once(package: str) -> None:
    with by_name(package):
        loaded = importlib.import_module(package)
    assert loaded.twice == 4
    assert {f"{package}.near", f"{package}.same", f"{package}.side"} <= sys.modules.keys()
    importlib.import_module(f"{package}.same")
    assert loaded.same == "not a module"


def test_all_names_are_told_and_none_that_is_not_there(package: str) -> None:
    with by_name(package):
        loaded = importlib.import_module(package)
    assert {"it", "other", "used", "same", "twice"} <= set(dir(loaded))
    taken: dict[str, object] = {}
    exec(f"from {package} import *", taken)  # noqa: S102 - a star is no function's to import
    assert taken["it"] == "far"
    with pytest.raises(AttributeError, match="'gathering' has no attribute 'nothing'"):
        _ = loaded.nothing


def test_other_packages_load_as_ever(package: str) -> None:
    with by_name("gather", f"{package}.far"):
        importlib.import_module(package)
    assert f"{package}.far" in sys.modules
