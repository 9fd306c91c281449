"""The whole way: dcmtk sends films, Hilum classifies, Orthanc gets the reports, the validators judge them."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import psutil
import pydicom
import pytest
from pydicom import Dataset
from pydicom.uid import JPEG2000Lossless

from domain.film import Unsuitable
from hilum.supervise import PYTHON_M_HILUM
from tests import validators
from tests.films import PATIENT, copy_of, film, saved
from tests.modality import Modality, answer_to, asked, listening
from tests.peers import Hilum, Orthanc, free_port, hilum, ledger_of, orthanc, settings_file, storescu, wait_for

pytestmark = pytest.mark.peers


@dataclass
class Hospital:
    """A modality's view of Hilum, and the PACS behind it."""

    port: int
    pacs: Orthanc
    config: Path
    folder: Path
    modality_port: int
    """Where XRAY1 would listen."""

    def send(self, *films: Dataset) -> None:
        """C-STORE films and expect success for each."""
        files = [saved(each, self.folder) for each in films]
        status, said = storescu(self.port, *files, options=("-xs",) if is_compressed(films) else ())
        assert status == 0, said

    def committed(self, transaction: str) -> Any:  # noqa: ANN401 - JSON
        """Return what the PACS was told about its request for storage commitment; None before it was told."""
        answer = self.pacs.get(f"/storage-commitment/{transaction}")
        return None if answer["Status"] == "Pending" else answer

    def troubled(self, lane: str) -> list[Any]:
        """Return the jobs of a lane that failed and are tried again."""
        command = [*PYTHON_M_HILUM, "--config", str(self.config), "status", "--json"]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        return [job for job in json.loads(done.stdout)["troubled"] if job["lane"] == lane]

    def report_of(self, sent: Dataset) -> Path:
        """Wait for the report in the film's study and return it as a file."""
        uid = str(sent.StudyInstanceUID)
        (instance,) = wait_for(lambda: self.pacs.reports().get(uid))
        file = self.folder / f"{instance}.dcm"
        file.write_bytes(self.pacs.file(instance))
        return file


def is_compressed(films: tuple[Dataset, ...]) -> bool:
    return any(each.file_meta.TransferSyntaxUID.is_compressed for each in films)


def settings(folder: Path, *, database: str, port: int, pacs: Orthanc, modality_port: int = 1, **worker: float) -> Path:
    peer = {"name": "pacs", "ae_title": "ORTHANC", "host": "127.0.0.1", "port": pacs.dicom_port}
    return settings_file(
        folder,
        home=str(folder / "home"),
        database={"url": database},
        node={"port": port, "study_quiet_seconds": 0.5},
        worker=worker or {"retry_seconds": 0.2, "retry_limit_seconds": 1},
        peers=[
            {**peer, "receives_results": True, "may_send": True, "commits_results": True},
            {"name": "xray", "ae_title": "XRAY1", "host": "127.0.0.1", "port": modality_port, "may_send": True},
        ],
    )


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hospital]:
    """`hilum up` with its embedded database between dcmtk and Orthanc."""
    folder = tmp_path_factory.mktemp("hospital")
    port, modality_port = free_port(), free_port()
    with orthanc(folder / "orthanc", hilum_port=port) as pacs:
        config = settings(folder, database="embedded", port=port, pacs=pacs, modality_port=modality_port)
        with hilum(config, "up") as running:
            running.wait_until("worker-ready")
            running.wait_until("node-ready")
            yield Hospital(port=port, pacs=pacs, config=config, folder=folder, modality_port=modality_port)
            text = running.log.read_text()
            assert running.stop() == 0
    assert [word for word in (PATIENT, "SECRET-ID") if word in text] == []


def texts(report: Dataset) -> str:
    """Return all text in a report."""
    here = str(report.get("TextValue", ""))
    return here + " ".join(texts(item) for item in report.get("ContentSequence", []))


