"""Films from files: which are taken, which are not and why, and that they are the same as by C-STORE."""

from __future__ import annotations

import threading
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import MPEG2MPML, CTImageStorage, JPEG2000Lossless

from dicom_node.arrivals import StorageArrival
from dicom_node.command_set import C_STORE_RQ, Command
from dicom_node.importer import OUTCOMES, Importer, Interrupted
from dicom_node.media import Outcome, Source
from dicom_node.spool import Spool
from dicom_node.status import StoreStatus
from domain.errors import Transient
from domain.film import Reception
from domain.ids import AeTitle
from tests.doors import RememberingIntake, as_file, bare, outcome, storage
from tests.fakes import RecordedEvents

EXPLICIT = "1.2.840.10008.1.2.1"


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def received(dataset: Dataset) -> tuple[Command, bytes]:
    """Return what C-STORE would bring."""
    sop_class, instance = str(dataset.SOPClassUID), str(dataset.SOPInstanceUID)
    command = Command(
        field=C_STORE_RQ, message_id=1, data_set_type=0, sop_class_uid=sop_class, sop_instance_uid=instance
    )
    return command, bare(dataset)


def test_a_film_lies_where_its_row_says(film: Dataset, tmp_path: Path) -> None:
    """The data set is byte for byte that of the file, and IMPORT its sender."""
    place = storage(tmp_path)
    assert outcome(place, as_file(film)) is Outcome.NEW
    assert isinstance(place.intake, RememberingIntake)
    (row,) = place.intake.rows.values()
    assert (tmp_path / row.path).read_bytes().endswith(bare(film))
    assert (row.calling_ae_title, row.transfer_syntax_uid, row.modality) == ("IMPORT", EXPLICIT, "DX")


def test_an_imported_film_is_a_duplicate_of_the_received_one(film: Dataset, tmp_path: Path) -> None:
    """And the other way round: digest and place are the same."""
    command, content = received(film)
    place = storage(tmp_path)
    for first in (True, False):
        arrival = StorageArrival(place, command, EXPLICIT, "XRAY1")
        arrival.write(memoryview(content))
        assert arrival.finish() is StoreStatus.SUCCESS
        assert arrival.recorded is not None
        assert arrival.recorded.reception is (Reception.NEW if first else Reception.DUPLICATE)
        assert outcome(place, as_file(film)) is Outcome.DUPLICATE
    assert len(files(tmp_path)) == 1


def test_other_content_under_a_known_uid_is_a_conflict(film: Dataset, tmp_path: Path) -> None:
    """The first film's file is left alone, the other one's lies beside it."""
    place = storage(tmp_path)
    assert outcome(place, as_file(film)) is Outcome.NEW
    before = files(tmp_path)
    film.PatientName = "Other"
    assert outcome(place, as_file(film)) is Outcome.KEPT_ASIDE
    assert len(set(files(tmp_path)) - set(before)) == 1


@pytest.mark.parametrize(("explicit", "little"), [(True, True), (False, True), (True, False)])
def test_a_bare_data_set_is_taken(film: Dataset, tmp_path: Path, *, explicit: bool, little: bool) -> None:
    """Its first element tells the encoding."""
    place = storage(tmp_path)
    assert outcome(place, bare(film, explicit=explicit, little=little)) is Outcome.NEW
    assert isinstance(place.intake, RememberingIntake)
    (row,) = place.intake.rows.values()
    names = {(True, True): EXPLICIT, (False, True): "1.2.840.10008.1.2", (True, False): "1.2.840.10008.1.2.2"}
    assert row.transfer_syntax_uid == names[explicit, little]


def test_a_file_without_preamble_is_taken(film: Dataset, tmp_path: Path) -> None:
    """It begins with the file meta information."""
    assert outcome(storage(tmp_path), as_file(film)[132:]) is Outcome.NEW


def test_a_file_without_preamble_and_group_length_is_taken(film: Dataset, tmp_path: Path) -> None:
    """Programs that send by the web write it so."""
    assert outcome(storage(tmp_path), as_file(film)[132 + 12 :]) is Outcome.NEW


def test_a_bare_data_set_with_compressed_pixels_is_not_understood(film: Dataset, tmp_path: Path) -> None:
    """Nothing tells by what they are compressed."""
    film.PixelData = encapsulate([b"\xff\xd8\xff\xd9"])
    film["PixelData"].VR = "OB"
    film["PixelData"].is_undefined_length = True
    film.file_meta.TransferSyntaxUID = JPEG2000Lossless
    content = as_file(film)
    assert outcome(storage(tmp_path / "one"), content) is Outcome.NEW
    data_set = content[content.index(b"\x08\x00\x05\x00CS") :]
    assert outcome(storage(tmp_path / "two"), data_set) is Outcome.NOT_UNDERSTOOD


def test_a_bare_data_set_that_is_cut_is_not_understood(film: Dataset, tmp_path: Path) -> None:
    """Its class says that it was a film."""
    assert outcome(storage(tmp_path), bare(film)[:1000]) is Outcome.NOT_UNDERSTOOD


def test_a_compressed_film_keeps_its_encoding(film: Dataset, tmp_path: Path) -> None:
    """Nothing is decoded."""
    film.PixelData = encapsulate([b"\xff\xd8\xff\xd9"])
    film["PixelData"].is_undefined_length = True
    film.file_meta.TransferSyntaxUID = JPEG2000Lossless
    place = storage(tmp_path)
    assert outcome(place, as_file(film)) is Outcome.NEW
    assert isinstance(place.intake, RememberingIntake)
    assert {row.transfer_syntax_uid for row in place.intake.rows.values()} == {JPEG2000Lossless}


