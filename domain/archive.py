"""What an archive has, and what of it is not here yet."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from domain.ids import SeriesUid, SopInstanceUid, StudyUid

_LARGEST_LIST = 50
"""UIDs in one request; some archives take no longer list."""


class GapKind(StrEnum):
    """What is wrong with a study that an archive has."""

    MISSING = "missing"
    """Films of it never came here."""
    NO_RESULT = "no-result"
    """All films are here, but nothing was found out about them, and nobody is at it."""
    AT_WORK = "at-work"
    """The same, but it is going to be classified."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Query:
    """Which studies of an archive are meant; an empty key matches all."""

    date: str = ""
    """Study Date as a single value or a range (PS3.4 C.2.2.2.5)."""
    study_uids: tuple[StudyUid, ...] = ()
    patient_id: str = ""
    accession_number: str = ""
    modalities: frozenset[str] = frozenset({"CR", "DX"})

    def __post_init__(self) -> None:
        """Refuse what would match the whole archive.

        Raises:
            ValueError: no key is given, or no modality.
        """
        if not (self.date or self.study_uids or self.patient_id or self.accession_number):
            raise ValueError("say which studies: by date, study, patient or accession number")
        if not self.modalities:
            raise ValueError("say which modalities")


@dataclass(frozen=True, kw_only=True, slots=True)
class RemoteSeries:
    """A series of an archive with its films."""

    series_uid: SeriesUid
    films: tuple[SopInstanceUid, ...]
    others: int = 0
    """Instances that are no films."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RemoteStudy:
    """A study of an archive, as far as it has films."""

    study_uid: StudyUid
    date: str
    series: tuple[RemoteSeries, ...]

    @property
    def films(self) -> tuple[SopInstanceUid, ...]:
        """All films of the study."""
        return tuple(film for series in self.series for film in series.films)


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What one request is to bring."""

    study_uid: StudyUid
    series_uid: SeriesUid
    films: tuple[SopInstanceUid, ...]
    is_whole_series: bool


def wanted(study: RemoteStudy, known: Collection[SopInstanceUid]) -> Iterator[Wanted]:
    """Yield the requests for the films of a study that are not known: a whole series where that asks for no more."""
    for series in study.series:
        missing = tuple(film for film in series.films if film not in known)
        if missing and len(missing) == len(series.films) and not series.others:
            yield _request(study, series, missing, is_whole_series=True)
            continue
        for start in range(0, len(missing), _LARGEST_LIST):
            yield _request(study, series, missing[start : start + _LARGEST_LIST], is_whole_series=False)


def _request(
    study: RemoteStudy, series: RemoteSeries, films: tuple[SopInstanceUid, ...], *, is_whole_series: bool
) -> Wanted:
    return Wanted(study_uid=study.study_uid, series_uid=series.series_uid, films=films, is_whole_series=is_whole_series)
