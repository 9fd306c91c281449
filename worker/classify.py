"""Classify one study: choose the film, make it a picture, ask the network, store what it said."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from domain.errors import Permanent
from domain.film import FRONTAL_PREFERENCE, NotClassifiable, Unsuitable
from domain.findings import Examination, Findings
from domain.ids import StudyId

if TYPE_CHECKING:
    from collections.abc import Iterable

    from domain.film import FilmHeader, StoredFilm
    from domain.findings import Outcome, Probabilities
    from domain.jobs import Job
    from domain.ports import Classifier, FilmReader, Studies

# Of several unsuitable films the reason nearest to a usable one says most to the reader of the report.
_TELLING_ORDER = (
    Unsuitable.PIXELS_CORRUPT,
    Unsuitable.NO_PIXEL_DATA,
    Unsuitable.NO_CONTRAST,
    Unsuitable.TOO_SMALL,
    Unsuitable.BADLY_EXPOSED,
    Unsuitable.INVERTED,
    Unsuitable.NO_LUNGS,
    Unsuitable.NOT_A_CHEST_FILM,
    Unsuitable.VIEW_UNKNOWN,
    Unsuitable.NOT_FRONTAL,
    Unsuitable.NOT_FOR_PRESENTATION,
    Unsuitable.MULTI_FRAME,
    Unsuitable.NOT_CHEST,
    Unsuitable.NOT_HUMAN,
    Unsuitable.NOT_AN_XRAY,
    Unsuitable.UNREADABLE,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassifyStudy:
    """Handler of classify jobs."""

    studies: Studies
    reader: FilmReader
    classifier: Classifier

    def run(self, job: Job) -> Outcome:
        """Classify the study of the job and settle it with its findings; say what came of it.

        Raises:
            Transient: spool or database can't be reached now.
            LeaseLost: another worker has the job.
            Permanent: the study has no films.
        """
        films = self.studies.films(StudyId(job.subject_id))
        if not films:
            raise Permanent("the study has no films")
        examination = self.examine(films)
        self.studies.settle_classified(job, examination)
        return examination.findings.outcome

    def examine(self, films: tuple[StoredFilm, ...]) -> Examination:
        """Return the findings, of the best frontal film with usable pixels, and what was seen of each film.

        Where no film can be used the findings hold the reason.
        """
        seen = {film.sop_instance_uid: self._header(film) for film in films}
        for film in best_first((film, seen[film.sop_instance_uid]) for film in films):
            answer = self._answer(film)
            if not isinstance(answer, Unsuitable):
                findings = Findings(model=self.classifier.model, films=films, analysed=film, probabilities=answer)
                return Examination(findings=findings, films=seen)
            seen[film.sop_instance_uid] = replace(seen[film.sop_instance_uid], unsuitable=answer)
        reasons = {header.unsuitable for header in seen.values() if header.unsuitable is not None}
        reason = min(reasons, key=_TELLING_ORDER.index)
        return Examination(findings=Findings(model=self.classifier.model, films=films, unsuitable=reason), films=seen)

    def _header(self, film: StoredFilm) -> FilmHeader:
        """Return what the film is; one that is not frontal has a reason in any case."""
        header = self.reader.header(film)
        if header.unsuitable is None and not header.view.is_frontal:
            return replace(header, unsuitable=Unsuitable.NOT_FRONTAL)
        return header

    def _answer(self, film: StoredFilm) -> Probabilities | Unsuitable:
        try:
            image = self.reader.pixels(film)
        except NotClassifiable as refusal:
            return refusal.reason
        return self.classifier.classify([image])[0]


def best_first(headers: Iterable[tuple[StoredFilm, FilmHeader]]) -> list[StoredFilm]:
    """Return the suitable frontal films, PA before AP, earlier received before later."""
    suitable = [(film, header) for film, header in headers if header.unsuitable is None and header.view.is_frontal]
    return [film for film, _ in sorted(suitable, key=lambda item: FRONTAL_PREFERENCE.index(item[1].view))]
