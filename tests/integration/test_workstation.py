"""The reading worklist of the running node, asked by a workstation."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom import Dataset
from pynetdicom import AE
from pynetdicom.sop_class import UnifiedProcedureStepPull

from dicom_node.worklist import StepStatus
from tests.conftest import migrated
from tests.films import PATIENT, film, saved
from tests.integration.conftest import RunningNode
from tests.modality import store
from tests.peers import free_port, hilum, settings_file
from tests.workstation import Workstation, new_transaction, performed, workstation


@pytest.fixture(scope="module")
def node(embedded_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    """A node with a modality that sends and a workstation that reads."""
    folder, port = tmp_path_factory.mktemp("worklist"), free_port()
    with migrated(embedded_url) as engine:
        config = settings_file(
            folder,
            home=str(folder / "home"),
            database={"url": engine.url.render_as_string(hide_password=False)},
            node={"port": port, "study_quiet_seconds": 3600},
            priorities=[{"priority": "STAT", "requested_priority": "STAT"}],
            worklist={"retrieve_ae_title": "ARCHIVE"},
            peers=[
                {"name": "xray", "ae_title": "XRAY1", "host": "127.0.0.1", "port": 1, "may_send": True},
                {"name": "reader", "ae_title": "READER", "host": "127.0.0.1", "port": 1, "reads_worklist": True},
            ],
        )
        with hilum(config, "node") as running:
            running.wait_until("node-ready")
            yield RunningNode(hilum=running, port=port, engine=engine, spool=folder / "home" / "spool")


@pytest.fixture
def reader(node: RunningNode) -> Iterator[Workstation]:
    """The workstation."""
    with workstation(node.port) as opened:
        yield opened


def sent(node: RunningNode, number: int, **attributes: str) -> Dataset:
    made = film(number)
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    assert store(node.port, made, calling="XRAY1") == 0
    return made


def item_of(reader: Workstation, made: Dataset) -> Dataset:
    (found,) = reader.find(StudyInstanceUID=made.StudyInstanceUID)
    return found


def test_a_film_that_came_is_there_to_be_read(node: RunningNode, reader: Workstation) -> None:
    """Before there is any result, with the priority of its order, and marked as not complete yet."""
    made = sent(node, 501)
    step = reader.get(item_of(reader, made).SOPInstanceUID)
    assert (step.PatientName, step.PatientID) == (PATIENT, made.PatientID)
    assert (step.ProcedureStepState, step.ScheduledProcedureStepPriority) == ("SCHEDULED", "MEDIUM")
    assert (step.InputReadinessState, step.ScheduledWorkitemCodeSequence[0].CodeValue) == ("INCOMPLETE", "110005")
    (given,) = step.InputInformationSequence
    assert given.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == made.SOPInstanceUID
    assert given.DICOMRetrievalSequence[0].RetrieveAETitle == "ARCHIVE"


def test_an_item_is_claimed_done_and_completed(node: RunningNode, reader: Workstation) -> None:
    """By whoever holds its transaction, once it says what was performed."""
    uid, mine = item_of(reader, sent(node, 502)).SOPInstanceUID, new_transaction()
    assert reader.act(uid, "IN PROGRESS", mine) == StepStatus.SUCCESS
    assert reader.act(uid, "COMPLETED", mine) == StepStatus.FINAL_STATE_REQUIREMENTS_NOT_MET
    assert reader.set(uid, performed(), mine) == StepStatus.SUCCESS
    assert reader.act(uid, "COMPLETED", mine) == StepStatus.SUCCESS
    step = reader.get(uid)
    assert step.ProcedureStepState == "COMPLETED"
    assert "TransactionUID" not in step
    assert step.UnifiedProcedureStepPerformedProcedureSequence[0].PerformedStationNameCodeSequence


def test_an_item_can_be_given_up(node: RunningNode, reader: Workstation) -> None:
    """Whoever claimed it cancels it; the item says when."""
    uid, mine = item_of(reader, sent(node, 503)).SOPInstanceUID, new_transaction()
    assert reader.act(uid, "CANCELED", mine) == StepStatus.NOT_YET_IN_PROGRESS
    reader.act(uid, "IN PROGRESS", mine)
    assert reader.act(uid, "CANCELED", mine) == StepStatus.SUCCESS
    assert reader.act(uid, "CANCELED", mine) == StepStatus.ALREADY_CANCELED
    (progress,) = reader.get(uid).ProcedureStepProgressInformationSequence
    assert progress.ProcedureStepCancellationDateTime


def test_a_claimed_item_is_somebody_elses_no_more(node: RunningNode, reader: Workstation) -> None:
    """It can't be claimed, changed or ended without its transaction."""
    uid, mine = item_of(reader, sent(node, 504)).SOPInstanceUID, new_transaction()
    assert reader.act(uid, "IN PROGRESS", mine) == StepStatus.SUCCESS
    with workstation(node.port) as other:
        assert other.act(uid, "IN PROGRESS", new_transaction()) == StepStatus.ALREADY_IN_PROGRESS
        assert other.act(uid, "COMPLETED", new_transaction()) == StepStatus.TRANSACTION_UID_MISSING
        assert other.set(uid, performed(), new_transaction()) == StepStatus.TRANSACTION_UID_MISSING


