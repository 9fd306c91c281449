"""Taking one instance: what is answered when something fails, and what is left behind."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pynetdicom.dsutils import encode

from dicom_node.arrivals import Storage, StorageArrival
from dicom_node.command_set import C_STORE_RQ, Command
from dicom_node.drafts import Draft
from dicom_node.spool import Spool
from dicom_node.status import StoreStatus, is_accepted, passes
from domain.errors import Transient
from domain.film import ReceivedInstance, Reception, Recorded
from domain.ids import StudyId
from domain.priority import Priority, PriorityRule
from tests.fakes import RecordedEvents


@dataclass
class FakeIntake:
    """A database that answers as it is told."""

    end: Recorded | Exception | None = None
    seen: list[ReceivedInstance] = field(default_factory=list)

    def record(self, instance: ReceivedInstance) -> Recorded:
        """Keep the instance, or fail."""
        self.seen.append(instance)
        if isinstance(self.end, Exception):
            raise self.end
        return self.end or Recorded(reception=Reception.NEW, study_id=StudyId(1), path=instance.path)


def data_set(film: Dataset) -> bytes:
    """Return what the network would bring of a film."""
    content = encode(film, is_implicit_vr=False, is_little_endian=True)
    assert content is not None
    return content


def request(film: Dataset) -> Command:
    """Return the command that announces a film."""
    return Command(
        field=C_STORE_RQ,
        message_id=1,
        data_set_type=0,
        sop_class_uid=str(film.SOPClassUID),
        sop_instance_uid=str(film.SOPInstanceUID),
    )


def answer(film: Dataset, place: Storage, content: bytes | None = None, *, piece: int = 1000) -> StoreStatus:
    """Let a film arrive in pieces, or other content under its name; return the status."""
    arrival = StorageArrival(place, request(film), str(film.file_meta.TransferSyntaxUID), "XRAY1")
    content = data_set(film) if content is None else content
    for start in range(0, len(content), piece):
        arrival.write(memoryview(content)[start : start + piece])
    return arrival.finish()


def storage(folder: Path, end: Recorded | Exception | None = None) -> Storage:
    return Storage(store=Spool(folder), intake=FakeIntake(end), events=RecordedEvents())


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_success_is_answered_after_file_and_rows(film: Dataset, tmp_path: Path) -> None:
    """The file lies where the row says."""
    place = storage(tmp_path)
    assert answer(film, place) is StoreStatus.SUCCESS
    assert isinstance(place.intake, FakeIntake)
    assert files(tmp_path) == [tmp_path / place.intake.seen[0].path]


@pytest.mark.parametrize("failure", [Transient("the database is away"), OSError(28, "full"), KeyError("Doe^Jane")])
def test_whatever_fails_the_sender_is_told_to_try_again(film: Dataset, tmp_path: Path, failure: Exception) -> None:
    """0xA700, and never a text that may quote the patient."""
    place = storage(tmp_path, failure)
    assert answer(film, place) is StoreStatus.OUT_OF_RESOURCES
    assert isinstance(place.events, RecordedEvents)
    assert "Doe" not in str(place.events.told)


def test_the_log_says_whether_it_was_the_database_or_the_store(film: Dataset, tmp_path: Path) -> None:
    """In words of our own; of foreign errors the type alone."""
    told = []
    for failure in (Transient("the database is away"), KeyError("Doe^Jane")):
        place = storage(tmp_path, failure)
        answer(film, place)
        assert isinstance(place.events, RecordedEvents)
        told += [fields for level, _, fields in place.events.told if level == "error"]
    assert told == [{"error": "Transient", "reason": "the database is away"}, {"error": "KeyError"}]


def test_a_full_disk_asks_the_database_nothing(film: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No row without its file."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    place = storage(tmp_path)
    monkeypatch.setattr(Draft, "settle", full)
    assert answer(film, place) is StoreStatus.OUT_OF_RESOURCES
    assert isinstance(place.intake, FakeIntake)
    assert place.intake.seen == []
    assert files(tmp_path) == []


def test_a_film_that_is_not_kept_leaves_no_file(film: Dataset, tmp_path: Path) -> None:
    """Other content under a known UID, and the settings refuse it."""
    first = Recorded(reception=Reception.REJECTED, study_id=StudyId(1), path="first.dcm")
    assert answer(film, storage(tmp_path, first)) is StoreStatus.DUPLICATE_SOP_INSTANCE
    assert files(tmp_path) == []


@pytest.mark.parametrize("reception", [Reception.CONFLICT, Reception.REPLACED])
def test_a_film_that_differs_is_kept_where_success_is_answered(
    film: Dataset, tmp_path: Path, reception: Reception
) -> None:
    """Whether it counts or lies aside: the sender may delete its own."""
    place = storage(tmp_path)
    answer(film, place)
    (kept,) = files(tmp_path)
    path = "first.dcm" if reception is Reception.CONFLICT else str(kept.relative_to(tmp_path))
    recorded = Recorded(reception=reception, study_id=StudyId(1), path=path)
    assert answer(film, storage(tmp_path, recorded)) is StoreStatus.SUCCESS
    assert files(tmp_path) == [kept]


def test_the_rules_give_a_film_its_priority(film: Dataset, tmp_path: Path) -> None:
    """Also where the header is long; a header that breaks off says nothing of its urgency."""
    rules = (PriorityRule(priority=Priority.STAT, location="er*"),)
    film.CurrentPatientLocation = "ER-2"
    film.add_new(0x00091010, "OB", b"\0" * 100_000)
    place = replace(storage(tmp_path), priority_rules=rules)
    answer(film, place)
    cut = data_set(film)
    answer(film, place, cut[: cut.index(b"\x38\x00\x00\x03") + 6])
    assert isinstance(place.intake, FakeIntake)
    assert [instance.priority for instance in place.intake.seen] == [Priority.STAT, Priority.ROUTINE]


def test_an_identifier_that_is_no_uid_is_not_understood(film: Dataset, tmp_path: Path) -> None:
    """It could otherwise reach the database with any characters."""
    content = data_set(film).replace(str(film.StudyInstanceUID).encode(), b"x" * len(str(film.StudyInstanceUID)))
    assert answer(film, storage(tmp_path), content) is StoreStatus.CANNOT_UNDERSTAND
    assert answer(film, storage(tmp_path), b"\x00" * 60) is StoreStatus.CANNOT_UNDERSTAND
    assert files(tmp_path) == []


def test_identifiers_behind_a_long_element_are_found(film: Dataset, tmp_path: Path) -> None:
    """Beyond what is kept in memory they are read from the disk."""
    film.add_new(0x00091010, "OB", b"\0" * 100_000)
    assert answer(film, storage(tmp_path)) is StoreStatus.SUCCESS


def test_the_file_is_what_came_behind_a_valid_head(film: Dataset, tmp_path: Path) -> None:
    """Byte for byte, with the sender in the file meta information (PS3.10 7.1)."""
    assert answer(film, storage(tmp_path)) is StoreStatus.SUCCESS
    (stored,) = files(tmp_path)
    assert stored.read_bytes().endswith(data_set(film))
    meta = dcmread(stored).file_meta
    assert meta.MediaStorageSOPInstanceUID == film.SOPInstanceUID
    assert meta.SourceApplicationEntityTitle == "XRAY1"


def test_a_film_that_breaks_off_leaves_nothing(film: Dataset, tmp_path: Path) -> None:
    """The association was aborted in the middle."""
    place = storage(tmp_path)
    arrival = StorageArrival(place, request(film), "1.2.840.10008.1.2.1", "XRAY1")
    arrival.write(memoryview(data_set(film))[:500])
    arrival.abandon()
    assert files(tmp_path) == []
    assert isinstance(place.intake, FakeIntake)
    assert place.intake.seen == []


def test_without_room_nothing_is_written(film: Dataset, tmp_path: Path) -> None:
    """0xA700 before the disk is full to the last byte: PostgreSQL needs some of it too."""
    place = replace(storage(tmp_path), reserve_bytes=1 << 60)
    assert answer(film, place) is StoreStatus.OUT_OF_RESOURCES
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    ("status", "accepted", "may_pass"),
    [
        (0x0000, True, False),
        (0xB000, True, False),
        (0x0111, True, False),
        (0xA700, False, True),
        (0x0110, False, True),
        (0xA900, False, False),
        (0xC001, False, False),
        (0x0122, False, False),
    ],
)
def test_a_peers_status_decides_what_becomes_of_a_report(status: int, accepted: bool, may_pass: bool) -> None:  # noqa: FBT001 - a table
    """Delivered, tried again, or held."""
    assert (is_accepted(status), passes(status)) == (accepted, may_pass)
