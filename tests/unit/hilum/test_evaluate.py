"""`hilum evaluate` from the command line to the report, with a network that reads grey."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from domain.errors import Misconfigured
from domain.findings import Label
from hilum import bootstrap, train
from hilum.cli import hilum
from tests.judged import GREYS, GreyReader

STRIPES = np.tile(np.array([0, 8], dtype=np.uint8), (64, 32))
"""Contrast enough to be no blank film."""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Twelve films of each class from two sources, with a manifest; one pneumonia looks like COVID-19."""
    rows = ["file,label,source,sex,patient_id"]
    for label, grey in GREYS.items():
        for number in range(12):
            shown = GREYS[Label.COVID19] if label is Label.PNEUMONIA and number == 0 else grey
            name = f"{label}-{number}.png"
            Image.fromarray(STRIPES + np.uint8(255 * shown)).save(tmp_path / name)
            rows.append(f"{name},{label},{'ab'[number % 2]},{'MF'[number // 6]},patient-{label}-{number // 2}")
    file = tmp_path / "films.csv"
    file.write_text("\n".join(rows))
    return file


@pytest.fixture(autouse=True)
def _grey_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """The network in use reads grey."""
    monkeypatch.setattr(bootstrap, "classifier", lambda _settings, _model=None: GreyReader())


def evaluate(data: Path, *more: str | Path) -> Result:
    words = ["evaluate", "--data", data, "--out", data.parent / "out", "--bootstrap", "20", *more]
    return CliRunner().invoke(hilum, list(map(str, words)))


def test_a_report_comes_out(data: Path) -> None:
    """The table shows every source and where the report lies; metrics.json has the groups that were asked for."""
    result = evaluate(data, "--by", "sex")
    assert result.exit_code == 0, result.output
    assert "all together" in result.output
    assert str(data.parent / "out" / "report.html") in result.output
    report = json.loads((data.parent / "out" / "metrics.json").read_text())
    assert list(report["by"]) == ["source", "sex"]
    assert report["all"]["all"]["accuracy"]["count"] == 35
    assert report["by"]["source"]["a"]["all"]["false_covid19"]["count"] == 1
    assert report["data"]["patients"] == 18
    assert "patient-" not in "".join(path.read_text() for path in (data.parent / "out").glob("*.[jch]*"))


def test_json_prints_the_figures(data: Path) -> None:
    """With --json the output is what metrics.json holds."""
    result = CliRunner().invoke(
        hilum, ["evaluate", "--data", str(data), "--out", str(data.parent / "out"), "--bootstrap", "0", "--json"]
    )
    assert json.loads(result.stdout) == json.loads((data.parent / "out" / "metrics.json").read_text())


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--by", "hospital"], "no such column; there are folder, sex, source"),
        (["--by", "patient_id"], "no such column"),
    ],
)
def test_an_unknown_column_is_refused_before_the_work(data: Path, words: Sequence[str], says: str) -> None:
    """The error names the columns there are, and patients are none."""
    result = evaluate(data, *words)
    assert isinstance(result.exception, Misconfigured)
    assert says in str(result.exception)
    assert not (data.parent / "out").exists()


def test_bad_rows_stop_the_work_unless_they_are_to_be_skipped(data: Path) -> None:
    """With --skip-bad-rows they are named in the report instead."""
    data.write_text(data.read_text() + "\ngone.png,NORMAL,a,M,p\nNORMAL-1.png,OTHER,a,M,p\n")
    refused = evaluate(data)
    assert "file missing (1): gone.png" in str(refused.exception)
    assert evaluate(data, "--skip-bad-rows").exit_code == 0
    report = json.loads((data.parent / "out" / "metrics.json").read_text())
    assert len(report["data"]["left_out"]) == 2


def test_a_column_of_single_values_is_no_grouping(data: Path) -> None:
    """A column with a value of its own for every film is refused."""
    lines = data.read_text().splitlines()
    wide = [f"{lines[0]},serial", *(f"{line},{n}" for n, line in enumerate(lines[1:] * 2))]
    data.write_text("\n".join(wide[:37]))
    for number in range(20):
        name = f"more-{number}.png"
        (data.parent / name).write_bytes((data.parent / "NORMAL-1.png").read_bytes())
        data.write_text(data.read_text() + f"\n{name},NORMAL,a,M,q{number},m{number}")
    assert "too many to group by" in str(evaluate(data, "--by", "serial").exception)


def test_folds_train_networks_and_pool_their_verdicts(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every film is judged once; the report gives the spread over the folds."""
    monkeypatch.setattr(train, "fold_trainer", lambda *_, **__: lambda *_: GreyReader())
    result = evaluate(data, "--folds", "3", "--architecture", "grey")
    assert result.exit_code == 0, result.output
    report = json.loads((data.parent / "out" / "metrics.json").read_text())
    assert report["data"]["films"] == 36
    assert list(report["folds"]["by_fold"]) == ["1", "2", "3"]


@pytest.mark.parametrize("words", [["--folds", "3"], ["a-model", "--folds", "3", "--architecture", "x"]])
def test_folds_take_an_architecture_and_no_model(data: Path, words: Sequence[str]) -> None:
    """A model that is fixed can't be cross-validated."""
    result = evaluate(data, *words)
    assert result.exit_code == 2
    assert "give --architecture and no MODEL" in result.output
