"""What the files in deploy/monitoring ask Prometheus for."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "deploy" / "monitoring"
RULES = FOLDER / "hilum.rules.yml"


def dashboard() -> Any:  # noqa: ANN401 - JSON
    """Return the dashboard."""
    return json.loads((FOLDER / "hilum.dashboard.json").read_text())


def queries() -> list[str]:
    """Return what the panels of the dashboard ask for."""
    return [target["expr"] for panel in dashboard()["panels"] for target in panel["targets"]]


def names() -> set[str]:
    """Return every metric of ours that a rule or a panel names."""
    rules = re.findall(r"expr: (.*)", RULES.read_text())
    return {name for query in [*rules, *queries()] for name in re.findall(r"\bhilum_[a-z0-9_]+", query)}
