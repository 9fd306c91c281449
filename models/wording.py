"""A result in the words of its readable report: plain values, which `models.pages` sets on paper."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from domain.film import View
from domain.findings import Label, Verdict
from domain.knowledge import Topic
from domain.readable_report import ClassLine, FilmLine, ReadableReport
from models.knowledge import load_knowledge

if TYPE_CHECKING:
    from domain.delivery import Dispatch
    from domain.film import StoredFilm
    from domain.findings import Findings
    from domain.knowledge import Knowledge

_NAMES = {Label.COVID19: "COVID-19", Label.NORMAL: "Normal", Label.PNEUMONIA: "Pneumonia"}
_IN_A_SENTENCE = {**_NAMES, Label.PNEUMONIA: "pneumonia"}
_MEANINGS = {
    Label.COVID19: "The film looks like those of pneumonia caused by SARS-CoV-2.",
    Label.NORMAL: "The film looks like those with neither of the two. This says nothing about any other disease.",
    Label.PNEUMONIA: "The film looks like those of pneumonia of another cause, bacterial or viral.",
}
_VIEWS = {
    View.PA: "PA (frontal)",
    View.AP: "AP (frontal)",
    View.FRONTAL: "frontal",
    View.LATERAL: "lateral",
    View.OBLIQUE: "oblique",
    View.UNKNOWN: "not told",
}
_CAUTIONS = {
    Verdict.POSITIVE: "The result awaits a radiologist's reading. Imaging alone confirms neither disease.",
    Verdict.NEGATIVE: "It was asked about these two diseases only. Any other finding is for the reader to see.",
    Verdict.UNDETERMINED: "Neither of the diseases is ruled in or out. Read the film as without the network.",
    Verdict.COULD_NOT_PROCESS: "The absence of a finding here means nothing. Read the study as without the network.",
}


def wording(dispatch: Dispatch) -> ReadableReport:
    """Return what is said of a result, the same each time.

    Raises:
        Misconfigured: the text about the result is missing or broken.
    """
    findings = dispatch.findings
    text = load_knowledge(Topic.of(findings))
    return ReadableReport(
        verdict=findings.verdict,
        headline=_headline(findings),
        caution=_CAUTIONS[findings.verdict],
        classes=_classes(findings),
        films=tuple(_film(dispatch, number, film) for number, film in enumerate(findings.films, start=1)),
        origin=_origin(dispatch, text),
        text=text,
    )


def _headline(findings: Findings) -> str:
    if findings.unsuitable is not None:
        return f"Not classified. {findings.unsuitable.sentence}"
    if findings.label is None:
        return "Undetermined: no class is certain enough to be named."
    if findings.label is Label.NORMAL:
        return "Negative: the network names the film normal, neither COVID-19 nor pneumonia."
    return f"Positive: the network names {_IN_A_SENTENCE[findings.label]}."


def _classes(findings: Findings) -> tuple[ClassLine, ...]:
    if findings.probabilities is None:
        return ()
    return tuple(
        ClassLine(
            name=_NAMES[label],
            meaning=_MEANINGS[label],
            probability=probability,
            least=findings.model.least_for(label),
            is_named=label is findings.label,
        )
        for label, probability in findings.probabilities.as_dict().items()
    )


def _film(dispatch: Dispatch, number: int, film: StoredFilm) -> FilmLine:
    seen = dispatch.seen.get(film.sop_instance_uid)
    is_analysed = film == dispatch.findings.analysed
    if is_analysed:
        use = "Analysed: the result rests on this film."
    elif seen is not None and seen.unsuitable is not None:
        use = f"Not analysed. {seen.unsuitable.sentence}"
    elif dispatch.findings.analysed is not None:
        use = "Not analysed. One film of a study is, and another was chosen."
    else:
        use = "Not analysed."
    return FilmLine(
        number=number, view="not recorded" if seen is None else _VIEWS[seen.view], use=use, is_analysed=is_analysed
    )


def _origin(dispatch: Dispatch, text: Knowledge) -> tuple[tuple[str, str], ...]:
    model = dispatch.findings.model
    before = (("Replaces", "an earlier result of this study"),) if dispatch.predecessor is not None else ()
    return (
        ("Patient and study", "See the header of this document; nobody is named on its pages."),
        ("Result of", f"{dispatch.made_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"),
        *before,
        ("Network", f"{model.name}, version {model.version}"),
        ("SHA-256 of its weights", model.sha256),
        ("Text about the result", f"{text.title}, version {text.version}, reviewed {text.reviewed}"),
    )


def percent(share: float) -> str:
    """Return a share as a percentage."""
    return f"{100.0 * share:.1f} %"
