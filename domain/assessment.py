"""What a person reported of a study: a statement for each class, and by which rule it was understood."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from domain.findings import TARGETS, Label
from domain.report_phrases import Statement, Understood, plain, read_sentence
from domain.report_text import sentences

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

_DIAGNOSTIC_CERTAINTY = {
    "A": Statement.ABSENT,
    "G": Statement.PRESENT,
    "V": Statement.UNDETERMINED,
    "Z": Statement.NOT_SAID,
}
"""What may follow a code of ICD-10-GM in Germany: excluded, assured, suspected, a state after (SGB V, section 295)."""


class Basis(StrEnum):
    """What a statement rests on."""

    CODE = "code"
    KEYWORD = "keyword"
    PERSON = "person"
    """Somebody was asked and answered."""


class Source(StrEnum):
    """Where an assessment comes from; a study has one from each."""

    RIS = "ris"
    PAGE = "page"


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassTerms:
    """What names a class in a report."""

    codes: tuple[str, ...] = ()
    """`scheme:code`; `*` stands for anything."""
    keywords: tuple[str, ...] = ()
    """Words in small or capital letters; `*` stands for any letters."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StatedCode:
    """A coded value of a report."""

    scheme: str
    value: str
    statement: Statement = Statement.PRESENT
    """What the report says of it."""


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class StudyReference:
    """By what a report names its study; it never shows what it holds."""

    study_uid: str = ""
    accession_numbers: tuple[str, ...] = ()
    """Numbers that may be it, the likeliest first."""
    patient_ids: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class FinalReport:
    """A final report as it came; it never shows what it holds, and is not stored."""

    study: StudyReference
    codes: tuple[StatedCode, ...] = ()
    text: str = ""
    """The impression where it is marked, else all of it; line by line."""
    reported_at: datetime | None = None
    is_correction: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Match:
    """By which rule a statement was understood, in the rule's own words."""

    label: Label
    statement: Statement
    basis: Basis
    term: str
    """The code or keyword of the settings, or the name of the class that implies it."""
    modifier: str = ""
    """The phrase, of our own list, that negates it or makes it uncertain."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Assessment:
    """What was reported of each class."""

    statements: Mapping[Label, Statement]
    basis: Basis
    matches: tuple[Match, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class AssessedReport:
    """A report's assessment, and the study that it is of."""

    study: StudyReference
    assessment: Assessment
    reported_at: datetime | None
    is_correction: bool


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class ReportMessage:
    """A message with final reports, each assessed."""

    sender: str
    """Sending application and facility."""
    control_id: str
    digest: str
    """SHA-256 of what it says: under one control id another content is another message."""
    reports: tuple[AssessedReport, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Filing:
    """What became of a message's reports."""

    is_resent: bool = False
    """It was filed before; nothing was counted again."""
    filed: int = 0
    outdated: int = 0
    """A later report of the study is here already."""
    unknown: int = 0
    """No study of that name is here."""
    ambiguous: int = 0
    """Several are."""

    @property
    def unmatched(self) -> int:
        """How many reports belong to no study."""
        return self.unknown + self.ambiguous


@dataclass(frozen=True, kw_only=True, slots=True)
class Assessor:
    """Understands reports by the terms of each class."""

    terms: Mapping[Label, ClassTerms]
    _keywords: dict[str, Label] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        for label, terms in self.terms.items():
            self._keywords.update({plain(keyword): label for keyword in terms.keywords})

    def assess(self, report: FinalReport) -> Assessment:
        """Return what a report says: of each class by its codes, or where those say nothing by its words.

        Of several mentions of a class present outweighs undetermined, and that absent.
        """
        by_code = _strongest(self._coded(report.codes))
        found = {**_strongest(self._worded(report.text)), **by_code}
        found = {**found, **{match.label: match for match in _implied(found)}}
        return Assessment(
            statements={label: found[label].statement if label in found else Statement.NOT_SAID for label in Label},
            basis=Basis.CODE if by_code else Basis.KEYWORD,
            matches=tuple(found[label] for label in Label if label in found),
        )

    def _coded(self, codes: Sequence[StatedCode]) -> Iterator[Match]:
        for one in codes:
            for label, terms in self.terms.items():
                for term in terms.codes:
                    statement = _stated(one, term)
                    if statement is not None:
                        yield Match(label=label, statement=statement, basis=Basis.CODE, term=term)

    def _worded(self, text: str) -> Iterator[Match]:
        for sentence in sentences(text):
            for said in read_sentence(sentence, self._keywords):
                yield _worded(said, self._keywords[said.keyword])


def _worded(said: Understood, label: Label) -> Match:
    return Match(label=label, statement=said.statement, basis=Basis.KEYWORD, term=said.keyword, modifier=said.modifier)


def _stated(code: StatedCode, term: str) -> Statement | None:
    """Return what a coded value says of a term, None where it is of something else."""
    scheme, _, wanted = term.upper().partition(":")
    value = code.value.strip().upper()
    if not fnmatchcase(code.scheme.strip().upper(), scheme):
        return None
    stem, certainty = value[:-1].strip(), value[-1:]
    if scheme.startswith("I10") and certainty in _DIAGNOSTIC_CERTAINTY and stem:
        return _DIAGNOSTIC_CERTAINTY[certainty] if fnmatchcase(stem, wanted) else None
    return code.statement if fnmatchcase(value, wanted) else None


def _strongest(matches: Iterable[Match]) -> dict[Label, Match]:
    found: dict[Label, Match] = {}
    for match in matches:
        before = found.get(match.label)
        if match.statement is not Statement.NOT_SAID and (
            before is None or match.statement.weight > before.statement.weight
        ):
            found[match.label] = match
    return found


def _implied(found: Mapping[Label, Match]) -> Iterator[Match]:
    """Yield what follows for other classes, since the network's classes exclude each other.

    Of COVID-19 and another pneumonia a report that names both is taken to mean the first. A film called normal is one
    without a target disease, unless the same report says otherwise: then it is not normal.
    """
    present = {label for label, match in found.items() if match.statement is Statement.PRESENT}
    if present >= set(TARGETS):
        yield _follows(found[Label.COVID19], Label.PNEUMONIA, Statement.NOT_SAID)
    named = next((label for label in TARGETS if label in present), None)
    if named is not None:
        yield _follows(found[named], Label.NORMAL, Statement.ABSENT)
    elif Label.NORMAL in present:
        for label in TARGETS:
            if label not in found:
                yield _follows(found[Label.NORMAL], label, Statement.ABSENT)


def _follows(reason: Match, label: Label, statement: Statement) -> Match:
    return Match(label=label, statement=statement, basis=reason.basis, term=str(reason.label))
