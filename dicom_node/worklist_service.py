"""The reading worklist over the network: C-FIND, N-GET, N-ACTION and N-SET of workstations (PS3.4 CC.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydicom.dataset import Dataset

from dicom_node.silence import quiet
from dicom_node.worklist import StepStatus
from domain.errors import Transient
from domain.status import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pynetdicom.events import Event

    from dicom_node.worklist import ReadingWorklist
    from worker.events import Events

    StepService = Callable[[Event, ReadingWorklist, Events], tuple[int, Dataset | None]]

_CHANGE_STATE: Final = 1


class FindStatus(Status):
    """Status of a C-FIND response (PS3.4 Table CC.2.8-2)."""

    SUCCESS = 0x0000, "All matches were sent."
    OUT_OF_RESOURCES = 0xA700, "The database is away, or Hilum is starting: ask again."
    UNABLE_TO_PROCESS = 0xC000, "The query can't be read."
    CANCEL = 0xFE00, "The caller sent C-CANCEL."
    PENDING = 0xFF00, "A match, and more may follow."


def find(event: Event, worklist: ReadingWorklist, events: Events) -> Iterator[tuple[int, Dataset | None]]:
    """Answer a C-FIND; never raises."""
    count = 0
    try:
        with quiet():
            query = event.identifier
            query.decode()
    except Exception:  # noqa: BLE001 - foreign bytes fail in many ways
        yield FindStatus.UNABLE_TO_PROCESS, None
        return
    try:
        for step in worklist.find(query):
            if event.is_cancelled:
                yield FindStatus.CANCEL, None
                return
            count += 1
            yield FindStatus.PENDING, step
    except Exception as error:  # noqa: BLE001 - the database, or a query nobody foresaw: the peer gets a status
        events.error("worklist-unavailable", error=type(error).__name__)
        yield FindStatus.OUT_OF_RESOURCES, None
        return
    events.info("worklist-queried", calling=_calling(event), count=count)


def get(event: Event, worklist: ReadingWorklist, events: Events) -> tuple[int, Dataset | None]:
    """Answer an N-GET; never raises."""
    try:
        request: Any = event.request
        step = worklist.get(str(request.RequestedSOPInstanceUID))
        if step is None:
            return StepStatus.DOES_NOT_EXIST, None
        wanted = Dataset()
        for tag in event.attribute_identifiers:
            if tag in step:
                wanted.add(step[tag])
        return StepStatus.SUCCESS, wanted if len(wanted) else step
    except Exception as error:  # noqa: BLE001 - the database, or bytes nobody foresaw: the peer gets a status
        events.error("worklist-unavailable", error=type(error).__name__)
        return StepStatus.RESOURCE_LIMITATION, None


def act(event: Event, worklist: ReadingWorklist, events: Events) -> tuple[int, Dataset | None]:
    """Answer an N-ACTION: claim, complete or cancel; never raises."""
    if event.action_type != _CHANGE_STATE:
        return StepStatus.NO_SUCH_ACTION, None
    calling, request = _calling(event), event.request

    def change() -> StepStatus:
        information: Dataset = event.action_information
        return worklist.change_state(
            str(request.RequestedSOPInstanceUID),  # type: ignore[union-attr]  # of an N-ACTION
            state=str(information.get("ProcedureStepState") or ""),
            transaction_uid=str(information.get("TransactionUID") or ""),
            performer=calling,
        )

    status = _answered(change, StepStatus.INVALID_ARGUMENT_VALUE, events)
    events.info("workitem-state-asked", calling=calling, status=status.name)
    return status, None


def change(event: Event, worklist: ReadingWorklist, events: Events) -> tuple[int, Dataset | None]:
    """Answer an N-SET; never raises."""
    request: Any = event.request

    def modify() -> StepStatus:
        with quiet():
            modifications = event.modification_list
            modifications.decode()
            return worklist.modify(str(request.RequestedSOPInstanceUID), modifications)

    status = _answered(modify, StepStatus.INVALID_ATTRIBUTE_VALUE, events)
    events.info("workitem-changed", calling=_calling(event), status=status.name)
    return status, None


def _answered(act: Callable[[], StepStatus], otherwise: StepStatus, events: Events) -> StepStatus:
    try:
        return act()
    except Transient as error:
        events.error("worklist-unavailable", error=type(error).__name__)
        return StepStatus.RESOURCE_LIMITATION
    except Exception:  # noqa: BLE001 - foreign bytes fail in many ways
        return otherwise


def _calling(event: Event) -> str:
    return str(event.assoc.requestor.ae_title).strip()
