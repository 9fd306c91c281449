"""Wires what uploads need: a door that no file can harm, pictures of films, and words about results."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass, field, replace
from functools import cached_property
from io import BytesIO
from typing import IO, TYPE_CHECKING, Final

from domain.ids import AeTitle
from domain.uploads import BadUpload, Refusal
from hilum import storage
from hilum.settings import environment_without_settings
from hilum.upload_process import REFUSED

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from db.engine import Engine
    from dicom_node.arrivals import Storage
    from domain.film import ReceivedInstance, Recorded, StoredFilm
    from domain.ids import AccountId, StudyId
    from domain.ports import Darkroom, Intake
    from domain.uploads import UploadKind, Wish
    from hilum.settings import Settings
    from web.pages.upload_room import UploadRoom
    from worker.events import Events

SOURCE: Final = AeTitle("HILUM_WEB")
"""What uploaded films are recorded to come from."""
_AT_ONCE: Final = 2
"""Files that are made into films at the same time: each may take as much memory as decoding a film."""
_PATIENCE_SECONDS: Final = 60.0
_MOST_PIXELS: Final = 1400
"""Rows and columns of a picture of a film: as many as a page shows."""


def upload_room(settings: Settings, engine: Engine, events: Events) -> UploadRoom:
    """Return what the pages of uploads need."""
    from db.uploads import PostgresUploads
    from hilum.workplace import darkroom_of
    from models.pages import PageSetter
    from models.wording import wording
    from web.pages.upload_room import UploadRoom

    return UploadRoom(
        ledger=PostgresUploads(engine),
        door=_door(settings, engine, events),
        picture=FilmPictures(opened=lambda: darkroom_of(settings, events, size=1)).png,
        words=wording,
        typesetter=PageSetter(),
        largest_bytes=settings.web.upload_megabytes * 1_000_000,
        a_minute=settings.web.uploads_a_minute,
    )


def _door(settings: Settings, engine: Engine, events: Events) -> ProcessUploadDoor:
    beside = storage.storage(settings, storage.intake(settings, engine, to_read=False), events)
    return ProcessUploadDoor(
        beside=beside,
        to_read=replace(beside, intake=storage.intake(settings, engine, is_asked=True)),
        megabytes=settings.worker.decode_megabytes,
    )


@dataclass(frozen=True, kw_only=True)
class ProcessUploadDoor:
    """Makes films of files in a process of their own: implements `domain.uploads.UploadDoor`."""

    beside: Storage
    """Where films go that nobody is asked to read."""
    to_read: Storage
    megabytes: int
    """Memory that one file may take."""
    _turns: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(_AT_ONCE))

    def take(self, file: IO[bytes], kind: UploadKind, wish: Wish, *, account: AccountId) -> StudyId:
        """Take a file, and let it be classified at once; when this returns it survives a power cut."""
        asked = {
            "kind": kind,
            "removes_names": wish.removes_names,
            "view": wish.view,
            "account": account,
            "number": secrets.token_hex(16),
            "megabytes": self.megabytes,
        }
        with tempfile.TemporaryFile() as made:
            with self._turns:
                _make(file, json.dumps(asked), made)
            return _stored(made, self.to_read if wish.is_to_read else self.beside)


def _make(file: IO[bytes], asked: str, made: IO[bytes]) -> None:
    """Write the film of a file.

    Raises:
        BadUpload: there is none.
    """
    descriptor = file.fileno()  # now it is on the disk, if it was in memory
    file.flush()
    os.lseek(descriptor, 0, os.SEEK_SET)
    command = [sys.executable, "-P", "-m", "hilum.upload_process", asked]
    try:
        done = subprocess.run(
            command,
            check=False,
            stdin=descriptor,
            stdout=made,
            stderr=subprocess.PIPE,  # what a library says of a file may quote a patient's data: only reasons are read
            timeout=_PATIENCE_SECONDS,
            env=environment_without_settings(),
        )
    except subprocess.TimeoutExpired as error:
        raise BadUpload(Refusal.TOO_COSTLY) from error
    if done.returncode == 0:
        return
    said = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
    is_told = done.returncode == REFUSED and said in set(Refusal)
    raise BadUpload(Refusal(said) if is_told else Refusal.TOO_COSTLY)


def _stored(made: IO[bytes], place: Storage) -> StudyId:
    """Store a film.

    Raises:
        BadUpload: it is none.
        Transient: disk or database can't take it now.
    """
    from dicom_node.importer import Importer
    from dicom_node.media import Source

    size, intake = made.seek(0, 2), _HastyIntake(place.intake)
    made.seek(0)
    importer = Importer(replace(place, intake=intake), source=SOURCE, stop=threading.Event())
    importer.take(Source(name="", size_bytes=size, open=lambda: made))
    if intake.study_id is None:
        raise BadUpload(Refusal.NO_FILM)
    return intake.study_id


class _HastyIntake:
    """Records one film, and lets its study be classified without waiting for more of it: somebody looks on."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self.study_id: StudyId | None = None

    def record(self, instance: ReceivedInstance) -> Recorded:
        """Commit the film's rows."""
        recorded = self._intake.record(instance)
        self.complete([recorded.study_id])
        self.study_id = recorded.study_id
        return recorded

    def complete(self, study_ids: Sequence[StudyId]) -> None:
        """Make studies due at once."""
        self._intake.complete(study_ids)


@dataclass(frozen=True, kw_only=True)
class FilmPictures:
    """Pictures of stored films, made in a process that is started when the first one is asked for."""

    opened: Callable[[], Darkroom]
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @cached_property
    def _darkroom(self) -> Darkroom:
        return self.opened()

    def png(self, film: StoredFilm) -> bytes:
        """Return a film as a PNG of 8 bits.

        Raises:
            Permanent: it has no pixels that can be shown.
            Transient: the store can't be read now.
            Crashed: its pixels end whoever decodes them.
        """
        from PIL import Image

        with self._lock:
            room = self._darkroom
        made = room.print(film, most_pixels=_MOST_PIXELS).result()
        content = BytesIO()
        Image.fromarray(made.picture).save(content, "PNG")
        return content.getvalue()
