"""A small installation whose studies are looked at on pages: real films, the shipped network, a real database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from importlib.resources import files as resources
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from fastapi import FastAPI
from PIL import Image
from pydicom import Dataset
from sqlalchemy import Engine, text

from db.audit import PostgresAuditTrail
from db.engine import transaction
from db.queue import PostgresQueue
from db.studies import PostgresStudies
from dicom_node.importer import Importer
from dicom_node.media import Source
from dicom_node.wrap import wrap_film
from domain.accounts import Role
from domain.film import FilmHeader, Unsuitable, View
from domain.findings import Examination, Findings
from domain.ids import StudyId
from domain.study_view import StudyViews
from hilum import bootstrap, storage
from hilum.settings import Settings, load
from hilum.study_room import ScreenFilms, study_room
from models.classifier import NetworkClassifier
from tests.conftest import migrated
from tests.doors import importer
from tests.fakes import RecordedEvents
from tests.page_visitor import add_account, house_of
from tests.peers import settings_file
from web.pages.house import add_pages

FILMS = Path(str(resources("hilum.demo"))) / "films"


def bundled(name: str, **changes: Any) -> Dataset:  # noqa: ANN401 - what `wrap_film` takes
    """Return a bundled film in 16 bits, of an invented patient, with the window that shows all of it."""
    with Image.open(FILMS / name) as picture:
        pixels = np.asarray(picture.convert("L"), dtype=np.uint16) * 257
    values: dict[str, Any] = {
        "patient_id": "4711",
        "patient_name": "Muster^Anna",
        "patient_birth_date": "19610203",
        "patient_sex": "F",
        "accession_number": "A-100",
        **changes,
    }
    return wrap_film(pixels, **values)


_ONLY = text("""
UPDATE jobs SET run_after = CASE WHEN subject_id = :study THEN now() ELSE now() + interval '1 day' END
WHERE state = 'waiting'
""")


@dataclass
class Ward:
    """The installation."""

    settings: Settings
    engine: Engine

    def receive(self, *films: Dataset) -> StudyId:
        """Take films of one study; return its number."""
        place = storage.storage(self.settings, storage.intake(self.settings, self.engine), RecordedEvents())
        taking: Importer = importer(place)
        for film in films:
            content = BytesIO()
            film.save_as(content, enforce_file_format=True)
            data = content.getvalue()
            taking.take(Source(name="film", size_bytes=len(data), open=lambda data=data: BytesIO(data)))
        with transaction(self.engine) as connection:
            statement = text("SELECT id FROM studies WHERE study_instance_uid = :uid")
            return StudyId(connection.execute(statement, {"uid": films[0].StudyInstanceUID}).scalar_one())

    def classify(self, study: StudyId) -> None:
        """Classify a study that waits, by its first film, with the shipped network."""
        with transaction(self.engine) as connection:
            connection.execute(_ONLY, {"study": study})
        (job,) = PostgresQueue(self.engine).claim("classify", worker="host:1", lease=timedelta(seconds=60))
        studies = PostgresStudies(self.engine, routes=[])
        films = studies.films([StudyId(job.subject_id)])[StudyId(job.subject_id)]
        square = self.room.films._printed(films[0]).result().square
        (found,) = self.network.classify_squares([square])
        assert not isinstance(found, Unsuitable)
        findings = Findings(model=self.network.model, films=films, analysed=films[0], probabilities=found)
        seen = {film.sop_instance_uid: FilmHeader(view=View.PA) for film in films}
        seen.update({film.sop_instance_uid: self._lateral for film in films[1:]})
        studies.settle_classified([(job, Examination(findings=findings, films=seen))])

    @cached_property
    def room(self) -> Any:  # noqa: ANN401 - a room whose films can be closed
        """What the page of a study is made of."""
        return study_room(self.settings, self.engine, RecordedEvents())

    @cached_property
    def network(self) -> NetworkClassifier:
        """The shipped network."""
        return bootstrap.classifier(self.settings)

    def app(self, views: StudyViews | None = None) -> FastAPI:
        """Return the pages, with other views of studies where there are some."""
        made = FastAPI()
        room = self.room if views is None else replace(self.room, views=views)
        add_pages(made, house_of(self.engine, studies=room))
        return made

    def recorded(self) -> list[tuple[str, str, str, str]]:
        """Return the audit trail without logins: who, what, on what, and how it ended."""
        events = [record.event for record in PostgresAuditTrail(self.engine).records()]
        return [(one.actor, one.action, one.object, one.outcome) for one in events if one.action != "login"]

    @property
    def _lateral(self) -> FilmHeader:
        return FilmHeader(view=View.LATERAL, unsuitable=Unsuitable.NOT_FRONTAL)


@contextmanager
def ward(server_url: str, home: Path, **web: Any) -> Iterator[Ward]:  # noqa: ANN401 - settings of the web server
    """Open an installation with an account of each role."""
    with migrated(server_url) as engine:
        url = engine.url.render_as_string(hide_password=False)
        file = settings_file(
            home, home=str(home / "home"), database={"url": url}, worker={"device": "cpu", "threads": 1}, web=web
        )
        settings, _ = load(file)
        bootstrap.film_store(settings).close()
        for role in Role:
            add_account(engine, role.value, role)
        opened = Ward(settings=settings, engine=engine)
        try:
            yield opened
        finally:
            films = opened.room.films
            assert isinstance(films, ScreenFilms)
            films.close()