def test_a_film_comes_back_as_a_valid_report_in_its_study(hospital: Hospital) -> None:
    """One SR in the film's study; dciodvfy, pixelmed and dsrdump find no fault in it."""
    sent = film(101)
    hospital.send(sent)
    file = hospital.report_of(sent)
    report = pydicom.dcmread(file)
    assert (report.Modality, report.PatientID) == ("SR", sent.PatientID)
    assert report.SOPClassUID == "1.2.840.10008.5.1.4.1.1.88.34"
    assert "COVID19" in texts(report)
    assert validators.dciodvfy(file) == []
    assert validators.pixelmed(file) == []
    assert validators.dsrdump(file) == []


def test_a_resent_film_leaves_one_report(hospital: Hospital) -> None:
    """The same study, films and model give the same SOP Instance UID."""
    sent, other = film(102), film(103)
    hospital.send(sent)
    first = pydicom.dcmread(hospital.report_of(sent)).SOPInstanceUID
    hospital.send(sent)
    hospital.send(other)
    hospital.report_of(other)
    assert pydicom.dcmread(hospital.report_of(sent)).SOPInstanceUID == first


def test_a_sender_is_told_that_its_films_are_safe(hospital: Hospital) -> None:
    """Orthanc sends a film, asks for storage commitment, and hears success on a new association."""
    sent = saved(film(130), hospital.folder)
    instance = hospital.pacs.post("/instances", sent.read_bytes())["ID"]
    order = {"Resources": [instance], "Synchronous": True, "StorageCommitment": True}
    transaction = hospital.pacs.post("/modalities/HILUM/store", json.dumps(order).encode())[
        "StorageCommitmentTransactionUID"
    ]
    answer = wait_for(lambda: hospital.committed(transaction))
    assert (answer["Status"], len(answer["Success"]), answer["Failures"]) == ("Success", 1, [])


def test_the_pacs_says_that_it_keeps_the_report(hospital: Hospital) -> None:
    """Hilum asks for storage commitment, Orthanc answers to the node, and the ledger has the proof of every step."""
    sent = film(134)
    hospital.send(sent)
    hospital.report_of(sent)
    study = str(sent.StudyInstanceUID)
    wait_for(lambda: ledger_of(hospital.config, study)["deliveries"][0]["state"] == "committed", seconds=60)
    ledger = ledger_of(hospital.config, study)
    (delivery,) = ledger["deliveries"]
    assert (delivery["peer"], delivery["object"], delivery["dimse_status"]) == ("pacs", "report", 0)
    proofs = {"received", "spooled", "classified", "accepted", "asked", "committed"}
    steps = [entry["event"] for entry in ledger["entries"] if entry["event"] in proofs]
    assert steps == ["received", "spooled", "classified", "accepted", "asked", "committed"]


def test_a_sender_is_told_of_a_film_that_never_came(hospital: Hospital) -> None:
    """It must not delete what Hilum does not have."""
    order = {"DicomInstances": [["1.2.840.10008.5.1.4.1.1.1.1", "2.25.404"]]}
    transaction = hospital.pacs.post("/modalities/HILUM/storage-commitment", json.dumps(order).encode())["ID"]
    answer = wait_for(lambda: hospital.committed(transaction))
    (failure,) = answer["Failures"]
    assert (answer["Status"], failure["SOPInstanceUID"]) == ("Failure", "2.25.404")
    assert "not available" in failure["Description"]


def test_an_answer_waits_for_its_modality(hospital: Hospital) -> None:
    """It asks, is switched off before the answer, and hears when it is on again."""
    sent = film(133)
    hospital.send(sent)
    assert answer_to(hospital.port, asked(sent.SOPInstanceUID, transaction="2.25.133"), calling="XRAY1") == 0
    wait_for(lambda: hospital.troubled("commit:xray"))
    modality = Modality()
    with listening(modality, port=hospital.modality_port):
        wait_for(lambda: modality.heard)
    ((kind, information),) = modality.heard
    assert (kind, information.TransactionUID) == (1, "2.25.133")


