"""An archive's every answer, given by a real one on a loopback port."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage
from pynetdicom import AE, evt
from pynetdicom.events import Event
from pynetdicom.pdu_primitives import P_DATA
from pynetdicom.sop_class import (
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)

from dicom_node.archive import Archive, Incomplete, Interrupted, Method, archive
from dicom_node.arrivals import Storage
from dicom_node.command_set import C_STORE_RQ, Command
from dicom_node.contexts import RECEIVED_SOP_CLASSES, UNCOMPRESSED
from dicom_node.requestor import PeerAddress
from dicom_node.retrieval import Arrivals, StreamingProvider
from dicom_node.status import StoreStatus
from dicom_node.wrap import wrap_film
from domain.archive import Query, RemoteStudy, Wanted, wanted
from domain.errors import Permanent, Transient
from domain.ids import AeTitle, StudyUid
from tests.doors import RememberingIntake, bare, storage
from tests.fakes import RecordedEvents
from tests.films import chest

EVERYTHING = Query(date="20260102")


@dataclass
class Pacs:
    """An archive with some films, or with a fault."""

    films: list[Dataset] = field(default_factory=list)
    status: int = 0
    """The answer to a query."""
    sleep_s: float = 0
    """How long it thinks before it sends anything."""
    breaks_off_after: int | None = None
    """How many films it sends before it breaks off."""
    asked: list[Dataset] = field(default_factory=list)

    def find(self, event: Event) -> Iterator[tuple[int, Dataset | None]]:
        """Answer a query with all films, whatever the keys."""
        self.asked.append(event.identifier)
        for film in self.films:
            match = Dataset()
            for element in event.identifier:
                match.add(film.get(element.tag, element))
            yield 0xFF00, match
        if self.status:
            yield self.status, None

    def get(self, event: Event) -> Iterator[object]:
        """Send all films."""
        self.asked.append(event.identifier)
        time.sleep(self.sleep_s)
        yield len(self.films)
        for sent, film in enumerate(self.films):
            if sent == self.breaks_off_after:
                event.assoc.abort()
                return
            yield 0xFF00, film


@contextmanager
def listening(pacs: Pacs, *, sends: bool = True, moves: bool = False) -> Iterator[PeerAddress]:
    """Start the archive on a free port; it may be one that only queries, or that sends nothing on our association."""
    entity = AE(ae_title="PACS")
    entity.add_supported_context(StudyRootQueryRetrieveInformationModelFind)
    entity.add_supported_context(StudyRootQueryRetrieveInformationModelGet)
    if moves:
        entity.add_supported_context(StudyRootQueryRetrieveInformationModelMove)
    if sends:
        for sop_class in RECEIVED_SOP_CLASSES:
            entity.add_supported_context(sop_class, list(UNCOMPRESSED), scu_role=True, scp_role=True)
    handlers = [(evt.EVT_C_FIND, pacs.find), (evt.EVT_C_GET, pacs.get)]
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    try:
        port = server.socket.getsockname()[1]
        yield PeerAddress(name="pacs", ae_title=AeTitle("PACS"), host="127.0.0.1", port=port)
    finally:
        server.shutdown()


@contextmanager
def opened(
    peer: PeerAddress,
    place: Storage,
    *,
    method: Method | None = None,
    stop: threading.Event | None = None,
    patience_s: float = 10,
) -> Iterator[Archive]:
    stop = stop or threading.Event()
    with archive(peer, AeTitle("HILUM"), place, stop, method=method, patience_s=patience_s) as remote:
        yield remote


def films(count: int) -> list[Dataset]:
    """Return films of one series."""
    made = [wrap_film(chest(number, 64), patient_id="P1", patient_name="Doe^Jane") for number in range(count)]
    for one in made:
        one.StudyInstanceUID, one.SeriesInstanceUID = made[0].StudyInstanceUID, made[0].SeriesInstanceUID
        one.ModalitiesInStudy = "DX"
    return made


def retrieve(remote: Archive, *sent: Dataset) -> int:
    """Retrieve a series; return how many films the archive says to have tried."""
    steps: list[int] = []
    first = sent[0]
    study = RemoteStudy(study_uid=StudyUid(first.StudyInstanceUID), date="", series=())
    request = Wanted(
        study_uid=study.study_uid,
        series_uid=first.SeriesInstanceUID,
        films=tuple(one.SOPInstanceUID for one in sent),
        is_whole_series=True,
    )
    remote.retrieve(request, steps.append)
    return sum(steps)


def rows(place: Storage) -> RememberingIntake:
    assert isinstance(place.intake, RememberingIntake)
    return place.intake


def test_films_come_with_the_bytes_that_were_sent(tmp_path: Path) -> None:
    """Into the spool, with the archive as their sender."""
    (one, other), place = films(2), storage(tmp_path)
    with listening(Pacs([one, other])) as peer, opened(peer, place) as remote:
        assert (remote.method, retrieve(remote, one, other)) == (Method.GET, 2)
    row = rows(place).rows[one.SOPInstanceUID]
    assert (tmp_path / row.path).read_bytes().endswith(bare(one))
    assert (len(rows(place).rows), row.calling_ae_title) == (2, "PACS")


def test_what_an_archive_has_is_found(tmp_path: Path) -> None:
    """Study, series and films, each once."""
    (one,) = films(1)
    pacs = Pacs([one])
    with listening(pacs) as peer, opened(peer, storage(tmp_path)) as remote:
        (study,) = remote.find(EVERYTHING)
    assert (study.study_uid, study.films) == (one.StudyInstanceUID, (one.SOPInstanceUID,))
    (request,) = wanted(study, set())
    assert (request.series_uid, request.is_whole_series) == (one.SeriesInstanceUID, True)
    assert [asked.QueryRetrieveLevel for asked in pacs.asked] == ["STUDY", "SERIES", "IMAGE"]


def test_no_query_asks_for_names(tmp_path: Path) -> None:
    """What is not needed is not fetched."""
    pacs = Pacs(films(1))
    with listening(pacs) as peer, opened(peer, storage(tmp_path)) as remote:
        list(remote.find(EVERYTHING))
    assert not any("PatientName" in asked for asked in pacs.asked)


def test_what_is_no_film_is_not_asked_for(tmp_path: Path) -> None:
    """A CT slice in the series: the film comes by its UID."""
    film, ct = films(2)
    ct.SOPClassUID = CTImageStorage
    with listening(Pacs([film, ct])) as peer, opened(peer, storage(tmp_path)) as remote:
        study = next(remote.find(EVERYTHING))
    (request,) = wanted(study, set())
    assert (request.films, request.is_whole_series) == ((film.SOPInstanceUID,), False)


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (0xA700, Transient, "out of resources"),
        (0xA900, Permanent, "identifier does not match SOP class"),
        (0xC001, Permanent, "unable to process"),
        (0x0124, Permanent, "not authorised"),
    ],
)
def test_a_refused_query_is_told_in_words(tmp_path: Path, status: int, kind: type[Exception], words: str) -> None:
    """With the status."""
    with (
        listening(Pacs(status=status)) as peer,
        opened(peer, storage(tmp_path)) as remote,
        pytest.raises(kind, match=f"{words} .0x{status:04X}"),
    ):
        list(remote.find(EVERYTHING))


def test_a_match_without_its_uid_is_refused(tmp_path: Path) -> None:
    """As a key of the next query the empty one would match the whole archive."""
    (one,) = films(1)
    one.StudyInstanceUID = ""
    pacs = Pacs([one])
    with (
        listening(pacs) as peer,
        opened(peer, storage(tmp_path)) as remote,
        pytest.raises(Permanent, match="without the UID"),
    ):
        list(remote.find(EVERYTHING))
    assert len(pacs.asked) == 1


def test_what_the_archive_could_not_send_is_told(tmp_path: Path) -> None:
    """The film is here; the slice, for which there is no presentation context, has failed."""
    film, ct = films(2)
    ct.SOPClassUID = ct.file_meta.MediaStorageSOPClassUID = CTImageStorage
    place = storage(tmp_path)
    with (
        listening(Pacs([film, ct])) as peer,
        opened(peer, place) as remote,
        pytest.raises(Incomplete, match=r"some of them with failures \(0xB000\), 1 failed"),
    ):
        retrieve(remote, film, ct)
    assert set(rows(place).rows) == {film.SOPInstanceUID}


def test_an_archive_that_breaks_off_leaves_what_came(tmp_path: Path) -> None:
    """Every film was durable before its answer."""
    first, second = films(2)
    place = storage(tmp_path)
    with (
        listening(Pacs([first, second], breaks_off_after=1)) as peer,
        opened(peer, place) as remote,
        pytest.raises(Transient, match="broke off"),
    ):
        retrieve(remote, first, second)
    assert set(rows(place).rows) == {first.SOPInstanceUID}


def test_a_silent_archive_is_not_waited_for(tmp_path: Path) -> None:
    """No longer than was agreed."""
    (one,) = films(1)
    started = time.monotonic()
    with (
        listening(Pacs([one], sleep_s=3)) as peer,
        opened(peer, storage(tmp_path), patience_s=1) as remote,
        pytest.raises(Transient, match="did not answer in time"),
    ):
        retrieve(remote, one)
    assert time.monotonic() - started < 3


def test_an_archive_that_sends_slowly_is_not_silent(tmp_path: Path) -> None:
    """As long as something of a film comes, patience begins anew."""
    association = SimpleNamespace(dimse_timeout=0.3, dul=threading.current_thread())
    provider = StreamingProvider(association, Arrivals(storage(tmp_path), "PACS", threading.Event()))  # type: ignore[arg-type]
    sender = threading.Thread(
        target=lambda: [(time.sleep(0.15), provider.receive_primitive(P_DATA())) for _ in range(6)]
    )
    started = time.monotonic()
    sender.start()
    assert provider.get_msg(block=True) == (None, None)
    sender.join()
    assert 1.1 < time.monotonic() - started < 3


def test_an_archive_that_breaks_off_within_a_film_leaves_nothing_of_it(tmp_path: Path) -> None:
    """The draft goes."""
    (one,) = films(1)
    place = storage(tmp_path)
    cut = Pacs([one])
    with listening(cut) as peer, opened(peer, place) as remote:
        arrival = remote._arrivals.begin(request_of(one), "1.2.840.10008.1.2.1")
        arrival.write(memoryview(bare(one))[:500])
        remote._association.dimse._messages._arrival = arrival  # type: ignore[attr-defined]
        assert len(list((tmp_path / "incoming").iterdir())) == 1
    assert list((tmp_path / "incoming").iterdir()) == []


def test_another_sop_class_is_not_taken(tmp_path: Path) -> None:
    """Whatever presentation context it comes in."""
    (ct,) = films(1)
    ct.SOPClassUID = CTImageStorage
    arrivals = Arrivals(storage(tmp_path), "PACS", threading.Event())
    assert arrivals.begin(request_of(ct), "1.2.840.10008.1.2.1").finish() is StoreStatus.CANNOT_UNDERSTAND


def request_of(film: Dataset) -> Command:
    return Command(
        field=C_STORE_RQ,
        message_id=1,
        data_set_type=0,
        sop_class_uid=str(film.SOPClassUID),
        sop_instance_uid=str(film.SOPInstanceUID),
    )


def test_a_full_disk_of_ours_ends_it_with_words(tmp_path: Path) -> None:
    """The archive is told out of resources, and the person why."""
    (one,) = films(1)
    place = storage(tmp_path, reserve_bytes=1 << 60)
    with (
        listening(Pacs([one])) as peer,
        opened(peer, place) as remote,
        pytest.raises(Transient, match="reserve_megabytes"),
    ):
        retrieve(remote, one)
    assert rows(place).rows == {}


def test_who_asks_to_stop_is_obeyed(tmp_path: Path) -> None:
    """No film is taken any more."""
    (one,) = films(1)
    stop = threading.Event()
    place = storage(tmp_path)
    with listening(Pacs([one])) as peer, opened(peer, place, stop=stop) as remote:
        stop.set()
        with pytest.raises(Interrupted):
            retrieve(remote, one)
    assert rows(place).rows == {}


def test_the_way_that_the_archive_offers_is_taken(tmp_path: Path) -> None:
    """One that sends no films on our association is asked to move them."""
    with listening(Pacs(), sends=False, moves=True) as peer, opened(peer, storage(tmp_path)) as remote:
        assert remote.method is Method.MOVE


@pytest.mark.parametrize(
    ("method", "words"), [(None, "C-GET or C-MOVE"), (Method.GET, "C-GET"), (Method.MOVE, "C-MOVE")]
)
def test_an_archive_that_offers_no_way_is_refused(tmp_path: Path, method: Method | None, words: str) -> None:
    """It answers queries, but would send nothing."""
    with (
        listening(Pacs(), sends=False) as peer,
        pytest.raises(Permanent, match=f"does not accept {words} for films"),
        opened(peer, storage(tmp_path), method=method),
    ):
        pass


def test_the_log_tells_nothing_of_the_patient(tmp_path: Path) -> None:
    """Neither name nor UID."""
    (one,) = films(1)
    place = storage(tmp_path)
    with listening(Pacs([one])) as peer, opened(peer, place) as remote:
        retrieve(remote, one)
    assert isinstance(place.events, RecordedEvents)
    assert place.events.names() == ["instance-received"]
    assert not any(secret in str(place.events.told) for secret in ("Doe", one.PatientID, one.StudyInstanceUID))
