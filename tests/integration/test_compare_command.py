"""`hilum models compare` at work on a real database."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine

from db.engine import connect
from hilum.cli import hilum
from tests.made_studies import MadeStudies

Command = Callable[..., Result]

# The shadow says NORMAL of every second study, else what the active network says; one it skipped.
SHADOW = """
INSERT INTO model_versions (name, version, sha256, undetermined_below) VALUES ('chest', '2.0.0', '2', 0.5);
INSERT INTO shadow_findings (findings_id, model_version_id, outcome, label, probabilities)
SELECT f.id, m.id, CASE f.id WHEN 10 THEN 'skipped' ELSE 'classified' END,
    CASE WHEN f.id = 10 THEN NULL WHEN f.id % 2 = 0 THEN 'NORMAL' ELSE f.label END,
    CASE WHEN f.id = 10 THEN NULL WHEN f.id % 2 = 0 THEN '{"COVID19": 0.2, "NORMAL": 0.7, "PNEUMONIA": 0.1}'::jsonb
        ELSE f.probabilities END
FROM findings AS f, model_versions AS m WHERE m.version = '2.0.0'
"""


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine for the database of the command."""
    engine = connect(database_url, role="test")
    yield engine
    engine.dispose()


@pytest.fixture
def command(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command, on an empty installation."""
    monkeypatch.setenv("HILUM_DATABASE__URL", database_url)
    monkeypatch.setenv("HILUM_HOME", str(tmp_path / "home"))
    return lambda *words: CliRunner().invoke(hilum, ["models", "compare", *words])


def fill(engine: Engine) -> None:
    """Make ten studies of two senders that are COVID-19 by the active network, and by the reports of the first six."""
    made, at = MadeStudies(engine), datetime.now(UTC) - timedelta(hours=2)
    for number in range(10):
        study = made.study(at, sender="XRAY1" if number < 5 else "XRAY2")
        made.result(study, at)
        if number < 6:
            made.report(study[0], at, covid19="present")
    made.run(SHADOW)


def test_without_a_shadow_there_is_nothing_to_compare(command: Command) -> None:
    """Which is no failure."""
    done = command()
    assert (done.exit_code, done.stdout) == (0, "No shadow has looked at a study whose result is of these days.\n")


def test_each_source_has_its_figures(command: Command, engine: Engine) -> None:
    """As JSON, with all of them last."""
    fill(engine)
    found = json.loads(command("--json").stdout)
    assert (found["networks"]["active"], found["networks"]["shadow"]) == ("chest-1.0.0", "chest-2.0.0")
    sources = [(one["scanner"], one["studies"], one["skipped"], one["agreement"]["count"]) for one in found["sources"]]
    assert sources == [("XRAY1", 5, 0, 3), ("XRAY2", 4, 1, 2), (None, 9, 1, 5)]
    covid19 = found["sources"][-1]["targets"]["COVID19"]
    assert (covid19["active"]["sensitivity"]["count"], covid19["shadow"]["sensitivity"]["count"]) == (6, 3)
    assert (covid19["only_active"], covid19["p_sensitivity"]) == ([3, 0], 0.25)


def test_the_table_says_the_same(command: Command, engine: Engine) -> None:
    """In words."""
    fill(engine)
    lines = command("--since", "1d").stdout.splitlines()
    start = lines.index("All: 9 studies, 1 skipped")
    assert lines[start + 1] == "  agreement 0.56 (5/9; 0.27 to 0.81), kappa 0.00"
    assert lines[start + 2].startswith("  COVID19    difference -0.311, SD ")
    assert any(line.strip() == "by chance: sensitivity p 0.250, specificity p 1.000" for line in lines[start:])


def test_only_results_of_the_time_count(command: Command, engine: Engine) -> None:
    """Those of two hours ago are not of the last hour."""
    fill(engine)
    assert json.loads(command("--since", "1h", "--json").stdout) == {"networks": None, "sources": []}
