from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from domain.errors import Misconfigured
from hilum.cli import hilum
from hilum.progress import progress
from hilum.train_lungs import _summary
from tests.lung_films import draw_lung_collection

if TYPE_CHECKING:
    from pathlib import Path


def test_help_says_what_is_written() -> None:
    """The command's help names its files, and that a fifth of the patients is held out."""
    text = CliRunner().invoke(hilum, ["train-lungs", "--help"]).output
    assert "lungs.weights.npz" in text
    assert "A fifth of the patients is held out" in text


def test_missing_masks_are_told_in_a_sentence(tmp_path: Path) -> None:
    """A folder of masks that is not there ends the command with an error that names it."""
    pytest.importorskip("keras", reason="training needs more packages: pip install 'hilum[train]'")
    films = draw_lung_collection(tmp_path, count=3).films
    options = {"--films": films, "--masks": tmp_path / "nowhere", "--out": tmp_path / "out"}
    words = [str(word) for pair in options.items() for word in pair]
    error = CliRunner().invoke(hilum, ["train-lungs", *words]).exception
    assert isinstance(error, Misconfigured)
    assert "nowhere is no folder" in str(error)
    assert not (tmp_path / "out").exists()


def test_the_summary_gives_intervals_and_counts() -> None:
    """What is printed at the end: Dice with its interval, and counts, also where there was nothing to count."""
    none = {"verdict": {"count": 0, "of": 0}}
    figures = {
        "dice": {"all": {"films": 40, "value": 0.95, "interval_95": [0.94, 0.96]}},
        "frontal_films_kept": {"verdict": {"count": 49, "of": 50}},
        "not_eligible_refused": none,
        "made_up_refused": {"verdict": {"count": 700, "of": 700}},
    }
    assert _summary(figures).splitlines() == [
        "Dice of 40 films held out: 0.950 (95 %: 0.940 to 0.960)",
        "frontal films kept: 49 of 50",
        "other pictures refused: there were none",
        "made-up pictures refused: 700 of 700",
    ]


def test_without_a_terminal_progress_is_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """About twenty lines a stage go to standard error, the last one with the figures."""
    with progress({"loss": "loss"}) as tell:
        for done in range(1, 201):
            tell("train", done, 200, {"loss": 1 / done, "other": 3})
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 20
    assert lines[-1] == "train 200/200 loss 0.005"
