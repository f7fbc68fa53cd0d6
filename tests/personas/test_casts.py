"""Casts: the personas of a run, whole and unchanged, in whichever process it goes on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assistant.persona import Persona
from assistant.personas import Cast, Catalog, decode_cast, default_folder, load_personas
from tests.conftest import DATA
from tests.personas import folders

FOLDERS = [default_folder(), DATA / "agents", DATA / "talkers", DATA / "approving", DATA / "chaos"]
EVERYBODY = [
    pytest.param(personas, slug, id=slug)
    for personas in map(load_personas, FOLDERS)
    for slug in personas
]


@pytest.mark.parametrize(("known", "slug"), EVERYBODY)
def test_a_cast_comes_back_as_it_went(known: dict[str, Persona], slug: str) -> None:
    cast = Cast.of(slug, known)
    back = decode_cast(cast.encode())
    assert back == cast.personas
    assert back[slug] == known[slug]
    assert back[slug].instructions == known[slug].instructions
    assert Cast.of(slug, back).name == cast.name


def test_a_cast_is_all_that_can_be_reached(tmp_path: Path) -> None:
    for slug, others in (("ann", "[bea]"), ("bea", "[cid, ann]"), ("cid", "[]"), ("dan", "[ann]")):
        folders.make(tmp_path, slug, extra=f"handoffs: {others}\n")
    known = load_personas(tmp_path)
    assert set(Cast.of("ann", known).personas) == {"ann", "bea", "cid"}
    assert set(Cast.of("cid", known).personas) == {"cid"}
    assert Cast.of("ann", known).name == Cast.of("bea", known).name
    assert len({Cast.of(slug, known).name for slug in known}) == 3


def test_an_edit_of_anybody_in_it_is_another_cast(tmp_path: Path) -> None:
    root = folders.copy(tmp_path)
    before = {slug: Cast.of(slug, load_personas(root)).name for slug in ("guide", "tester")}
    (root / "tester/instructions.md").write_text("Answer better.")
    after = {slug: Cast.of(slug, load_personas(root)).name for slug in ("guide", "tester")}
    assert not set(before.values()) & set(after.values())
    (root / "guide/instructions.md").write_text("Guide better.")
    assert Cast.of("tester", load_personas(root)).name == after["tester"]
    assert Cast.of("guide", load_personas(root)).name != after["guide"]


def test_a_catalog_knows_the_casts_that_it_gave_out(tmp_path: Path) -> None:
    catalog = Catalog(folders.copy(tmp_path), default="tester")
    assert catalog.cast_named(Cast.of("guide", load_personas(DATA / "agents")).name) is None
    cast = catalog.cast("guide")
    assert catalog.cast("guide") is cast
    assert catalog.cast_named(cast.name) is cast.personas


def test_a_cast_is_readable_by_others() -> None:
    (persona,) = json.loads(Cast.of("tester", load_personas(DATA / "agents")).encode())
    assert (persona["slug"], persona["file"]["max_steps"]) == ("tester", 4)
