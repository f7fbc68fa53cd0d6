"""Files that people edit: every fault is told with its line, and none ends the process."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict

from assistant.documents import DocumentError, parse, places

_PATH = Path("some.yaml")


class _Place(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    floor: int


class _File(BaseModel):
    first: _Place
    second: _Place


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_a_file_of_nothing_but_openings(opening: str) -> None:
    with pytest.raises(DocumentError, match=r"^some\.yaml: is not YAML: RecursionError; make it"):
        parse(_PATH, opening * (20_000 // len(opening)), _File)


def test_what_is_no_yaml_is_told_in_the_same_words_by_every_reader() -> None:
    with pytest.raises(DocumentError, match=r"^some\.yaml:2: .* mapping values are not allowed h"):
        parse(_PATH, "first: 1\n second: 2", _File)


def test_a_fault_in_what_overrides_a_merged_entry_is_told_where_it_stands() -> None:
    text = "first: &it\n  name: One\n  floor: 1\nsecond:\n  <<: *it\n  floor: upstairs\n"
    with pytest.raises(DocumentError, match=r"^some\.yaml:6: second\.floor: must be a valid int"):
        parse(_PATH, text, _File)


def test_a_merged_entry_counts() -> None:
    text = "first: &it\n  name: One\n  floor: 1\nsecond:\n  <<: *it\n  floor: 2\n"
    assert parse(_PATH, text, _File).second == _Place(name="One", floor=2)
    assert places(_PATH, text) == {"first": "some.yaml:1", "second": "some.yaml:4"}
