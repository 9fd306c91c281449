"""The papers that go with a network: its manifest for the program, its model card for people."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from importlib.resources import files as resources
from string import Template
from typing import TYPE_CHECKING, Any

from domain.findings import Label
from models.architecture import IMAGE_SIZE
from models.dataset import VALIDATION_SHARE
from models.evaluate import UNDETERMINED_BELOW
from models.package import CARD, MANIFEST, WEIGHTS
from models.preprocess import PREPROCESSING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from models.dataset import Film

_TEMPLATE = "card_template.md"
_COLUMNS = (
    "Films of",
    "Accuracy",
    "COVID19 found",
    "NORMAL found",
    "PNEUMONIA found",
    "False COVID19",
    "Macro AUROC",
    "Undetermined",
    "Accuracy of the rest",
    "False COVID19 left",
)


def write_papers(folder: Path, *, name: str, version: str, films: Sequence[Film], metrics: Mapping[str, Any]) -> None:
    """Write manifest and model card of the weights that lie in `folder`."""
    digest = hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    (folder / MANIFEST).write_text(_manifest(name, version, digest, films, metrics), encoding="utf-8")
    text = resources("models").joinpath(_TEMPLATE).read_text(encoding="utf-8")
    values = {"name": name, "version": version, "sha256": digest, "seed": metrics["seed"]}
    values |= {"threshold": UNDETERMINED_BELOW, **_compact_storage(metrics["compact_storage"])}
    values |= {"data": _data_table(films), "excluded": metrics["excluded_patients"]}
    values |= {"validation": _figures(metrics["validation"])}
    values |= {"unseen": _figures(metrics["unseen"]) if "unseen" in metrics else "Not measured.\n"}
    (folder / CARD).write_text(Template(text).substitute(values), encoding="utf-8")


def _manifest(name: str, version: str, digest: str, films: Sequence[Film], metrics: Mapping[str, Any]) -> str:
    lines = [
        f"name = {json.dumps(name)}",
        f"version = {json.dumps(version)}",
        f"sha256 = {json.dumps(digest)}",
        f"labels = {json.dumps(list(Label))}",
        f"undetermined_below = {UNDETERMINED_BELOW}",
        "",
        "[input]",
        f'shape = ["batch", {IMAGE_SIZE}, {IMAGE_SIZE}]',
        'type = "float32"',
        'values = "0 = black to 1 = white"',
        f"preprocessing = {json.dumps(PREPROCESSING)}",
        "",
        "[split]",
        f"validation_share = {VALIDATION_SHARE}",
        f"seed = {metrics['seed']}",
        'rule = "first 8 bytes of SHA-256(seed:patient) as a fraction of 2^64, below the share: validation"',
        "",
        "[films]  # training and validation together, by folder and class",
        *_counts(films),
        "",
        "[metrics]  # validation films, argmax of the probabilities; metrics.json has all of them",
        *_headline(metrics["validation"]),
    ]
    return "\n".join(lines) + "\n"


def _counts(films: Sequence[Film]) -> Iterable[str]:
    for (folder, label), count in sorted(Counter((film.folder, film.label) for film in films).items()):
        yield f"{folder}.{label} = {count}"


def _headline(validation: Mapping[str, Any]) -> Iterable[str]:
    yield f"macro_auroc = {validation['all']['macro_auroc']}"
    for folder, found in validation["by_folder"].items():
        yield f"{folder}.accuracy = {found['accuracy']['share']}"
        if found["false_covid19"]["of"]:
            yield f"{folder}.false_covid19 = {found['false_covid19']['share']}"


def _compact_storage(found: Mapping[str, Any]) -> dict[str, str]:
    return {"compact_films": str(found["films"]), "compact_change": f"{found['largest_change']:.1e}"}


def _data_table(films: Sequence[Film]) -> str:
    counts = Counter((film.folder, film.source, film.label, film.licence) for film in films)
    rows = [f"| {' | '.join(key)} | {count} |" for key, count in sorted(counts.items())]
    return "\n".join(["| Folder | Source | Class | Licence | Films |", "|---|---|---|---|---|", *rows]) + "\n"


def _figures(report: Mapping[str, Any]) -> str:
    groups = {"all": report["all"], **report["by_folder"]}
    header = f"| {' | '.join(_COLUMNS)} |"
    rows = [f"| {name} | {' | '.join(_figure_row(found))} |" for name, found in groups.items()]
    return "\n".join([header, "|---" * len(_COLUMNS) + "|", *rows]) + "\n"


def _figure_row(found: Mapping[str, Any]) -> list[str]:
    shares = [found["accuracy"], *(found["sensitivity"].get(label) for label in Label), found["false_covid19"]]
    area = found["macro_auroc"]
    rest = [found[key] for key in ("undetermined", "accuracy_when_determined", "false_covid19_when_determined")]
    return [*map(_share, shares), "-" if area is None else f"{area:.3f}", *map(_share, rest)]


def _share(found: Mapping[str, Any] | None) -> str:
    if not found or not found["of"]:
        return "-"
    low, high = (100 * bound for bound in found["interval_95"])
    return f"{100 * found['share']:.1f} % ({found['count']}/{found['of']}; {low:.0f} to {high:.0f})"
