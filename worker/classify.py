"""What is done with a study: choose its best film, have it classified, say what came of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from domain.film import FRONTAL_PREFERENCE, Developed, NotClassifiable, Unsuitable
from domain.findings import Examination, Findings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from domain.film import FilmHeader, StoredFilm
    from domain.findings import ModelVersion, Probabilities
    from domain.ids import SopInstanceUid
    from domain.ports import Classifier, FilmReader

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


def develop(reader: FilmReader, films: Sequence[StoredFilm], seen: Mapping[SopInstanceUid, FilmHeader]) -> Developed:
    """Return the best frontal film with usable pixels, prepared for the networks, and what was seen of every film.

    `seen` is what is known of the films from a look before, empty at the first.

    Raises:
        Transient: the store can't be read now.
    """
    headers = dict(seen) or {film.sop_instance_uid: _header(reader, film) for film in films}
    for film in best_first((film, headers[film.sop_instance_uid]) for film in films):
        try:
            square = reader.square(film)
        except NotClassifiable as refusal:
            headers = refused(headers, film, refusal.reason)
        else:
            return Developed(seen=headers, film=film, square=square)
    return Developed(seen=headers)


def refused(
    seen: Mapping[SopInstanceUid, FilmHeader], film: StoredFilm, reason: Unsuitable
) -> dict[SopInstanceUid, FilmHeader]:
    """Return what is known of a study's films once one of them was found unsuitable."""
    return {**seen, film.sop_instance_uid: replace(seen[film.sop_instance_uid], unsuitable=reason)}


def examination(
    model: ModelVersion, films: tuple[StoredFilm, ...], developed: Developed, answer: Probabilities | None
) -> Examination:
    """Return the findings of a study: the network's answer for the developed film, or why no film can be used."""
    if answer is not None:
        findings = Findings(model=model, films=films, analysed=developed.film, probabilities=answer)
    else:
        reasons = {header.unsuitable for header in developed.seen.values() if header.unsuitable is not None}
        reason = min(reasons, key=_TELLING_ORDER.index)
        findings = Findings(model=model, films=films, unsuitable=reason)
    return Examination(findings=findings, films=developed.seen)


def examine(
    classifier: Classifier,
    films: tuple[StoredFilm, ...],
    look: Callable[[Mapping[SopInstanceUid, FilmHeader]], Developed],
) -> Findings:
    """Return what a network says of one study: of the first film, best first, that it takes.

    Args:
        classifier: the network.
        films: all of the study.
        look: develops the best film, as `develop` does, of what is known of the films.
    """
    seen: Mapping[SopInstanceUid, FilmHeader] = {}
    while True:
        developed = look(seen)
        if developed.film is None or developed.square is None:
            return examination(classifier.model, films, developed, None).findings
        (answer,) = classifier.classify_squares([developed.square])
        if not isinstance(answer, Unsuitable):
            return examination(classifier.model, films, developed, answer).findings
        seen = refused(developed.seen, developed.film, answer)


def best_first(headers: Iterable[tuple[StoredFilm, FilmHeader]]) -> list[StoredFilm]:
    """Return the suitable frontal films, PA before AP, earlier received before later."""
    suitable = [(film, header) for film, header in headers if header.unsuitable is None and header.view.is_frontal]
    return [film for film, _ in sorted(suitable, key=lambda item: FRONTAL_PREFERENCE.index(item[1].view))]


def _header(reader: FilmReader, film: StoredFilm) -> FilmHeader:
    """Return what the film is; one that is not frontal has a reason in any case."""
    header = reader.header(film)
    if header.unsuitable is None and not header.view.is_frontal:
        return replace(header, unsuitable=Unsuitable.NOT_FRONTAL)
    return header
