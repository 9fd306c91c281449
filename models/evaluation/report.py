"""The folder that an evaluation leaves: a page for people, the figures for programs, every verdict, and the plots."""

from __future__ import annotations

import base64
import csv
import json
from importlib.resources import files as resources
from importlib.util import find_spec
from typing import TYPE_CHECKING

from domain.errors import Misconfigured
from domain.film import Unsuitable
from domain.findings import DISCLAIMER, Label
from models.evaluation.plots import DARK, LIGHT, PLOTS, draw, spread_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from models.evaluation.figures import Report
    from models.evaluation.judge import Verdict

METRICS = "metrics.json"
PREDICTIONS = "predictions.csv"
PAGE = "report.html"
FOLDS = "folds"
"""Folder below the report's where the trainings of a cross-validation keep what they need."""
_TEMPLATE = "report.html.j2"
_TOOLKITS = ("matplotlib", "jinja2")
_COLUMNS = ("file", "label", "source", *(f"p_{label}" for label in Label), "named", "refused", "fold")
_AIMS = {
    "model": "the model's own rule",
    "sensitivity-90": "finds 90 % of COVID-19 films",
    "sensitivity-95": "finds 95 % of COVID-19 films",
    "sensitivity-98": "finds 98 % of COVID-19 films",
    "false-calls-1": "at most 1 % false calls",
    "false-calls-5": "at most 5 % false calls",
}


def require_toolkits() -> None:
    """Insist that plots can be drawn, before long work begins.

    Raises:
        Misconfigured: the extra `train` is not installed.
    """
    missing = [name for name in _TOOLKITS if find_spec(name) is None]
    if missing:
        raise Misconfigured(
            f"reports need {' and '.join(missing)}, which the extra `train` brings: pip install 'hilum[train]'"
        )


def open_folder(folder: Path) -> None:
    """Make the folder of the report; one that holds an older report is written over.

    Raises:
        Misconfigured: it can't be made or written, or holds other things, which a report must not mix with.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        names = {path.name for path in folder.iterdir()}
        others = sorted(names - {PAGE, PREDICTIONS, FOLDS, *(f"{name}.png" for name in PLOTS)})
        if others and METRICS not in names:
            raise Misconfigured(f"{folder} holds other files ({others[0]}); name an empty or new folder for the report")
        (folder / PREDICTIONS).touch()
    except OSError as error:
        raise Misconfigured(f"{folder} can't be written: {error.strerror}") from error


def write_report(folder: Path, report: Report, verdicts: Sequence[Verdict]) -> Path:
    """Write figures, verdicts, plots and page into an existing folder; return the page's path.

    Raises:
        Misconfigured: the folder can't be written.
    """
    try:
        (folder / METRICS).write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        write_predictions(folder / PREDICTIONS, verdicts)
        for name in PLOTS:
            (folder / f"{name}.png").write_bytes(draw(name, report))
        (folder / PAGE).write_text(page(report), encoding="utf-8")
    except OSError as error:
        raise Misconfigured(f"{folder} can't be written: {error.strerror}") from error
    return folder / PAGE


def write_predictions(file: Path, verdicts: Sequence[Verdict]) -> None:
    """Write one line per film: its label, the probabilities, and the class named or the reason of the refusal."""
    with file.open("w", newline="", encoding="utf-8") as target:
        table = csv.writer(target, lineterminator="\n")
        table.writerow(_COLUMNS)
        table.writerows(_line(verdict) for verdict in verdicts)


def page(report: Report) -> str:
    """Return the report as one HTML page that needs nothing else: no script, no other file, no network."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"percent": percent, "spread": spread, "number": number}
    template = environment.from_string(resources("models.evaluation").joinpath(_TEMPLATE).read_text(encoding="utf-8"))
    pictures = {
        name: {"light": _embedded(draw(name, report, LIGHT)), "dark": _embedded(draw(name, report, DARK))}
        for name in PLOTS
    }
    reasons = {reason: Unsuitable(reason).sentence for reason in report["refused_reasons"]}
    return template.render(
        report=report,
        labels=list(Label),
        disclaimer=DISCLAIMER,
        pictures=pictures,
        aims=_AIMS,
        reasons=reasons,
    )


def percent(found: Report) -> str:
    """Return a figure as a percentage, a dash where there is none."""
    return "-" if found["value"] is None else f"{100 * found['value']:.1f} %"


def number(found: Report) -> str:
    """Return a figure with three decimals, a dash where there is none."""
    return "-" if found["value"] is None else f"{found['value']:.3f}"


def spread(found: Report, scale: int = 100) -> str:
    """Return the interval of a figure: in percent, or with three decimals where `scale` is 1; empty where none."""
    bounds = spread_of(found)
    if bounds is None or found["value"] is None:
        return ""
    form = "{:.1f}" if scale > 1 else "{:.3f}"
    return " to ".join(form.format(scale * bound) for bound in bounds)


def _line(verdict: Verdict) -> list[str]:
    found = verdict.probabilities
    values = [""] * len(Label) if found is None else [f"{value:.6f}" for value in found.as_dict().values()]
    named = verdict.named or ("undetermined" if verdict.refused is None else "")
    fold = "" if verdict.fold is None else str(verdict.fold)
    return [
        verdict.film.file,
        verdict.film.label,
        verdict.film.source,
        *values,
        named,
        verdict.refused or "",
        fold,
    ]


def _embedded(picture: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(picture).decode('ascii')}"
