"""Studies of the past once more: what several networks say of them, read as a worker reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.errors import Crashed, Permanent, Unforeseen
from worker.classify import examine

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from domain.film import Developed, FilmHeader, StoredFilm
    from domain.findings import Findings
    from domain.ids import SopInstanceUid
    from domain.ports import Classifier, Darkroom

_AHEAD = 16
"""Studies that are developed ahead."""


def replayed(
    studies: Sequence[tuple[StoredFilm, ...]], classifiers: Sequence[Classifier], darkroom: Darkroom
) -> Iterator[list[Findings] | None]:
    """Yield what each network says of each study, in order; None where its films can't be read.

    Raises:
        Transient: the store can't be read now.
        Misconfigured: the installation is wrong.
    """
    for start in range(0, len(studies), _AHEAD):
        some = studies[start : start + _AHEAD]
        developing = [darkroom.develop(films, {}) for films in some]
        for films, future in zip(some, developing, strict=True):
            try:
                first = future.result()
                yield [_findings(films, classifier, darkroom, first) for classifier in classifiers]
            except (Crashed, Permanent, Unforeseen):
                yield None


def _findings(films: tuple[StoredFilm, ...], classifier: Classifier, darkroom: Darkroom, first: Developed) -> Findings:
    def look(seen: Mapping[SopInstanceUid, FilmHeader]) -> Developed:
        return darkroom.develop(films, seen).result() if seen else first

    return examine(classifier, films, look)