def test_a_study_of_several_films_gets_one_report_about_the_frontal_one(hospital: Hospital) -> None:
    """Lateral and frontal film: both are in the image library, the frontal one was measured."""
    lateral, frontal = film(104, view="LL", study=104), film(105, study=104)
    hospital.send(lateral, frontal)
    report = pydicom.dcmread(hospital.report_of(frontal))
    evidence = report.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence
    seen = {item.ReferencedSOPInstanceUID for series in evidence for item in series.ReferencedSOPSequence}
    assert seen == {lateral.SOPInstanceUID, frontal.SOPInstanceUID}
    assert report.CompletionFlag == "COMPLETE"


def test_a_late_film_leads_to_an_updated_report(hospital: Hospital) -> None:
    """The second report speaks of both films, and names the first one as its predecessor."""
    early, late = film(131), film(132, view="LL", study=131)
    hospital.send(early)
    first = pydicom.dcmread(hospital.report_of(early)).SOPInstanceUID
    hospital.send(late)
    instances = wait_for(lambda: [each for each in [hospital.pacs.reports()[early.StudyInstanceUID]] if len(each) == 2])
    reports = [pydicom.dcmread(BytesIO(hospital.pacs.file(each))) for each in instances[0]]
    (update,) = (report for report in reports if "PredecessorDocumentsSequence" in report)
    series = update.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0]
    assert series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == first
    evidence = update.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence
    assert sum(len(each.ReferencedSOPSequence) for each in evidence) == 2


def test_a_compressed_film_is_classified(hospital: Hospital) -> None:
    """JPEG 2000, as many archives send it."""
    sent = copy_of(film(106))
    sent.compress(JPEG2000Lossless)
    status, said = storescu(hospital.port, saved(sent, hospital.folder), options=("-xv",))
    assert status == 0, said
    assert pydicom.dcmread(hospital.report_of(sent)).CompletionFlag == "COMPLETE"


def without_pixels(broken: Dataset) -> None:
    del broken.PixelData


def truncated(broken: Dataset) -> None:
    broken.PixelData = broken.PixelData[:1000]


def of_several_frames(broken: Dataset) -> None:
    broken.NumberOfFrames = 2
    broken.PixelData = broken.PixelData * 2


def of_a_hip(broken: Dataset) -> None:
    broken.BodyPartExamined = "HIP"
    del broken.AnatomicRegionSequence


def blank(broken: Dataset) -> None:
    broken.PixelData = bytes(len(broken.PixelData))


def lateral(broken: Dataset) -> None:
    broken.ViewPosition = "LL"
    if "ViewCodeSequence" in broken:
        del broken.ViewCodeSequence


