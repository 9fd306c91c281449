"""Results as others look for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from domain.delivery import Dispatch
    from domain.ids import StudyUid
    from domain.subject import StudyIdentity


@dataclass(frozen=True, kw_only=True, slots=True)
class ResultQuery:
    """What the database can look for by itself; each that is empty is met by every study."""

    study_uid: str = ""
    accession_number: str = ""
    patient_id: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class StudyWithResults:
    """A study that was classified at least once."""

    study_uid: StudyUid
    identity: StudyIdentity
    results: int
    """How many results it has had; each is a report of its own."""


class Results(Protocol):
    """Results in the database; each method raises `Transient` while it is away."""

    def studies(self, query: ResultQuery) -> Iterator[StudyWithResults]:
        """Yield studies with a result, the last received first."""
        ...

    def of_study(self, study_uid: str) -> list[Dispatch]:
        """Return all results of a study, the first one first; an empty list where there is none."""
        ...
