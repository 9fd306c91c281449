"""The files for those who watch: alerts and a dashboard."""

from __future__ import annotations

import json
import subprocess
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from tests.peers import PROMTOOL, require
from tests.watching import FOLDER, RULES, dashboard, queries

pytestmark = pytest.mark.peers


def promtool(*arguments: object) -> str:
    """Return what it has to say against something; nothing, if it is right."""
    require(PROMTOOL)
    done = subprocess.run([PROMTOOL, *map(str, arguments)], check=False, capture_output=True, text=True)
    return done.stdout + done.stderr if done.returncode else ""


def test_prometheus_understands_the_alerts() -> None:
    """Every expression and every template of them."""
    assert promtool("check", "rules", RULES) == ""


def test_alerts_come_when_they_should_and_not_before() -> None:
    """Promtool plays the stories in the file beside them."""
    assert promtool("test", "rules", FOLDER / "hilum.rules.test.yml") == ""


def test_prometheus_understands_every_query_of_the_dashboard(tmp_path: Path) -> None:
    """Each as if it were a rule; Grafana puts the interval in."""
    rules = [
        {"record": f"panel:{number}", "expr": query.replace("$__rate_interval", "5m")}
        for number, query in enumerate(queries())
    ]
    file = tmp_path / "rules.yml"
    file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))  # JSON is YAML
    assert promtool("check", "rules", file) == ""


def test_the_panels_of_the_dashboard_do_not_hide_each_other() -> None:
    """Each has its place, a name of its own, and asks the chosen source."""
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == len(panels)
    assert not any(overlap(one["gridPos"], other["gridPos"]) for one, other in combinations(panels, 2))
    sources = {target["datasource"]["uid"] for panel in panels for target in panel["targets"]}
    assert sources == {"${datasource}"} == {f"${{{one['name']}}}" for one in dashboard()["templating"]["list"]}


def overlap(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two panels share a cell of the grid of 24 columns."""
    assert one["x"] + one["w"] <= 24
    beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
    below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
    return not (beside or below)