def test_identifiers_behind_a_long_element_are_found(film: Dataset, tmp_path: Path) -> None:
    """Beyond the first bytes more are read."""
    film.add_new(0x00091010, "OB", b"\0" * 300_000)
    assert outcome(storage(tmp_path), as_file(film)) is Outcome.NEW


def test_another_sop_class_is_passed_over(film: Dataset, tmp_path: Path) -> None:
    """A CT slice is nothing to complain about."""
    film.SOPClassUID = film.file_meta.MediaStorageSOPClassUID = CTImageStorage
    found = outcome(storage(tmp_path), as_file(film))
    assert (found, found.is_failure) == (Outcome.ANOTHER_SOP_CLASS, False)


def test_a_film_in_another_transfer_syntax_is_told(film: Dataset, tmp_path: Path) -> None:
    """A film is left behind: the node would have no presentation context for it."""
    content = as_file(film).replace(EXPLICIT.encode() + b"\0", MPEG2MPML[:20].encode()[: len(EXPLICIT) + 1], 1)
    found = outcome(storage(tmp_path), content)
    assert (found, found.is_failure) == (Outcome.TRANSFER_SYNTAX, True)


@pytest.mark.parametrize(
    "content", [b"", b"Dear colleague", b"\x89PNG\r\n\x1a\n" * 40, b"\0" * 4096, b"\x08\x00 a letter", b"\x08\x00"]
)
def test_what_is_not_dicom_is_passed_over(content: bytes, tmp_path: Path) -> None:
    """Also when its first bytes could be those of a data set."""
    found = outcome(storage(tmp_path), content)
    assert (found, found.is_failure) == (Outcome.NOT_DICOM, False)
    assert files(tmp_path) == []


@pytest.mark.parametrize("bytes_left", [140, 200, 340, 500])
def test_a_cut_header_is_not_understood(film: Dataset, tmp_path: Path, bytes_left: int) -> None:
    """The file says that it is DICOM: somebody has to look."""
    assert outcome(storage(tmp_path), as_file(film)[:bytes_left]) is Outcome.NOT_UNDERSTOOD
    assert files(tmp_path) == []


def test_an_identifier_that_is_no_uid_is_not_understood(film: Dataset, tmp_path: Path) -> None:
    """It could otherwise reach the database with any characters."""
    uid = str(film.SeriesInstanceUID).encode()
    assert outcome(storage(tmp_path), as_file(film).replace(uid, b"x" * len(uid))) is Outcome.NOT_UNDERSTOOD
    assert files(tmp_path) == []


def test_a_file_that_is_longer_than_it_may_be_leaves_nothing(film: Dataset, tmp_path: Path) -> None:
    """Whether it says so or not."""
    content = as_file(film)
    assert outcome(storage(tmp_path), content, largest_bytes=1000) is Outcome.TOO_LARGE
    film.add_new(0x00910010, "LO", "X")
    film.add_new(0x00911010, "OB", b"\0" * 3_000_000)
    silent = Source(name="bomb", size_bytes=0, open=lambda: BytesIO(as_file(film)))
    place = storage(tmp_path)
    taking = Importer(place, source=AeTitle("IMPORT"), stop=threading.Event(), largest_bytes=100_000)
    assert taking.take(silent) is Outcome.TOO_LARGE
    assert files(tmp_path) == []


def test_without_room_on_the_disk_all_ends(film: Dataset, tmp_path: Path) -> None:
    """The next film would fare no better."""
    place = storage(tmp_path, reserve_bytes=1 << 60)
    with pytest.raises(Transient, match="reserve_megabytes"):
        outcome(place, as_file(film))
    assert files(tmp_path) == []


def test_a_disk_that_fills_while_a_film_is_written_ends_it(
    film: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A member of an archive may inflate to anything."""
    rooms = iter([True, False])
    monkeypatch.setattr("dicom_node.importer._PIECES_BETWEEN_LOOKS", 1)
    monkeypatch.setattr(Spool, "has_room", lambda *_: next(rooms))
    film.add_new(0x00910010, "LO", "X")
    film.add_new(0x00911010, "OB", b"\0" * 3_000_000)
    with pytest.raises(Transient, match="reserve_megabytes"):
        outcome(storage(tmp_path), as_file(film))
    assert files(tmp_path) == []


def test_who_asks_to_stop_is_obeyed_before_the_next_film(film: Dataset, tmp_path: Path) -> None:
    """And nothing half-written stays."""
    stop = threading.Event()
    stop.set()
    source = Source(name="film", size_bytes=0, open=lambda: BytesIO(as_file(film)))
    with pytest.raises(Interrupted):
        Importer(storage(tmp_path), source=AeTitle("IMPORT"), stop=stop).take(source)
    assert files(tmp_path) == []


def test_the_log_tells_nothing_of_the_patient(film: Dataset, tmp_path: Path) -> None:
    """Neither name nor UID, whether a film is taken or refused."""
    place = storage(tmp_path)
    outcome(place, as_file(film))
    uid = str(film.SeriesInstanceUID).encode()
    film.SOPInstanceUID = film.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    outcome(place, as_file(film).replace(uid, b"x" * len(uid)))
    assert isinstance(place.events, RecordedEvents)
    assert place.events.names() == ["instance-received", "instance-refused"]
    told = str(place.events.told)
    assert not any(secret in told for secret in ("Doe", str(film.StudyInstanceUID), str(film.SOPInstanceUID)))


def test_every_reception_has_an_outcome() -> None:
    """What the database says is never an outcome that nobody thought of."""
    assert set(OUTCOMES) == set(Reception)
