"""The table of instruments: every label bounded, whatever names are made up."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from prometheus_client.parser import text_string_to_metric_families

from assistant.metrics import TABLE, clients, models, parts, work
from assistant.metrics.instruments import Counter, Gauge, Histogram, Instrument, Level, Total
from assistant.metrics.labels import closed, named
from assistant.telemetry.measures import Measures, open_metrics
from assistant.telemetry.traces.tally import Reason
from assistant.web.routes import ROUTES
from tests.conftest import MakeServer
from tests.processes import ROOT
from tests.telemetry.metrics_scene import prometheus_name, samples

MADE_UP = [f"made-up-{n}" for n in range(1_000)]


@pytest.fixture
def measures(no_blocking_calls: Any) -> Iterator[Measures]:
    no_blocking_calls.deactivate()
    with open_metrics() as opened:
        yield opened
    no_blocking_calls.activate()


def _series(measures: Measures) -> set[str]:
    return set(samples([measures.render("")[0].decode()]))


def _record(row: Instrument, labels: dict[str, str]) -> None:
    match row:
        case Counter() | Level():
            row.add(1, **labels)
        case Histogram():
            row.record(1, **labels)
        case _:
            assert isinstance(row, Gauge | Total)


def test_names_are_unique_dotted_and_explained() -> None:
    names = [row.name for row in TABLE]
    assert len(set(names)) == len(names)
    for row in TABLE:
        assert re.fullmatch(r"(assistant|gen_ai|http|db)(\.[a-z_]+)+", row.name), row.name
        assert row.description.endswith("."), row.name
        assert re.fullmatch(r"s|1|\{[a-z]+\}", row.unit), row.name
        assert list(row.buckets) == sorted(set(row.buckets)), row.name
        assert bool(row.buckets) == isinstance(row, Histogram), row.name


def test_what_is_made_up_adds_no_series(measures: Measures) -> None:
    for row in TABLE:
        _record(row, {label.word: "nobody knows this" for label in row.labels})
    before = _series(measures)
    for name in MADE_UP:
        for row in TABLE:
            _record(row, {label.word: name for label in row.labels})
    assert _series(measures) == before
    assert not any("made-up" in series for series in before)


def test_names_become_known_up_to_a_bound() -> None:
    label = named("tool", 3, "first")
    label.admit(MADE_UP)
    assert label.values == ("first", "made-up-0", "made-up-1")
    assert [label.bounded(name) for name in ("made-up-1", "made-up-2")] == ["made-up-1", "other"]
    for row in TABLE:
        assert all(0 < label.most <= 100 for label in row.labels), row.name
    assert closed("kind", "a", "b").bounded("c") == "other"


@pytest.mark.usefixtures("measures")
def test_a_label_that_is_not_in_the_table_is_a_fault() -> None:
    with pytest.raises(KeyError):
        work.CACHE.add(resultt="hit")


def test_nothing_is_recorded_while_nobody_measures() -> None:
    work.RUNS.add(persona="x", outcome="completed")
    with open_metrics() as measures, open_metrics() as same:
        assert same is measures
        # What is to be alerted on begins with 0, so that the first one is seen as an increase.
        zeros = samples([measures.render("")[0].decode()])
        assert zeros["assistant_run_takeovers_total{}"] == 0
        assert zeros["assistant_cache_lookups_total{result=hit}"] == 0
        assert not any(name.startswith("assistant_runs_total") for name in zeros)
    work.CACHE.add(result="hit")
    with open_metrics() as measures:
        again = samples([measures.render("")[0].decode()])
        assert again["assistant_cache_lookups_total{result=hit}"] == 0


def test_names_and_buckets_are_those_of_the_conventions(measures: Measures) -> None:
    for row in TABLE:
        _record(row, {label.word: (*label.values, "x")[0] for label in row.labels})
    families = {f.name: f for f in text_string_to_metric_families(measures.render("")[0].decode())}
    for name, first, last in (
        ("http_server_request_duration_seconds", "0.005", "10.0"),
        ("db_client_operation_duration_seconds", "0.001", "10.0"),
        ("gen_ai_client_operation_duration_seconds", "0.01", "81.92"),
        ("gen_ai_client_operation_time_to_first_chunk_seconds", "0.001", "10.0"),
        ("gen_ai_client_token_usage", "1.0", "6.7108864e+07"),
    ):
        bounds = [s.labels["le"] for s in families[name].samples if "le" in s.labels]
        assert float(bounds[0]) == float(first), name
        assert (float(bounds[-2]), bounds[-1]) == (float(last), "+Inf"), name
    assert {families[prometheus_name(row)].documentation for row in (work.RUNS, models.TOKENS)} == {
        work.RUNS.description,
        models.TOKENS.description,
    }


def test_a_bucket_holds_what_is_up_to_its_bound(measures: Measures) -> None:
    for value in (-1, 1, 1.5, 2, 1000, 1001):
        parts.FLUSH_ENTRIES.record(value)
    name = prometheus_name(parts.FLUSH_ENTRIES)
    families = {f.name: f for f in text_string_to_metric_families(measures.render("")[0].decode())}
    told = {s.labels.get("le", s.name): s.value for s in families[name].samples}
    assert [told[bound] for bound in ("1", "2", "5", "500", "1000", "+Inf")] == [2, 4, 4, 4, 5, 6]
    assert (told[f"{name}_count"], told[f"{name}_sum"]) == (6, 2005.5)


def test_codes_in_the_source_are_known_to_the_table() -> None:
    """Every code that a run can fail by, by where it is given to `RunFailed` or a model's fault."""
    codes = set()
    for file in ("engine/faults.py", "worker/attempt.py"):
        for node in ast.walk(ast.parse((ROOT / "assistant" / file).read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                given = node.args[:1]
                if node.func.id in {"RunFailed", "_fault"} and isinstance(given[0], ast.Constant):
                    codes.add(given[0].value)
    assert len(codes) > 10
    assert codes <= set(work.ERROR.values)
    reasons = next(label for label in parts.DROPPED.labels if label.word == "reason")
    assert set(get_args(Reason)) <= set(reasons.values)


async def test_strangers_cannot_add_series(make_server: MakeServer) -> None:
    http = await make_server()

    async def series() -> set[str]:
        async with http.get("/metrics") as response:
            assert response.status == 200
            return set(samples([await response.text()]))

    async def ask(name: str) -> None:
        for path, verb, body in (
            (f"/{name}", "GET", None),
            ("/chat", "PROPFIND", None),
            ("/chat", "POST", {"message": "hello", "persona_type": name}),
            ("/chat", "POST", {"message": "hello", "model": name}),
            (f"/runs/{name}", "GET", None),
        ):
            async with http.request(verb, path, json=body) as response:
                assert response.status in {400, 404, 405}, (path, verb)

    await ask("nobody")
    await series()
    before = await series()
    for name in MADE_UP[:200]:
        await ask(name)
    # Looked at twice a second, from the start on.
    assert {name for name in await series() - before if "event_loop" not in name} == set()
    assert {row.path for row in ROUTES} <= set(clients.ROUTE.values)
