"""The folder that an evaluation leaves."""

from __future__ import annotations

import csv
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from domain.errors import Misconfigured
from domain.film import Unsuitable
from domain.findings import DISCLAIMER
from models.collection import BadRow, Collection, Trouble
from models.evaluation import report as papers
from models.evaluation.figures import Bootstrap
from models.evaluation.judge import Verdict
from models.evaluation.plots import PLOTS, draw, spread_of
from models.evaluation.summary import describe_model, summarise
from tests.fakes import MODEL
from tests.judged import COVID, NORMAL, PNEUMONIA, sure, verdict, verdicts

MODEL_REPORT = describe_model(MODEL)


def summary(found: list[Verdict]) -> dict:
    collection = Collection(
        place=Path("films/manifest.csv"),
        films=tuple(verdict.film for verdict in found),
        bad_rows=(BadRow(file="gone.png", label="NORMAL", trouble=Trouble.MISSING_FILE),),
    )
    return summarise(
        found, model=MODEL_REPORT, collection=collection, by=["licence"], bootstrap=Bootstrap(resamples=20)
    )


def mixed() -> list[Verdict]:
    there = verdicts((COVID, COVID, 6), (PNEUMONIA, sure(PNEUMONIA, 0.4), 2), source="<there & then>")
    return there + verdicts((NORMAL, NORMAL, 8), (NORMAL, COVID, 1), (PNEUMONIA, Unsuitable.NO_LUNGS, 1))


class Reader(HTMLParser):
    """Collects tags, what they refer to, and that they are closed."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "img", "source", "wbr", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def text() -> str:
    """The page about some mixed verdicts."""
    return papers.page(summary(mixed()))


@pytest.fixture(scope="module")
def page(text: str) -> Reader:
    """The page, parsed."""
    reader = Reader()
    reader.feed(text)
    return reader


def test_the_folder_holds_page_figures_verdicts_and_every_plot(tmp_path: Path) -> None:
    """metrics.json reads back as the very report, and nothing else lies in the folder."""
    found = mixed()
    report = summary(found)
    papers.write_report(tmp_path, report, found)
    plots = {f"{name}.png" for name in PLOTS}
    assert {path.name for path in tmp_path.iterdir()} == plots | {"report.html", "metrics.json", "predictions.csv"}
    assert json.loads((tmp_path / "metrics.json").read_text()) == report


def test_predictions_name_files_and_never_patients(tmp_path: Path) -> None:
    """One line a film, with probabilities or the reason of the refusal."""
    found = [
        verdict(COVID, sure(COVID), patient="SECRET"),
        verdict(NORMAL, Unsuitable.INVERTED),
        verdict(NORMAL, sure(NORMAL, 0.4)),
    ]
    papers.write_predictions(tmp_path / "p.csv", found)
    text = (tmp_path / "p.csv").read_text()
    assert "SECRET" not in text
    rows = list(csv.DictReader(text.splitlines()))
    assert [(row["p_COVID19"], row["named"], row["refused"]) for row in rows] == [
        ("0.800000", "COVID19", ""),
        ("", "", "inverted"),
        ("0.300000", "undetermined", ""),
    ]


def test_the_page_needs_nothing_from_outside(page: Reader) -> None:
    """No script, no style sheet, no picture or font from elsewhere: every reference is to itself or embedded."""
    assert not {tag for tag, _ in page.tags} & {"script", "link", "iframe", "object"}
    references = [attrs[key] or "" for _, attrs in page.tags for key in ("src", "srcset", "href") if key in attrs]
    assert {reference.split(",")[0] for reference in references if not reference.startswith("#")} == {
        "data:image/png;base64"
    }
    assert page.open == []


def test_every_plot_is_on_the_page_in_light_and_dark_with_a_description(page: Reader) -> None:
    """Every picture has an alternative text, every link a target, and every header cell a scope."""
    pictures = [attrs for tag, attrs in page.tags if tag == "img"]
    assert len(pictures) == len([tag for tag, _ in page.tags if tag == "source"]) == len(PLOTS)
    assert all(attrs["alt"] for attrs in pictures)
    assert all(attrs.get("scope") for tag, attrs in page.tags if tag == "th")
    targets = {attrs["id"] for _, attrs in page.tags if "id" in attrs}
    assert {(attrs["href"] or "")[1:] for tag, attrs in page.tags if tag == "a"} <= targets


def test_the_page_says_what_it_is_about_and_escapes_names(text: str) -> None:
    """Model, version, checksum, the warning, refusals in words, rows left out; a source's name can't be markup."""
    for part in (MODEL.name, MODEL.version, MODEL.sha256, DISCLAIMER, Unsuitable.NO_LUNGS.sentence, "gone.png"):
        assert part in text
    assert "&lt;there &amp; then&gt;" in text
    assert "<there" not in text


def test_the_sources_come_before_pooled_tables(text: str) -> None:
    """Pooled figures hide shortcuts, so the table by source is the first."""
    headings = re.findall(r"<h2>(.*?)</h2>", text)
    assert headings[0] == "Source by source"
    assert headings.index("Source by source") < headings.index("Class by class, all sources together")


@pytest.mark.parametrize(
    "found",
    [
        verdicts((NORMAL, NORMAL, 1)),
        verdicts((NORMAL, Unsuitable.UNREADABLE, 3)),
        verdicts((COVID, COVID, 2)),
        [verdict(NORMAL, NORMAL, fold=1), verdict(COVID, COVID, fold=2)],
    ],
    ids=["one film", "all refused", "one class", "folds"],
)
def test_the_page_stands_little_data(found: list[Verdict]) -> None:
    """One film, none classified, one class, or tiny folds give a page that says what is missing."""
    assert "</html>" in papers.page(summary(found))


def test_the_same_report_gives_the_same_picture() -> None:
    """Plots depend on nothing but the report."""
    report = summary(mixed())
    assert draw("roc", report) == draw("roc", report)


def test_any_name_of_a_source_can_be_drawn() -> None:
    """Neither a formula's signs nor letters that the font lacks stop a plot."""
    report = summary(verdicts((COVID, COVID, 2), (NORMAL, NORMAL, 2), source="$x_$ \u75c5\u9662"))
    assert all(draw(name, report).startswith(b"\x89PNG") for name in ("by_source", "scores", "operating"))


def test_certainty_is_not_claimed_from_agreeing_resamples() -> None:
    """Where all resamples say 0 %, the interval shown is Wilson's."""
    assert spread_of({"interval_95": [0.0, 0.0], "wilson_95": [0.0, 0.07]}) == (0.0, 0.07)
    assert spread_of({"interval_95": [0.1, 0.3], "wilson_95": [0.2, 0.25]}) == (0.1, 0.3)
    assert spread_of({"interval_95": None}) is None


def test_a_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    """A report never mixes with other files, but is written over an older report, or one that was broken off."""
    for _ in range(2):
        papers.open_folder(tmp_path / "new")
    (tmp_path / "new" / "notes.txt").write_text("mine")
    with pytest.raises(Misconfigured, match="holds other files"):
        papers.open_folder(tmp_path / "new")
    (tmp_path / "new" / "metrics.json").write_text("{}")
    papers.open_folder(tmp_path / "new")


def test_a_missing_toolkit_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever lacks matplotlib reads what to install."""
    monkeypatch.setattr(papers, "find_spec", lambda name: None if name == "matplotlib" else object())
    with pytest.raises(Misconfigured, match=r"need matplotlib, .*pip install 'hilum\[train\]'"):
        papers.require_toolkits()
