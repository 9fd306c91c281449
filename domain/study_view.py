"""A study as a person looks at it: whom it is of, its films, every result, and what became of these."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from domain.assessment import Assessment, Basis
from domain.findings import TARGETS, Findings, Label, Presence, Verdict
from domain.report_phrases import Statement

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from domain.assessment import Source
    from domain.dicomweb import ResultLibrary
    from domain.explanation import HeatMap
    from domain.film import Plate, StoredFilm, Unsuitable, View
    from domain.ids import StudyId, StudyUid
    from domain.knowledge import Knowledge, Topic
    from domain.subject import StudyIdentity

LONGEST_COMMENT = 2000
"""Characters that somebody may write beside an assessment."""
_PRESENCE = {
    Presence.PRESENT: Statement.PRESENT,
    Presence.ABSENT: Statement.ABSENT,
    Presence.UNDETERMINED: Statement.UNDETERMINED,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class FilmOnView:
    """A film of the study, as it is in the store today."""

    number: int
    """1, 2, 3 … in the order of reception."""
    film: StoredFilm
    received_at: datetime
    source: str
    """AE title that sent it."""
    view: View | None = None
    """None: no result has looked at it yet."""
    unsuitable: Unsuitable | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ResultOnView:
    """A result of the study."""

    findings: Findings
    made_at: datetime
    number: int | None
    """Of the film that was analysed; None where there is none, or it has another content today."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Prior:
    """Another study of the same patient."""

    study_id: StudyId
    received_at: datetime
    study_date: str
    """YYYYMMDD, or empty."""
    description: str
    verdict: Verdict | None
    """Of its last result; None: it has none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DeliveryOnView:
    """How one object of a result for one peer stands."""

    peer: str
    object: str
    state: str
    """queued, trying, held, cancelled, accepted or committed."""
    attempts: int
    reason: str
    at: datetime | None
    """When the peer took it, or said that it keeps it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AssessmentOnView:
    """What a person said of the study."""

    source: Source
    assessor: str
    """A login; empty for a final report."""
    assessment: Assessment
    reported_at: datetime
    comment: str = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """A step of the study's way, of its ledger."""

    at: datetime
    event: str
    who: str
    what: str
    detail: str


@dataclass(frozen=True, kw_only=True, slots=True)
class StudyView:
    """All that a page shows of a study."""

    study_id: StudyId
    study_uid: StudyUid
    identity: StudyIdentity
    films: tuple[FilmOnView, ...]
    results: tuple[ResultOnView, ...]
    """The last one first."""
    priors: tuple[Prior, ...]
    deliveries: tuple[DeliveryOnView, ...]
    assessments: tuple[AssessmentOnView, ...]
    steps: tuple[Step, ...]

    @property
    def result(self) -> ResultOnView | None:
        """The result that counts: the last one."""
        return self.results[0] if self.results else None

    def film(self, number: int) -> FilmOnView | None:
        """Return a film by its number; None where there is none."""
        return next((film for film in self.films if film.number == number), None)


class BadAssessment(ValueError):
    """What somebody answered contradicts itself; the text says how, for that person."""


def answered(statements: Mapping[Label, Statement], *, comment: str = "") -> Assessment:
    """Return what a person said of each class, with what follows for the others.

    Raises:
        BadAssessment: nothing is said, or classes are called present that exclude each other.
    """
    said = {label: statements.get(label, Statement.NOT_SAID) for label in Label}
    present = [label for label, statement in said.items() if statement is Statement.PRESENT]
    if set(said.values()) == {Statement.NOT_SAID} and not comment.strip():
        raise BadAssessment("Nothing is said: choose an answer, or write a comment.")
    if len(present) > 1:
        raise BadAssessment("Only one of COVID-19, other pneumonia and normal can be present; they exclude each other.")
    if present and said[Label.NORMAL] is Statement.NOT_SAID:
        said[Label.NORMAL] = Statement.ABSENT
    return Assessment(statements=said, basis=Basis.PERSON)


def agreed(findings: Findings) -> Assessment:
    """Return the answer of somebody who agrees with a result."""
    said = {target: _PRESENCE[findings.presence(target)] for target in TARGETS}
    said[Label.NORMAL] = {
        Verdict.POSITIVE: Statement.ABSENT,
        Verdict.NEGATIVE: Statement.PRESENT,
    }.get(findings.verdict, Statement.UNDETERMINED)
    return Assessment(statements=said, basis=Basis.PERSON)


def shown_name(name: str) -> str:
    """Return a person name of DICOM (PS3.5 6.2.1) as people write it: `Family, Given Middle (other script)`."""
    groups = [_shown_group(group) for group in name.split("=")]
    groups = [group for group in groups if group]
    return groups[0] + "".join(f" ({group})" for group in groups[1:]) if groups else ""


def shown_date(date: str) -> str:
    """Return YYYYMMDD as YYYY-MM-DD, anything else as it is."""
    has_eight_digits = len(date) == len("YYYYMMDD") and date.isascii() and date.isdigit()
    return f"{date[:4]}-{date[4:6]}-{date[6:]}" if has_eight_digits else date


def _shown_group(group: str) -> str:
    family, given, middle, prefix, suffix = ([part.strip() for part in group.split("^")] + [""] * 5)[:5]
    first = " ".join(part for part in (prefix, given, middle) if part)
    whole = ", ".join(part for part in (family, first) if part)
    return f"{whole}, {suffix}" if suffix and whole else whole or suffix


class StudyViews(Protocol):
    """Studies in the database; each method raises `Transient` while it is away."""

    def find(self, study_id: StudyId) -> StudyView | None:
        """Return a study by its number; None where there is none."""
        ...

    def assess(self, study_id: StudyId, assessment: Assessment, *, assessor: str, comment: str) -> None:
        """Keep what a person says of a study, in place of what was said on a page before."""
        ...


class FilmsOnView(Protocol):
    """Films as a screen needs them; decoding one harms nobody."""

    def plate(self, film: StoredFilm) -> Plate:
        """Return a film before its window, of a moderate size.

        Raises:
            Transient: the store can't be read now.
            HilumError: it can't be shown; the text says why, without a patient's data.
        """
        ...

    def evidence(self, findings: Findings) -> HeatMap | None:
        """Return where a network found its evidence, at the proportions of the analysed film and a moderate size.

        None: another network is at work here than the one that made the result. Raises the same.
        """
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class StudyRoom:
    """What the page of a study is made of."""

    views: StudyViews
    films: FilmsOnView
    reports: ResultLibrary
    knowledge: Callable[[Topic], Knowledge]
    viewer_url: str = ""
    """Address of the site's viewer with `{study}` for the Study Instance UID; empty: there is none."""
