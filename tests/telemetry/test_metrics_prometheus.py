"""Alert rules, dashboard and scrape configuration, as Prometheus itself reads them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import aiohttp
import pytest
import yaml
from prometheus_client import CollectorRegistry, ProcessCollector

from assistant.metrics import TABLE
from assistant.web.identity import new_key
from tests import client, processes
from tests.conftest import DATA
from tests.telemetry.metrics_scene import prometheus_name
from tests.telemetry.prometheus import CONFIG, expressions, names_in, prometheus, query
from tests.telemetry.promtool import checked, promtool

needs_prometheus = [
    pytest.mark.prometheus,
    pytest.mark.skipif(
        promtool() is None or shutil.which("prometheus") is None,
        reason="needs Prometheus and promtool: apt-get install prometheus, as root",
    ),
]


@pytest.fixture(autouse=True)
def no_blocking_calls() -> None:
    """Watch nothing: the servers are processes of their own here."""


def test_only_metrics_of_the_table_are_asked_for() -> None:
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    process = {family.name for family in registry.collect()}
    known = {prometheus_name(row) for row in TABLE}
    asked = {name for expression in expressions() for name in names_in(expression)}
    assert len(asked) > 20
    assert asked - known - {name.removesuffix("_total") for name in process} == set()
    # What nobody looks at need not be measured.
    assert known - asked == set()


def test_every_alert_says_what_to_do() -> None:
    rules = yaml.safe_load((CONFIG / "alerts.yaml").read_text("utf-8"))
    for rule in (rule for group in rules["groups"] for rule in group["rules"]):
        assert rule["alert"].startswith("Assistant")
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert set(rule["annotations"]) == {"summary", "description", "runbook"}, rule["alert"]
        assert len(rule["annotations"]["runbook"]) > 80, rule["alert"]


def test_what_is_mounted_is_there_and_the_dashboard_has_its_source() -> None:
    services = yaml.safe_load((CONFIG / "compose.metrics.yaml").read_text("utf-8"))["services"]
    mounts = [each.split(":")[0] for name in services for each in services[name]["volumes"]]
    files = [CONFIG / each for each in mounts if each.startswith("./")]
    assert len(files) == 5
    assert [file for file in files if not file.is_file()] == []
    (source,) = yaml.safe_load((CONFIG / "grafana" / "source.yaml").read_text())["datasources"]
    dashboard = json.loads((CONFIG / "grafana" / "assistant.json").read_text("utf-8"))
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    assert {panel["datasource"]["uid"] for panel in panels} == {source["uid"]}
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])


class TestWithPrometheus:
    pytestmark = needs_prometheus

    async def test_promtool_takes_the_rules_and_the_configuration(self, tmp_path: Path) -> None:
        rules = str(CONFIG / "alerts.yaml")
        assert await checked("check", "rules", rules) == ""
        config = str(CONFIG / "prometheus.yml")
        assert await checked("check", "config", "--syntax-only", config) == ""
        text = (DATA / "alerts_test.yaml").read_text("utf-8").replace("ALERTS\n", f"{rules}\n", 1)
        (tmp_path / "test.yaml").write_text(text)
        assert await checked("test", "rules", str(tmp_path / "test.yaml")) == ""

    async def test_every_alert_is_tested(self) -> None:
        rules = yaml.safe_load((CONFIG / "alerts.yaml").read_text("utf-8"))
        alerts = [rule["alert"] for group in rules["groups"] for rule in group["rules"]]
        text = (DATA / "alerts_test.yaml").read_text("utf-8")
        assert all(text.count(alert) == 2 for alert in alerts), "once quiet, once called for"

    @pytest.mark.long
    async def test_prometheus_scrapes_and_answers(self, tmp_path: Path) -> None:
        key, entry = new_key("prometheus", ["operator"], None)
        keys = tmp_path / "keys.yaml"
        keys.write_text(
            yaml.safe_dump({"keys": [entry.model_dump(mode="json", exclude_none=True)]})
        )
        settings = {"AUTH_MODE": "api_key", "API_KEYS_FILE": keys}
        async with (
            processes.server(tmp_path / "server", **settings) as server,
            aiohttp.ClientSession(server.url, headers={"X-API-Key": key}) as http,
        ):
            assert await client.chat(http, "hello")
            nobody = {"X-API-Key": ""}
            async with http.get("/metrics", headers=nobody) as response:
                assert response.status == 401
            async with prometheus(tmp_path / "prometheus", server.url, key) as api:
                (runs,) = await query(api, "sum by (persona) (assistant_runs_total)")
                assert (runs["metric"], runs["value"][1]) == ({"persona": "web_assistant"}, "1")
                (kept,) = await query(api, "count(scrape_samples_scraped)")
                assert kept["value"][1] == "1"
                for expression in expressions():
                    await query(api, expression)
                assert await query(api, 'ALERTS{alertstate="firing"}') == []
