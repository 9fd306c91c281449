"""Taking one instance: what is answered when something fails, and what is left behind."""

from __future__ import annotations

from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import pytest
from pydicom.dataset import Dataset

from dicom_node.receiver import Storage, answer
from dicom_node.spool import Spool
from dicom_node.status import StoreStatus, is_accepted, passes
from domain.errors import Transient
from domain.film import ReceivedInstance, Reception, Recorded
from domain.ids import StudyId
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


def request(film: Dataset) -> SimpleNamespace:
    """Return what the network would hand over for a film."""
    whole, bare = BytesIO(), BytesIO()
    film.save_as(whole, enforce_file_format=True)
    without_meta = Dataset(film)
    without_meta.save_as(bare, implicit_vr=False, little_endian=True)
    return SimpleNamespace(
        encoded_dataset=lambda *, include_meta: (whole if include_meta else bare).getvalue(),
        request=SimpleNamespace(AffectedSOPClassUID=film.SOPClassUID, AffectedSOPInstanceUID=film.SOPInstanceUID),
        context=SimpleNamespace(transfer_syntax=film.file_meta.TransferSyntaxUID),
        assoc=SimpleNamespace(requestor=SimpleNamespace(ae_title="XRAY1")),
    )


def storage(folder: Path, end: Recorded | Exception | None = None) -> Storage:
    return Storage(spool=Spool(folder), intake=FakeIntake(end), events=RecordedEvents())


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_success_is_answered_after_file_and_rows(film: Dataset, tmp_path: Path) -> None:
    """The file lies where the row says."""
    place = storage(tmp_path)
    assert answer(request(film), place) is StoreStatus.SUCCESS
    assert isinstance(place.intake, FakeIntake)
    assert files(tmp_path) == [tmp_path / place.intake.seen[0].path]


@pytest.mark.parametrize("failure", [Transient("the database is away"), OSError(28, "full"), KeyError("Doe^Jane")])
def test_whatever_fails_the_sender_is_told_to_try_again(film: Dataset, tmp_path: Path, failure: Exception) -> None:
    """0xA700, and never a text that may quote the patient."""
    place = storage(tmp_path, failure)
    assert answer(request(film), place) is StoreStatus.OUT_OF_RESOURCES
    assert isinstance(place.events, RecordedEvents)
    assert "Doe" not in str(place.events.told)


def test_a_full_disk_asks_the_database_nothing(film: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No row without its file."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    place = storage(tmp_path)
    monkeypatch.setattr(Spool, "write", full)
    assert answer(request(film), place) is StoreStatus.OUT_OF_RESOURCES
    assert isinstance(place.intake, FakeIntake)
    assert place.intake.seen == []


def test_a_film_that_is_not_kept_leaves_no_file(film: Dataset, tmp_path: Path) -> None:
    """Other content under a known UID: the first film's file counts, the second's goes."""
    first = Recorded(reception=Reception.CONFLICT, study_id=StudyId(1), path="first.dcm")
    assert answer(request(film), storage(tmp_path, first)) is StoreStatus.SUCCESS
    assert files(tmp_path) == []


def test_an_identifier_that_is_no_uid_is_not_understood(film: Dataset, tmp_path: Path) -> None:
    """It could otherwise reach the database with any characters."""
    event = request(film)
    event.encoded_dataset = lambda *, include_meta: b"\x00" * (200 if include_meta else 60)
    assert answer(event, storage(tmp_path)) is StoreStatus.CANNOT_UNDERSTAND


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