@pytest.mark.parametrize(
    ("number", "spoil", "reason"),
    [
        (111, without_pixels, Unsuitable.NO_PIXEL_DATA),
        (112, truncated, Unsuitable.PIXELS_CORRUPT),
        (113, of_several_frames, Unsuitable.MULTI_FRAME),
        (114, of_a_hip, Unsuitable.NOT_CHEST),
        (115, blank, Unsuitable.NO_CONTRAST),
        (116, lateral, Unsuitable.NOT_FRONTAL),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_film_that_can_not_be_classified_says_why(
    hospital: Hospital, number: int, spoil: Callable[[Dataset], None], reason: Unsuitable
) -> None:
    """A could-not-process report with its reason, never silence; and the next study goes through."""
    broken, good = copy_of(film(number)), film(number + 50)
    spoil(broken)
    hospital.send(broken, good)
    file = hospital.report_of(broken)
    report = pydicom.dcmread(file)
    assert report.CompletionFlag == "PARTIAL"
    assert reason.sentence in texts(report)
    assert validators.dciodvfy(file) == []
    assert pydicom.dcmread(hospital.report_of(good)).CompletionFlag == "COMPLETE"


def with_an_unknown_character_set(odd: Dataset) -> None:
    odd.SpecificCharacterSet = "KLINGON"


def without_a_patient(odd: Dataset) -> None:
    for keyword in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID"):
        if keyword in odd:
            delattr(odd, keyword)


@pytest.mark.filterwarnings("ignore:Unknown encoding")  # the test itself reads the odd character set
@pytest.mark.parametrize(
    ("number", "change"), [(121, with_an_unknown_character_set), (122, without_a_patient)], ids=["charset", "patient"]
)
def test_a_poor_header_does_not_cost_the_result(
    hospital: Hospital, number: int, change: Callable[[Dataset], None]
) -> None:
    """The film is classified and its report is valid."""
    odd = copy_of(film(number))
    change(odd)
    hospital.send(odd)
    file = hospital.report_of(odd)
    assert pydicom.dcmread(file).CompletionFlag == "COMPLETE"
    assert validators.dciodvfy(file) == []


def test_up_restarts_a_killed_worker_and_stops_everything(tmp_path: Path) -> None:
    """A dead child comes back; after SIGTERM neither a child nor the database is left."""
    with orthanc(tmp_path / "orthanc") as pacs:
        config = settings(tmp_path, database="embedded", port=free_port(), pacs=pacs)
        with hilum(config, "up") as running:
            running.wait_until("worker-ready")
            children = psutil.Process(running.process.pid).children(recursive=True)
            workers = [child for child in children if "worker" in child.cmdline()]
            wait_for(lambda: started_workers(running) == len(workers))
            workers[0].kill()
            wait_for(lambda: started_workers(running) == len(workers) + 1)
            assert running.stop() == 0
    left = [process for process in psutil.process_iter(["cmdline"]) if str(tmp_path) in str(process.info["cmdline"])]
    assert left == []


def started_workers(running: Hilum) -> int:
    return sum(line["event"] == "worker-ready" for line in running.events())


def test_up_restarts_a_killed_database(tmp_path: Path) -> None:
    """After SIGKILL of the embedded server a film is taken and reported as before, and the duties go on."""
    port = free_port()
    with orthanc(tmp_path / "orthanc") as pacs:
        config = settings(tmp_path, database="embedded", port=port, pacs=pacs)
        with hilum(config, "up") as running:
            running.wait_until("worker-ready")
            running.wait_until("node-ready")
            running.wait_until("scheduler-active")
            postmaster = int((tmp_path / "home" / "postgresql" / "postmaster.pid").read_text().splitlines()[0])
            os.kill(postmaster, signal.SIGKILL)
            running.wait_until("database-started")
            sent = saved(film(250), tmp_path)
            wait_for(lambda: storescu(port, sent)[0] == 0)
            wait_for(lambda: len(pacs.reports()) == 1)
            wait_for(lambda: [line["event"] for line in running.events()].count("scheduler-active") >= 2)


def test_modules_in_the_working_folder_are_not_loaded(tmp_path: Path) -> None:
    """A folder called worker/ where somebody starts `hilum up` does no harm."""
    (tmp_path / "worker").mkdir()
    (tmp_path / "worker" / "__init__.py").write_text("raise SystemExit('wrong module')")
    command = [*PYTHON_M_HILUM, "classify", "--json", str(saved(film(1), tmp_path))]
    assert subprocess.run(command, check=False, capture_output=True, cwd=tmp_path).returncode == 0


def test_a_port_for_pages_that_is_taken_keeps_no_film_out(tmp_path: Path) -> None:
    """The other roles go on, and the log says what is wrong."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        node = free_port()
        config = settings_file(
            tmp_path,
            home=str(tmp_path / "home"),
            node={"port": node},
            web={"port": taken.getsockname()[1]},
        )
        with hilum(config, "up") as running:
            running.wait_until("process-died")
            running.wait_until("node-ready")
            assert storescu(node, saved(film(907), tmp_path))[0] == 0
            assert "choose another web.host or web.port" in running.log.read_text()


def test_the_demo_ends_by_itself_with_a_valid_report_for_every_film(tmp_path: Path) -> None:
    """`hilum demo` exits 0, shows nine films, and what the PACS received passes the validators."""
    command = [sys.executable, "-m", "hilum", "demo", "--home", str(tmp_path / "demo")]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "9 of 9 films have their report" in done.stdout
    assert re.search(r"open http://127\.0\.0\.1:\d+, login demo, password \S+\.", done.stdout)
    reports = sorted((tmp_path / "demo" / "pacs").glob("*.dcm"))
    assert len(reports) == 9
    assert [error for report in reports for error in validators.dciodvfy(report)] == []
    assert validators.pixelmed(reports[0]) == []
