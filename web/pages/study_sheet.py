"""What a study's page shows, worked out: names as people write them, bars, who agrees with whom."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from domain.assessment import Source
from domain.findings import Label, Verdict
from domain.knowledge import NOTICES, Audience, Topic
from domain.report_phrases import Statement
from domain.study_view import LONGEST_COMMENT, agreed, shown_date, shown_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from domain.findings import Findings
    from domain.study_view import AssessmentOnView, ResultOnView, StudyRoom, StudyView

LABELS: Final[Mapping[Label, str]] = {
    Label.COVID19: "COVID-19",
    Label.PNEUMONIA: "Other pneumonia",
    Label.NORMAL: "Normal film",
}
"""What people call the classes, in the order in which they are shown."""
VERDICTS: Final[Mapping[Verdict, str]] = {
    Verdict.POSITIVE: "positive",
    Verdict.NEGATIVE: "negative",
    Verdict.UNDETERMINED: "undetermined",
    Verdict.COULD_NOT_PROCESS: "not processed",
}
STATEMENTS: Final[Mapping[Statement, str]] = {
    Statement.PRESENT: "present",
    Statement.ABSENT: "absent",
    Statement.UNDETERMINED: "undetermined",
    Statement.NOT_SAID: "not said",
}
MAP_NOTICE: Final = (
    "The map shows where the network found its evidence. A picture that points at a place is outside of a triage "
    "indication: look at the whole film first, and do not take the colours for the extent of a disease."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """The probability of one class."""

    name: str
    percent: float
    threshold: float
    """From how many per cent on the network names the class."""
    is_named: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """One class beside what the network and a person say of it."""

    label: Label
    name: str
    network: Statement | None
    said: str
    """A statement, or what a form has in its place."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """What somebody answered in vain: it stays in the form."""

    said: Mapping[Label, str]
    comment: str = field(repr=False)


def sheet_of(view: StudyView, room: StudyRoom, draft: Draft | None = None) -> dict[str, Any]:
    """Return what the template shows of a study."""
    own = _own(view)
    result = view.result
    identity = view.identity
    return {
        "view": view,
        "result": result,
        "name": shown_name(identity.patient_name),
        "born": shown_date(identity.patient_birth_date),
        "taken": shown_date(identity.study_date),
        "priors": [(prior, shown_date(prior.study_date)) for prior in view.priors],
        "bars": [] if result is None else bars(result.findings),
        "answers": answers_of(view, draft),
        "own": own,
        "comment": draft.comment if draft is not None else "" if own is None else own.comment,
        "texts": None if result is None else room.knowledge(Topic.of(result.findings)),
        "audiences": list(Audience),
        "notices": NOTICES,
        "viewer_link": room.viewer_url.replace("{study}", quote(view.study_uid, safe=".")),
        "mark": mark_of(result),
        "labels": LABELS,
        "verdicts": VERDICTS,
        "statements": STATEMENTS,
        "sources": {Source.RIS: "final report", Source.PAGE: "this page"},
        "map_notice": MAP_NOTICE,
        "longest_comment": LONGEST_COMMENT,
    }


def bars(findings: Findings) -> list[Bar]:
    """Return a bar for each class; none where there are no probabilities."""
    if findings.probabilities is None:
        return []
    return [
        Bar(
            name=name,
            percent=100.0 * findings.probabilities.of(label),
            threshold=100.0 * findings.model.least_for(label),
            is_named=findings.label is label,
        )
        for label, name in LABELS.items()
    ]


def answers_of(view: StudyView, draft: Draft | None = None) -> list[Answer]:
    """Return each class with what the last result and the last answer on a page say of it."""
    is_known = view.result is not None and view.result.findings.probabilities is not None
    network = agreed(view.result.findings).statements if view.result is not None and is_known else {}
    own = _own(view)
    said = draft.said if draft is not None else {} if own is None else own.assessment.statements
    return [
        Answer(
            label=label,
            name=name,
            network=network.get(label),
            said=said.get(label, Statement.NOT_SAID),
        )
        for label, name in LABELS.items()
    ]


def mark_of(result: ResultOnView | None) -> str:
    """Return by what a form tells which result its person saw."""
    return "" if result is None else result.made_at.isoformat()


def _own(view: StudyView) -> AssessmentOnView | None:
    return next((one for one in view.assessments if one.source is Source.PAGE), None)
