"""Wires the page of a study: the database, the darkroom that decodes its films, the network that explains a result."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from hilum import bootstrap

if TYPE_CHECKING:
    from concurrent.futures import Future

    from db.engine import Engine
    from domain.explanation import HeatMap
    from domain.film import Plate, Print, StoredFilm
    from domain.findings import Findings, ModelVersion
    from domain.study_view import StudyRoom
    from hilum.settings import Settings
    from models.classifier import NetworkClassifier
    from worker.darkroom import Darkroom
    from worker.events import Events

_MOST_PIXELS: Final = 2500
"""Rows and columns that a screen is sent: 12 MB at most."""
_MAP_PIXELS: Final = 640
"""The evidence is coarse; more would show nothing else."""
_PROCESSES: Final = 2


def study_room(settings: Settings, engine: Engine, events: Events) -> StudyRoom:
    """Return what the page of a study is made of."""
    from db.results import PostgresResults
    from db.study_view import PostgresStudyViews
    from dicom_node.web_library import ResultReports
    from domain.study_view import StudyRoom
    from hilum.couriers import report_settings
    from models.knowledge import load_knowledge

    store = bootstrap.film_store(settings, for_reading=True)
    return StudyRoom(
        views=PostgresStudyViews(engine),
        films=ScreenFilms(settings, events),
        reports=ResultReports(PostgresResults(engine), store, report_settings(settings)),
        knowledge=load_knowledge,
        viewer_url=settings.web.viewer_url,
    )


class ScreenFilms:
    """Implements `domain.study_view.FilmsOnView`; processes and network are started when they are first needed."""

    def __init__(self, settings: Settings, events: Events) -> None:
        self._settings = settings
        self._events = events
        self._lock = threading.Lock()
        self._darkroom: Darkroom | None = None
        self._network: NetworkClassifier | None = None

    def plate(self, film: StoredFilm) -> Plate:
        """Return a film before its window, of a moderate size."""
        return self._opened().plate(film, most_pixels=_MOST_PIXELS).result()

    def evidence(self, findings: Findings) -> HeatMap | None:
        """Return where the network found its evidence; None where another one is at work, or answers otherwise here."""
        from domain.film import Unsuitable
        from models.heatmap import heat_map

        if findings.analysed is None or findings.probabilities is None:
            return None
        printed = self._printed(findings.analysed)
        network = self._network_of(findings.model)
        if network is None:
            return None
        made = printed.result()
        (explanation,) = network.explain_squares([made.square])
        if isinstance(explanation, Unsuitable) or explanation.label is not findings.probabilities.label:
            return None
        return heat_map(explanation, (made.picture.shape[0], made.picture.shape[1]))

    def close(self) -> None:
        """End the processes, if there are some."""
        with self._lock:
            if self._darkroom is not None:
                self._darkroom.close()
                self._darkroom = None

    def _printed(self, film: StoredFilm) -> Future[Print]:
        return self._opened().print(film, most_pixels=_MAP_PIXELS)

    def _opened(self) -> Darkroom:
        from hilum.workplace import darkroom_of

        with self._lock:
            if self._darkroom is None:
                self._darkroom = darkroom_of(self._settings, self._events, size=_PROCESSES)
            return self._darkroom

    def _network_of(self, model: ModelVersion) -> NetworkClassifier | None:
        """Return the network at work, on the processor, where it is the one that is asked for."""
        from models.classifier import NetworkClassifier
        from models.runtime import open_runtime

        with self._lock:
            if self._network is None or self._network.model != model:
                package = bootstrap.package(self._settings)
                if package.model != model:
                    return None
                runtime = open_runtime(package, "cpu", self._settings.worker.threads or None)
                self._network = NetworkClassifier(package, runtime)
            return self._network
