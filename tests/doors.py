"""What films from files and archives are tested with: a database in memory, and archives with and without faults."""

from __future__ import annotations

import threading
import zipfile
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

from pydicom import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from dicom_node.arrivals import Storage
from dicom_node.importer import Importer
from dicom_node.media import Outcome, Source, sources
from dicom_node.spool import Spool
from domain.film import ReceivedInstance, Reception, Recorded
from domain.ids import AeTitle, StudyId
from tests.fakes import RecordedEvents


@dataclass
class RememberingIntake:
    """A database of one table in memory: the first film under a UID counts."""

    rows: dict[str, ReceivedInstance] = field(default_factory=dict)

    def record(self, instance: ReceivedInstance) -> Recorded:
        """Keep the instance, unless its UID is known."""
        first = self.rows.setdefault(instance.sop_instance_uid, instance)
        reception = Reception.DUPLICATE if first.digest == instance.digest else Reception.CONFLICT
        if first is instance:
            reception = Reception.NEW
        return Recorded(reception=reception, study_id=StudyId(1), path=first.path)


def storage(folder: Path, *, reserve_bytes: int = 0) -> Storage:
    """Return a spool with a database in memory."""
    events = RecordedEvents()
    return Storage(store=Spool(folder), intake=RememberingIntake(), events=events, reserve_bytes=reserve_bytes)


def importer(place: Storage, *, largest_bytes: int = 1 << 30) -> Importer:
    """Return an importer that nobody stops."""
    return Importer(place, source=AeTitle("IMPORT"), stop=threading.Event(), largest_bytes=largest_bytes)


def taken(place: Storage, *paths: Path) -> list[tuple[str, Outcome]]:
    """Import the paths; return what became of each file, by the end of its name."""
    taking = importer(place)
    return [
        (Path(one.name).name, taking.take(one) if isinstance(one, Source) else one.outcome) for one in sources(paths)
    ]


def outcome(place: Storage, content: bytes, *, largest_bytes: int = 1 << 30) -> Outcome:
    """Import one file of these bytes."""
    source = Source(name="file", size_bytes=len(content), open=lambda: BytesIO(content))
    return importer(place, largest_bytes=largest_bytes).take(source)


def as_file(dataset: Dataset) -> bytes:
    """Return a film as a DICOM file."""
    content = BytesIO()
    dataset.save_as(content, enforce_file_format=True)
    return content.getvalue()


def bare(dataset: Dataset, *, explicit: bool = True, little: bool = True) -> bytes:
    """Return the data set of a film without anything before it."""
    content = DicomBytesIO()
    content.is_implicit_VR, content.is_little_endian = not explicit, little
    write_dataset(content, dataset)
    return content.getvalue()


def zipped(file: Path, members: dict[str, bytes]) -> Path:
    """Write an archive."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file
