"""Persona folders are taken whole or refused with file, line and cure; edits go live as a whole."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from assistant.cli import main
from assistant.clinic import Clinic, ClinicOptions, clinic_tools
from assistant.clinic.records.engines import sqlite_engine
from assistant.engine.agents import check_tools
from assistant.engine.tools import BUILT_IN
from assistant.errors import PersonaError
from assistant.personas import Catalog, default_folder, load_persona, load_personas
from tests.conftest import MakeServer
from tests.personas import folders
from tests.processes import ROOT

LINES = folders.YAML.count("\n")
RULE = """\
safety:
  - category: fire
    severity: high
    watch: [fire]
    message: Fire.
    reply: Run.
    resources:
      - {name: Brigade, contact: "112"}
"""
SIGNS = "fire:\n  signs: [burns]\n"

# What is added to a good persona.yaml, the line of the fault from the first added one, and
# words that name field, fault and cure.
BAD_PERSONAS = {
    "unknown field": ("\ncolour: red\n", 2, ["colour", "not known", "greeting"]),
    "unknown field deep": ("model:\n  nam: x\n", 2, ["model.nam", "not known"]),
    "wrong type": ("cache: maybe\n", 1, ["cache", "boolean"]),
    "wrong type in a list": ("starters:\n  - a\n  - [b]\n", 3, ["starters.2", "string"]),
    "too small": ("max_steps: 0\n", 1, ["max_steps", "greater than or equal to 1"]),
    "too long": (f"starters: ['{'x' * 301}']\n", 1, ["starters.1", "300"]),
    "two lines": ('starters: ["a\\nb"]\n', 1, ["starters.1", "match"]),
    "duplicate key": ("cache: true\ntools: []\ncache: true\n", 3, ["'cache'", "twice", "keep one"]),
    "bad YAML": ("tools: [a\n", 2, ["not YAML", "check indent and quotes"]),
    "bad indent": (" cache: true\n", 1, ["not YAML"]),
    "tab": ("model:\n\tname: x\n", 2, ["not YAML"]),
    "control character": ("cache: true\nmemory_turns: \x07\n", 2, ["not YAML", "control"]),
    "a key that is a list": ("? [a]\n: b\n", 1, ["plain text"]),
    "nothing like a slug": ("tools: [Two Words]\n", 1, ["tools.1", "match"]),
    "missing in a rule": ("safety:\n  - category: fire\n", 2, ["safety.1.severity", "missing"]),
    "unknown handoff": ("cache: true\nhandoffs: [nobody]\n", 2, ["handoffs", "'nobody'", "ann"]),
    "unknown signs": (RULE.replace("[fire]", "[flood]"), 1, ["'flood'", "signs.yaml"]),
}


@pytest.mark.parametrize("case", BAD_PERSONAS)
def test_a_fault_names_file_line_and_cure(tmp_path: Path, case: str) -> None:
    extra, line, words = BAD_PERSONAS[case]
    (tmp_path / "signs.yaml").write_text(SIGNS)
    folder = folders.make(tmp_path, extra=extra)
    _refused(tmp_path, f"{folder}/persona.yaml:{LINES + line}: ", *words)


def _refused(root: Path, place: str, *words: str) -> None:
    with pytest.raises(PersonaError) as refused:
        load_personas(root)
    detail = refused.value.detail
    assert detail.startswith(place), detail
    for word in words:
        assert word in detail
    assert "\n" not in detail
    assert "pydantic" not in detail


@pytest.mark.parametrize(
    ("name", "content", "line", "words"),
    [
        ("persona", folders.YAML.replace("title", "titel"), 2, ["titel", "not known", "title"]),
        ("persona", "", 1, ["the file"]),
        ("persona", "- a\n", 1, ["the file", "dictionary"]),
        ("persona", folders.YAML.encode() + b"starters: ['\xff']\n", 6, ["UTF-8", "save"]),
        ("persona", "a: &a [*a]\n", 1, ["a"]),
        ("instructions", " \n", None, ["missing or empty", "how it speaks"]),
        ("instructions", "x" * 300_000, None, ["256 KiB", "shorten"]),
        ("instructions", b"ok\n\xe9", 2, ["UTF-8"]),
        (
            "demo",
            "rules:\n  - say: [a]\n    when: '('\notherwise: [b]\n",
            3,
            ["rules.1.when", "unterminated"],
        ),
        ("demo", "otherwise: [b]\nrules:\n  - when: a\n", 3, ["rules.1.say", "missing"]),
        ("demo", "rules: []\n", 1, ["otherwise", "missing", "add it"]),
    ],
)
def test_a_fault_in_a_whole_file(
    tmp_path: Path, name: str, content: Any, line: int | None, words: list[str]
) -> None:
    folder = folders.make(tmp_path, **{name: content})
    suffix = "md" if name == "instructions" else "yaml"
    place = f"{folder}/{name}.{suffix}:" + (f"{line}:" if line else "")
    _refused(tmp_path, place, *words)


@pytest.mark.parametrize("gone", ["name", "title", "description", "greeting", "notice"])
def test_a_missing_field_is_named(tmp_path: Path, gone: str) -> None:
    lines = [line for line in folders.YAML.splitlines() if not line.startswith(gone)]
    folder = folders.make(tmp_path, persona="\n".join(lines))
    _refused(tmp_path, f"{folder}/persona.yaml:1: {gone}: ", "is missing; add it")


def test_missing_files(tmp_path: Path) -> None:
    _refused(tmp_path / "no", f"{tmp_path}/no: ", "AGENTS_DIR")
    _refused(tmp_path, f"{tmp_path}: ", "persona.yaml", "instructions.md")
    folder = folders.make(tmp_path, extra=RULE)
    _refused(tmp_path, f"{tmp_path}/signs.yaml: ", "cannot be read")
    (folder / "instructions.md").unlink()
    _refused(tmp_path, f"{folder}/instructions.md: ", "missing")
    (folder / "persona.yaml").unlink()
    (folder / "instructions.md").write_text("Listen.")
    with pytest.raises(PersonaError, match=r"persona\.yaml: is missing; copy one"):
        load_persona(folder)


def test_faults_of_signs(tmp_path: Path) -> None:
    folders.make(tmp_path, extra=RULE)
    signs = tmp_path / "signs.yaml"
    signs.write_text("fire:\n  signs:\n    - burns\n    - '['\n")
    _refused(tmp_path, f"{signs}:4: fire.signs.2: ", "not a regular expression")


def test_a_folder_whose_name_no_client_could_write(tmp_path: Path) -> None:
    folder = folders.make(tmp_path, "Ann-Marie")
    _refused(tmp_path, f"{folder}: ", "front_desk")


def test_many_aliases_do_not_take_for_ever(tmp_path: Path) -> None:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 8)}]" for n in range(1, 12)]
    folders.make(tmp_path, extra="\n".join(rows))
    _refused(tmp_path, f"{tmp_path}/ann/persona.yaml:6: ", "a0")


def test_an_unknown_tool(tmp_path: Path) -> None:
    persona = load_persona(folders.make(tmp_path, extra="cache: true\ntools: [hammer]\n"))
    with pytest.raises(PersonaError) as refused:
        check_tools(persona, BUILT_IN)
    place = f"{tmp_path}/ann/persona.yaml:{LINES + 2}: tools: "
    assert refused.value.detail == f"{place}no tool 'hammer' (current_time)"


async def test_a_server_does_not_start_on_a_fault(tmp_path: Path, make_server: MakeServer) -> None:
    folders.make(tmp_path, extra="tools: [hammer]\n")
    with pytest.raises(PersonaError, match="no tool 'hammer'"):
        await make_server(AGENTS_DIR=tmp_path, DEFAULT_PERSONA="ann")


def test_a_missing_default_persona(tmp_path: Path) -> None:
    folders.make(tmp_path)
    with pytest.raises(PersonaError, match=r"DEFAULT_PERSONA: 'bea' .* \(there: ann\)"):
        Catalog(tmp_path, default="bea")


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    folder = folders.make(tmp_path, instructions=b"\xef\xbb\xbfListen.")
    assert load_persona(folder).instructions == "Listen."


def test_the_version_changes_with_any_file(tmp_path: Path) -> None:
    def version() -> str:
        return load_personas(tmp_path)["ann"].version

    (tmp_path / "signs.yaml").write_text(SIGNS)
    folders.make(tmp_path, extra=RULE)
    seen = {version()}
    changes: list[dict[str, Any]] = [
        {"instructions": "Listen well."},
        {"extra": RULE + "cache: true\n"},
        {"demo": "otherwise: [Hm!]\n"},
    ]
    for change in changes:
        folders.make(tmp_path, **{"extra": RULE} | change)
        assert version() not in seen
        seen.add(version())
    (tmp_path / "signs.yaml").write_text(SIGNS + "  unless: [calories]\n")
    assert version() not in seen
    before = version()
    (tmp_path / "signs.yaml").write_text(SIGNS + "  unless: [calories]\nflood: {signs: [water]}\n")
    assert version() == before
    assert len(before) == 12


def test_the_personas_that_come_along_load() -> None:
    personas = load_personas(default_folder())
    # Nothing is opened: the tools are only named here.
    clinic = clinic_tools(Clinic(sqlite_engine(ClinicOptions())))
    assert set(personas) == {"jaime_therapist", "web_assistant"}
    for persona in personas.values():
        assert persona.demo is not None
        assert persona.file.safety
        assert persona.file.starters
        check_tools(persona, {**BUILT_IN, **clinic})
    web_assistant = personas["web_assistant"].file
    assert set(web_assistant.tools) == {"current_time", *clinic}
    assert set(web_assistant.approvals) == {name for name in clinic if clinic[name].effectful}
    # What people tell Jaime stays away from every record.
    assert personas["jaime_therapist"].file.tools == ()
    assert not personas["jaime_therapist"].file.cache
    assert personas["jaime_therapist"].file.disclosure


@pytest.mark.parametrize("name", ["persona", "demo", "signs", "redaction"])
def test_the_schemas_for_editors_are_current(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["assistant", "personas", "--schema", name])
    assert main() == 0
    printed = capsys.readouterr().out
    assert printed == (ROOT / f"config/{name}.schema.json").read_text()
    assert json.loads(printed)["description"]


def test_the_command_names_the_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folders.make(tmp_path, extra="cache: maybe\n")
    assert main(["personas", str(tmp_path)]) == 2
    told = capsys.readouterr()
    assert told.err.startswith(f"assistant: {tmp_path}/ann/persona.yaml:{LINES + 1}: cache: ")
    assert (told.out, told.err.count("\n")) == ("", 1)
