"""The papers of a network: what its manifest says of the training, and the model card for people."""

from __future__ import annotations

from collections import Counter
from importlib.resources import files as resources
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from domain.findings import Label

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from models.collection import LabelledFilm
    from models.evaluation.figures import Report
    from models.training.recipes import Recipe

_TEMPLATE = "card_template.md"
_COLUMNS = (
    "Films of",
    "Films",
    "Accuracy",
    *(f"{label} found" for label in Label),
    "False COVID19",
    "False COVID19 named",
    "Undetermined",
    "Refused",
    "AUROC of pneumonia",
    "Macro AUROC",
    "ECE",
)
NOT_MEASURED = "Not measured.\n"


def card(values: Mapping[str, str]) -> str:
    """Return the model card; `values` fills every place of the template."""
    return Template(resources("models").joinpath(_TEMPLATE).read_text(encoding="utf-8")).substitute(values)


def licence_of(film: LabelledFilm) -> str:
    """Return the licence that the film's manifest states."""
    return film.columns.get("licence", "not stated")


def data_table(films: Sequence[LabelledFilm], lungs_only: Mapping[str, int]) -> str:
    """Return how many films of each source, class and licence a network has learned from or was watched on."""
    counts = Counter((film.source, str(film.label), licence_of(film)) for film in films)
    rows = [
        f"| {source} | {label} | {licence} | {count} |" for (source, label, licence), count in sorted(counts.items())
    ]
    rows += [
        f"| {group} | lungs alone | see their collection | {count} |" for group, count in sorted(lungs_only.items())
    ]
    return "\n".join(["| Source | Class | Licence | Films |", "|---|---|---|---|", *rows]) + "\n"


def figures_table(groups: Mapping[str, Report]) -> str:
    """Return the figures of some groups of films, by name, with their intervals."""
    rows = [f"| {name} | {' | '.join(_row(found))} |" for name, found in groups.items()]
    return "\n".join([f"| {' | '.join(_COLUMNS)} |", "|---" * len(_COLUMNS) + "|", *rows]) + "\n"


def lungs_table(figures: Report) -> str:
    """Return what `models.lungs.report` measured of the lung network on patients and series that were held out."""
    dice = figures["dice"]["all"]
    rows = [f"| Dice with the masks given | {dice['films']} | {_number(dice)} |"]
    for key, name in (
        ("frontal_films_kept", "Frontal films kept"),
        ("not_eligible_refused", "Laterals and CT slices refused"),
        ("made_up_refused", "Made-up pictures refused"),
    ):
        found = figures[key]["verdict"]
        rows.append(f"| {name} | {found['of']} | {_share(found)} |")
    return "\n".join(["| What | Pictures | Figure |", "|---|---|---|", *rows]) + "\n"


def headline(report: Report) -> dict[str, Any]:
    """Return the few figures that a manifest repeats."""
    found = report["all"]
    return {
        "films": found["films"],
        "accuracy": found["likeliest"]["accuracy"]["value"],
        "covid19_sensitivity": found["likeliest"]["sensitivity"][Label.COVID19]["value"],
        "false_covid19": found["likeliest"]["false_covid19"]["value"],
        "macro_auroc": found["auroc"]["macro"]["value"],
        "calibration_error": found["calibration_error"]["value"],
    }


def recipe_sentence(recipe: Recipe, architecture: str, weights: str) -> str:
    """Return how the network was trained, in a sentence."""
    other = f"the weights of {Path(weights).name}" if Path(weights).is_dir() else "weights of its owner's choice"
    start = {"imagenet": "ImageNet weights", "none": "random weights"}.get(weights, other)
    balance = "films drawn alike" if recipe.balance is None else f"class and source balanced ({recipe.balance})"
    frozen = f"the first {recipe.frozen_layers} layers fixed, " if recipe.frozen_layers else ""
    return (
        f"Recipe `{recipe.name}`: {architecture} from {start}, {recipe.epochs} epochs of "
        f"{recipe.steps or 'all films in'} batches of {recipe.batch}, learning rate {recipe.learning_rate:g} "
        f"({recipe.schedule}), {frozen}{balance}, label smoothing {recipe.label_smoothing:g}."
    )


def _row(found: Report) -> list[str]:
    likeliest = found["likeliest"]
    shares = [
        likeliest["accuracy"],
        *(likeliest["sensitivity"][label] for label in Label),
        likeliest["false_covid19"],
        found["all"]["false_covid19"],
        found["undetermined"],
        found["refused"],
    ]
    plain = [_number(found["auroc"][name]) for name in (Label.PNEUMONIA, "macro")]
    plain.append(_number(found["calibration_error"]))
    return [str(found["films"]), *map(_share, shares), *plain]


def _share(found: Report) -> str:
    if found["value"] is None:
        return "-"
    return f"{100 * found['value']:.1f} %{_bounds(found, 100)}"


def _number(found: Report) -> str:
    return "-" if found["value"] is None else f"{found['value']:.3f}{_bounds(found, 1)}"


def _bounds(found: Report, scale: int) -> str:
    """Return the interval in brackets; Wilson's where no patient ever differed, so that resampling can't tell."""
    bounds = found.get("interval_95")
    if bounds is None or bounds[0] == bounds[1]:
        bounds = found.get("wilson_95")
    if bounds is None:
        return ""
    digits = 0 if scale > 1 else 3
    return f" ({scale * bounds[0]:.{digits}f} to {scale * bounds[1]:.{digits}f})"
