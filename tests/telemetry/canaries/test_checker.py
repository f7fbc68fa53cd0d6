"""The search can fail: what is planted in a place is found there, however it is dressed up."""

from __future__ import annotations

import base64
import json
import random
from pathlib import Path
from urllib.parse import quote

import pytest
import stdnum.gb.nhs
import stdnum.iban
import stdnum.luhn
import stdnum.us.ssn

from tests.processes import ROOT
from tests.telemetry.canaries.coinage import KINDS, NAMES, Mint
from tests.telemetry.canaries.leaky import HEADER, PLANTED
from tests.telemetry.canaries.places import Place, leaks
from tests.telemetry.canaries.search import Search
from tests.telemetry.canaries.stage import Stand, perform
from tests.telemetry.canaries.turn import Heard, Turn, Visit, asking, saying


def _minted() -> Mint:
    mint = Mint(random.Random(1))
    for turn in range(50):
        for kind in KINDS:
            mint.take(str(turn), kind)
    return mint


MINT = _minted()
SEARCH = Search(MINT.made.values())


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_canary_in_disguise_is_found(kind: str) -> None:
    canary = MINT.made["7", kind]
    text = canary.text
    dressed = {
        "plain": text,
        "in capitals": text.upper() if kind != "jwt" else text,
        "JSON": json.dumps({"a": [text]}),
        "JSON in JSON": json.dumps(json.dumps({"a": text})),
        "escaped": "".join(f"\\u{ord(letter):04x}" for letter in text),
        "in a URL": f"/x?y={quote(text, safe='')}",
        "base64": base64.b64encode(f"user:{text}".encode()).decode(),
        "base64 for URLs": base64.urlsafe_b64encode(f"xy{text}".encode()).decode(),
        "hexadecimal": text.encode().hex(),
        "zero-width": "\u200b".join(text),
        "full-width": "".join(chr(ord(c) + 0xFEE0) if c.isalnum() else c for c in text),
        "bytes": repr(text.encode()),
    }
    missed = [how for how, told in dressed.items() if canary not in SEARCH.find(f"a {told} b")]
    assert missed == []


@pytest.mark.parametrize("kind", sorted(KINDS - {"phone", "card", "ssn", "nhs", "iban"}))
def test_most_of_a_canary_is_found(kind: str) -> None:
    canary = MINT.made["7", kind]
    tell = canary.tells[-1]
    assert canary in SEARCH.find(f"x {tell[2 : 2 + max(10, len(tell) * 6 // 10)]}… y")


def test_numbers_are_as_their_issuers_make_them() -> None:
    for turn in range(50):
        stdnum.luhn.validate(MINT.take(str(turn), "card").replace(" ", ""))
        stdnum.iban.validate(MINT.take(str(turn), "iban"))
        stdnum.gb.nhs.validate(MINT.take(str(turn), "nhs"))
        stdnum.us.ssn.validate(MINT.take(str(turn), "ssn"))


def test_what_is_no_canary_is_not_found() -> None:
    code = [path.read_text("utf-8") for path in sorted((ROOT / "assistant" / "web").rglob("*.py"))]
    numbers = [f"2026-11-21T21:38:48.{n:06}Z took={n / 7} id=run_{n:024x}" for n in range(2_000)]
    assert SEARCH.find("\n".join(code + numbers)) == set()


def test_a_name_may_be_where_people_s_words_are_and_a_number_may_not() -> None:
    text = f"{MINT.take('7', 'name')} {MINT.take('7', 'card')}"
    open_to = leaks([Place("content", text, content=True)], MINT.made.values())
    assert [leak.split(":")[0] for leak in open_to] == ["card of turn '7', in content"]
    assert len(leaks([Place("log", text)], MINT.made.values())) == 2
    assert {"name", "said"} == NAMES


def test_errors_that_a_stream_tells_are_heard() -> None:
    heard = Heard()
    visit = Visit("x", "x", None, MINT, heard)  # type: ignore[arg-type]  # asks nothing
    visit.listen(
        200,
        {"Content-Type": "text/event-stream", "X-A": "in a header"},
        b'data: {"status": "streaming", "content": "theirs"}\n\n'
        b'data: {"status": "error", "detail": "ours", "content": ""}\n\n',
    )
    assert "ours" in heard.texts["errors in streams"][0]
    assert "theirs" not in str(heard.texts)
    assert "in a header" in heard.texts["response headers"][0]


@pytest.mark.long
@pytest.mark.no_cover
async def test_what_is_planted_in_a_place_is_found_there(tmp_path: Path) -> None:
    turns = [
        Turn(
            "planted", place, saying(f'[[tool: misbehave {{"how": "{place}", "said": "<name>"}}]]')
        )
        for place in PLANTED
    ]
    for place, said in (("error bodies", "body <name>"), ("response headers", "header <name>")):
        turns.append(Turn("planted", place, asking("GET", "/stats", headers={HEADER: said})))
    stand = Stand("INFO", "json")
    report = await perform(stand, tmp_path, turns, "tests.telemetry.canaries.leaky")
    found = {leak.split(":")[0] for leak in report.leaks}
    assert {f"name of turn '{turn.name}', in {turn.name}" for turn in turns} <= found