def test_a_priority_can_be_raised_and_never_falls_below_what_was_suggested(
    node: RunningNode, reader: Workstation
) -> None:
    """An order is the least."""
    uid = item_of(reader, sent(node, 505)).SOPInstanceUID
    wanted = Dataset()
    for priority, status in (("HIGH", StepStatus.SUCCESS), ("LOW", StepStatus.COERCED)):
        wanted.ScheduledProcedureStepPriority = priority
        assert reader.set(uid, wanted) == status
    assert reader.get(uid).ScheduledProcedureStepPriority == "MEDIUM"


def test_the_most_urgent_comes_first(node: RunningNode, reader: Workstation) -> None:
    """Behind it, in the order of reception."""
    routine, stat = sent(node, 506), sent(node, 507, RequestedProcedurePriority="STAT")
    studies = [found.StudyInstanceUID for found in reader.find(ProcedureStepState="SCHEDULED")]
    assert studies.index(stat.StudyInstanceUID) < studies.index(routine.StudyInstanceUID)


def test_a_late_film_brings_a_study_that_was_read_back(node: RunningNode, reader: Workstation) -> None:
    """As a new item; one that is still open serves for all of its films."""
    made, mine = sent(node, 508), new_transaction()
    first = item_of(reader, made).SOPInstanceUID
    for late, count in ((film(509, view="LATERAL"), 1), (film(510), 2)):
        late.StudyInstanceUID = made.StudyInstanceUID
        assert store(node.port, late, calling="XRAY1") == 0
        assert len(reader.find(StudyInstanceUID=made.StudyInstanceUID)) == count
        reader.act(first, "IN PROGRESS", mine)
        reader.act(first, "CANCELED", mine)


def test_imported_films_do_not_wait_to_be_read(node: RunningNode, reader: Workstation, tmp_path: Path) -> None:
    """An archive that is taken in would bury the day's studies."""
    made = film(514)
    config = str(node.hilum.log.with_name("hilum.toml"))
    command = [sys.executable, "-m", "hilum", "--config", config, "import", str(saved(made, tmp_path))]
    subprocess.run(command, check=True, capture_output=True)
    assert reader.find(StudyInstanceUID=made.StudyInstanceUID) == []


@pytest.mark.parametrize(
    ("keys", "is_found"),
    [
        ({"PatientName": "sekret*"}, True),
        ({"PatientName": "Nobody*"}, False),
        ({"ProcedureStepState": "COMPLETED"}, False),
        ({"ScheduledProcedureStepStartDateTime": "20260101-"}, True),
        ({"ScheduledProcedureStepStartDateTime": "-20260101"}, False),
    ],
)
def test_keys_are_matched(node: RunningNode, reader: Workstation, keys: dict[str, str], is_found: bool) -> None:  # noqa: FBT001 - a parameter
    """Names with wildcards, states, moments in ranges."""
    made = sent(node, 511)
    found = reader.find(**{"StudyInstanceUID": made.StudyInstanceUID, **keys})
    assert bool(found) is is_found


def test_an_accession_number_in_its_sequence_is_a_key(node: RunningNode, reader: Workstation) -> None:
    """As radiologists' software asks."""
    made, request = sent(node, 512, AccessionNumber="ACC-512"), Dataset()
    request.AccessionNumber = "ACC-512"
    (found,) = reader.find(ReferencedRequestSequence=[request])
    assert found.StudyInstanceUID == made.StudyInstanceUID
    request.AccessionNumber = "ACC-999"
    assert reader.find(ReferencedRequestSequence=[request]) == []


def test_what_is_not_there_says_so(reader: Workstation) -> None:
    """An unknown item, an action that there is not, a state nobody may set, a value there is not."""
    wanted = Dataset()
    wanted.ScheduledProcedureStepPriority = "URGENT"
    assert reader.act("2.25.404", "IN PROGRESS") == StepStatus.DOES_NOT_EXIST
    assert reader.act("2.25.404", "IN PROGRESS", action=3) == StepStatus.NO_SUCH_ACTION
    assert reader.act("2.25.404", "SCHEDULED") == StepStatus.ONLY_SCHEDULED_BY_CREATION
    assert reader.act("2.25.404", "BEGUN") == StepStatus.INVALID_ARGUMENT_VALUE
    assert reader.set("2.25.404", wanted) == StepStatus.INVALID_ATTRIBUTE_VALUE


@pytest.mark.parametrize("calling", ["XRAY1", "READER"])
def test_only_who_is_named_sees_the_worklist(node: RunningNode, calling: str) -> None:
    """It shows patients' names: to others the service is not there."""
    entity = AE(ae_title=calling)
    entity.add_requested_context(UnifiedProcedureStepPull)
    association = entity.associate("127.0.0.1", node.port, ae_title="HILUM")
    accepted = bool(association.accepted_contexts)
    association.release() if association.is_established else None
    assert accepted is (calling == "READER")


def test_the_log_names_no_patient(node: RunningNode, reader: Workstation) -> None:
    """Neither by what was asked nor by what was found."""
    sent(node, 513)
    assert reader.find(PatientName="Sekret*")
    node.hilum.wait_until("worklist-queried")
    assert "Sekret" not in node.hilum.log.read_text()
