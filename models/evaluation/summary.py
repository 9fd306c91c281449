"""Everything an evaluation found, as one report that JSON can hold: what plots and pages are drawn from."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from domain.findings import Label
from models.evaluation.curves import frontier, operating_points, roc
from models.evaluation.figures import Bootstrap, Report, measure
from models.evaluation.judge import COVID19, LABELS, REFUSED, Outcomes
from models.evaluation.metrics import reliability

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from domain.findings import ModelVersion
    from models.collection import Collection
    from models.evaluation.judge import Verdict

SCHEMA = 1
"""Raised when a key of the report changes its meaning or goes."""
SOURCE = "source"
_HISTOGRAM_BINS = 20
_MOST_MISTAKES = 20
_LEAST_FILMS = 20
"""Films a source needs to be called the worst: below it, chance decides."""


def summarise(
    verdicts: Sequence[Verdict],
    *,
    model: Report,
    collection: Collection,
    by: Sequence[str] = (),
    bootstrap: Bootstrap | None = None,
) -> Report:
    """Return the whole report about some verdicts; by source always, and by other columns of the manifest as asked."""
    bootstrap = bootstrap or Bootstrap()
    outcomes = Outcomes.of(verdicts)
    sources = [verdict.film.source for verdict in verdicts]
    columns = dict.fromkeys([SOURCE, *by])
    known = outcomes.named != REFUSED
    report: Report = {
        "schema": SCHEMA,
        "model": model,
        "data": describe(collection, verdicts),
        "bootstrap": {"resamples": bootstrap.resamples, "seed": bootstrap.seed, "unit": "patient"},
        "all": measure(outcomes, bootstrap),
        "by": {column: by_column(verdicts, column, bootstrap) for column in columns},
        "refused_reasons": dict(Counter(str(verdict.refused) for verdict in verdicts if verdict.refused).most_common()),
        "confusion": confusion(outcomes),
        "roc": roc(outcomes),
        "reliability": reliability(outcomes.probabilities[known], outcomes.truth[known]),
        "operating_points": operating_points(outcomes, sources, bootstrap),
        "frontier": frontier(outcomes, sources),
        "scores": scores(outcomes, sources),
        "mistakes": mistakes(verdicts),
    }
    report["worst_source"] = worst_source(report["by"][SOURCE])
    if any(verdict.fold for verdict in verdicts):
        report["folds"] = folds(verdicts, bootstrap)
    return report


def describe_model(model: ModelVersion) -> Report:
    """Return which network was judged."""
    return {
        "name": model.name,
        "version": model.version,
        "sha256": model.sha256,
        "undetermined_below": model.undetermined_below,
        "covid19_from": model.covid19_from,
    }


def describe(collection: Collection, verdicts: Sequence[Verdict]) -> Report:
    """Return what the films are: counts by source, class and licence, and the rows that were left out."""
    films = [verdict.film for verdict in verdicts]
    by_source: dict[str, dict[str, int]] = {}
    for film in films:
        counts = by_source.setdefault(film.source, dict.fromkeys(map(str, Label), 0))
        counts[film.label] += 1
    return {
        "collection": collection.name,
        "films": len(films),
        "patients": len({film.patient for film in films}),
        "by_source": dict(sorted(by_source.items())),
        "licences": dict(Counter(film.columns["licence"] for film in films if "licence" in film.columns).most_common()),
        "left_out": [{"file": row.file, "trouble": str(row.trouble)} for row in collection.bad_rows],
    }


def by_column(verdicts: Sequence[Verdict], column: str, bootstrap: Bootstrap) -> dict[str, Report]:
    """Return the figures of every group of films that a column of the manifest makes, the largest group first."""
    return _by(verdicts, lambda verdict: verdict.film.columns.get(column, "not stated"), bootstrap)


def confusion(outcomes: Outcomes) -> Report:
    """Return how many films of each class (rows) were named what (columns: the classes, undetermined, refused)."""
    columns = [*map(str, LABELS), "undetermined", "refused"]
    counts = np.zeros((len(LABELS), len(columns)), dtype=int)
    np.add.at(counts, (outcomes.truth, outcomes.named), 1)
    return {"rows": list(map(str, LABELS)), "columns": columns, "films": counts.tolist()}


def scores(outcomes: Outcomes, sources: Sequence[str]) -> Report:
    """Return histograms of the probability of COVID-19 by source and class, in 20 equal bins."""
    edges = np.linspace(0.0, 1.0, _HISTOGRAM_BINS + 1)
    names, known = np.array(sources), outcomes.named != REFUSED
    found: dict[str, dict[str, list[int]]] = {}
    for name in np.unique(names):
        for number, label in enumerate(LABELS):
            of_it = (names == name) & known & (outcomes.truth == number)
            if of_it.any():
                counts = np.histogram(outcomes.probabilities[of_it, COVID19], edges)[0].tolist()
                found.setdefault(str(name), {})[label] = counts
    return {"edges": [round(edge, 2) for edge in edges.tolist()], "by_source": found}


def mistakes(verdicts: Sequence[Verdict]) -> list[Report]:
    """Return the films that were named wrongly, the surest first, 20 at most."""
    wrong = []
    for verdict in verdicts:
        found, named = verdict.probabilities, verdict.named
        if found is not None and named is not None and named != verdict.film.label:
            film = verdict.film
            wrong.append(
                {
                    "file": film.file,
                    "source": film.source,
                    "label": str(film.label),
                    "named": str(named),
                    "probability": round(found.of(named), 4),
                }
            )
    return sorted(wrong, key=lambda row: -row["probability"])[:_MOST_MISTAKES]  # type: ignore[operator]


def worst_source(by_source: dict[str, Report]) -> Report:
    """Return where accuracy is lowest and where false COVID-19 calls are most frequent, of sources with 20 films."""
    found: Report = {}
    for name, choose in (("accuracy", min), ("false_covid19", max)):
        figures = {source: group["all"][name] for source, group in by_source.items()}
        values = {source: figure["value"] for source, figure in figures.items() if figure["of"] >= _LEAST_FILMS}
        if values:
            source = choose(values, key=values.__getitem__)
            found[name] = {"source": source, **figures[source]}
    return found


def folds(verdicts: Sequence[Verdict], bootstrap: Bootstrap) -> Report:
    """Return the figures of each network of a cross-validation, and how far they lie apart."""
    found = _by(verdicts, lambda verdict: str(verdict.fold), bootstrap)
    found = dict(sorted(found.items(), key=lambda item: int(item[0])))
    groups = list(found.values())
    values = {
        "accuracy": [group["all"]["accuracy"]["value"] for group in groups],
        "sensitivity_covid19": [group["all"]["sensitivity"][Label.COVID19]["value"] for group in groups],
        "false_covid19": [group["all"]["false_covid19"]["value"] for group in groups],
        "macro_auroc": [group["auroc"]["macro"]["value"] for group in groups],
    }
    return {"by_fold": found, "spread": {name: _spread(numbers) for name, numbers in values.items()}}


def _spread(values: Sequence[float | None]) -> Report:
    known = [value for value in values if value is not None]
    if not known:
        return {"folds": 0}
    deviation = float(np.std(known, ddof=1)) if len(known) > 1 else None
    return {
        "folds": len(known),
        "mean": round(float(np.mean(known)), 4),
        "standard_deviation": None if deviation is None else round(deviation, 4),
        "lowest": min(known),
        "highest": max(known),
    }


def _by(verdicts: Sequence[Verdict], group: Callable[[Verdict], str], bootstrap: Bootstrap) -> dict[str, Report]:
    members: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        members.setdefault(group(verdict), []).append(verdict)
    ordered = sorted(members.items(), key=lambda item: (-len(item[1]), item[0]))
    return {name: measure(Outcomes.of(some), bootstrap) for name, some in ordered}
