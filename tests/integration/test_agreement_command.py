"""`hilum agreement` at work on a real database."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, text

from db.engine import connect, transaction
from hilum.cli import hilum

Command = Callable[..., Result]

# Twelve studies of two scanners, in two weeks: of PNEUMONIA 4 both, 1 network only, 1 reader only, 4 neither; one is
# not said, one has no answer of the network. One report more found no study.
FILL = """
INSERT INTO model_versions (name, version, sha256, undetermined_below) VALUES ('n', '1', 's', 0.5);
INSERT INTO report_messages (sender, control_id, digest, unknown, received_at) VALUES ('R', 'M', 'd', 1, '2026-01-06');
INSERT INTO studies (study_instance_uid) SELECT '2.25.' || n FROM generate_series(1, 12) AS n;
INSERT INTO series (study_id, series_instance_uid, modality) SELECT id, study_instance_uid || '.1', 'DX' FROM studies;
INSERT INTO instances
    (series_id, sop_instance_uid, sop_class_uid, transfer_syntax_uid, digest, size_bytes, path, calling_ae_title)
SELECT id, series_instance_uid || '.1', '1', '1', 'd', 1, 'p', 'XRAY' || 1 + study_id % 2 FROM series;
INSERT INTO findings (study_id, model_version_id, input_digest, outcome, label, probabilities)
SELECT studies.id, model_versions.id, 'd', CASE WHEN studies.id = 12 THEN 'undetermined' ELSE 'classified' END,
    CASE WHEN studies.id <= 5 THEN 'PNEUMONIA' WHEN studies.id < 12 THEN 'NORMAL' END, '{}'
FROM studies, model_versions;
INSERT INTO assessments (study_id, source, covid19, pneumonia, normal, basis, message_id, reported_at)
SELECT studies.id, 'ris', 'not-said',
    CASE WHEN studies.id IN (1, 2, 3, 4, 6, 12) THEN 'present' WHEN studies.id = 11 THEN 'not-said' ELSE 'absent' END,
    'not-said', 'keyword', m.id, timestamptz '2026-01-05' + studies.id / 7 * interval '7 days'
FROM studies, report_messages AS m;
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

    def call(*arguments: str) -> Result:
        return CliRunner().invoke(hilum, ["agreement", *arguments])

    return call


def fill(engine: Engine) -> None:
    with transaction(engine) as connection:
        connection.execute(text(FILL))


def test_where_nothing_came_that_is_said(command: Command) -> None:
    """And is no failure."""
    done = command()
    assert (done.exit_code, done.stdout) == (0, "No final report of a study that is here came in these days.\n")


def test_the_table_has_each_share_with_its_counts_and_interval(command: Command, engine: Engine) -> None:
    """For all of them last."""
    fill(engine)
    lines = command("--from", "2026-01-01", "--to", "2026-01-31").stdout.splitlines()
    start = lines.index("All: 12 studies with a report, 1 undetermined by the network")
    assert lines[start + 3].split("  ")[1:] == [
        "PNEUMONIA",
        "sensitivity 0.80 (4/5; 0.38 to 0.96)",
        "ppv 0.80 (4/5; 0.38 to 0.96)",
        "agreement 0.80 (8/10; 0.49 to 0.94)",
    ]
    assert lines[start + 4].strip().split("; ") == [
        "both 4, network only 1, reader only 1, neither 4",
        "reader undetermined 0",
        "not said 1, of these named by the network 0",
        "no answer of the network to 1 present, 0 absent",
    ]
    assert lines[start + 1].startswith("  COVID19    sensitivity - (0/0)")
    assert lines[-1] == "Reports without a study: 1 unknown here, 0 ambiguous"


@pytest.mark.parametrize(
    ("grouping", "expected"),
    [
        ("scanner", [("XRAY1", None, 6), ("XRAY2", None, 6)]),
        ("week", [(None, "2026-W02", 6), (None, "2026-W03", 6)]),
        (
            "both",
            [("XRAY1", "2026-W02", 3), ("XRAY1", "2026-W03", 3), ("XRAY2", "2026-W02", 3), ("XRAY2", "2026-W03", 3)],
        ),
    ],
)
def test_groups_are_those_that_were_asked_for(
    command: Command, engine: Engine, grouping: str, expected: list[tuple[str | None, str | None, int]]
) -> None:
    """As JSON, with all of them last."""
    fill(engine)
    done = json.loads(command("--from", "2026-01-01", "--to", "2026-01-31", "--by", grouping, "--json").stdout)
    *groups, everything = [(one["scanner"], one["week"], one["studies"]) for one in done["groups"]]
    assert (groups, everything) == (expected, (None, None, 12))
    assert (done["by"], done["unmatched"]) == (grouping, {"unknown": 1, "ambiguous": 0})


def test_only_reports_of_the_days_count(command: Command, engine: Engine) -> None:
    """The last day with all its hours."""
    fill(engine)
    found = json.loads(command("--from", "2026-01-05", "--to", "20260111", "--json").stdout)
    assert (found["from"], found["to"], found["groups"][-1]["studies"]) == ("2026-01-05", "2026-01-11", 6)


def test_days_in_the_wrong_order_are_refused(command: Command) -> None:
    """Before the database is asked."""
    done = command("--from", "2026-02-01", "--to", "2026-01-01")
    assert (done.exit_code, "--from lies after --to" in done.stderr) == (2, True)
