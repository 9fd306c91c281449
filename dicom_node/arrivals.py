"""Takes instances while they arrive: onto the disk as they come, into store and database when they are whole."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from dicom_node import nameplate, orders
from dicom_node.identifiers import SOP_CLASS_UID, SOP_INSTANCE_UID, NotADataSet, TooShort, identifiers, short_values
from dicom_node.instances import described, is_uid
from dicom_node.part10 import file_head
from dicom_node.status import StoreStatus
from dicom_node.store import place_of
from domain.errors import Transient
from domain.film import Reception

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dicom_node.command_set import Command
    from dicom_node.drafts import Draft
    from dicom_node.store import Store
    from domain.film import ReceivedInstance, Recorded
    from domain.ids import StudyId
    from domain.ports import Intake
    from domain.priority import Priority, PriorityRule
    from worker.events import Events

T = TypeVar("T", str, bytes)

_KEPT_IN_CONFLICT = {
    Reception.CONFLICT: "both, the first counts",
    Reception.REPLACED: "both, the last counts",
    Reception.REJECTED: "the first",
}
_HEADER_BYTES: Final = 32 * 1024
"""Enough of nearly every data set to hold its identifiers; kept in memory while the rest goes to the disk."""
_LONGEST_HEADER_BYTES: Final = 4 * 1024 * 1024
"""A data set whose identifiers come after so many bytes is not understood."""
NO_ROOM: Final = "less than node.reserve_megabytes are free on the spool's disk"


class Refused(Exception):
    """The instance is not taken; the status says why."""

    def __init__(self, status: StoreStatus) -> None:
        super().__init__(status.name)
        self.status = status


@dataclass(frozen=True, kw_only=True, slots=True)
class Storage:
    """What storing needs: a place for files, a place for rows, and a log."""

    store: Store
    intake: Intake
    events: Events
    reserve_bytes: int = 0
    """Free space below which nothing is taken."""
    priority_rules: Sequence[PriorityRule] = ()

    def record(self, instance: ReceivedInstance) -> Recorded:
        """Commit the rows of an instance that lies in its place; take its file away if it is not kept.

        Raises:
            Transient: the database is away, or somebody deleted the film on purpose while it came again.
        """
        recorded = self.intake.record(instance)
        if not recorded.keeps(instance.path):
            self.store.remove(instance.path)
        elif recorded.reception is not Reception.NEW and not self.store.holds(instance.path):
            raise Transient("a film was deleted while it came again")  # the next time it stays
        return recorded


class StorageArrival:
    """One instance on its way into the store; implements `dicom_node.messages.Arrival`.

    A failure while it arrives is kept until the end: the peer sends on, and is answered then.
    """

    def __init__(
        self,
        storage: Storage,
        command: Command,
        transfer_syntax_uid: str,
        calling: str,
        studies: set[StudyId] | None = None,
    ) -> None:
        """Prepare for an instance.

        Args:
            storage: where it goes.
            command: what its sender said of it.
            transfer_syntax_uid: of its data set.
            calling: AE title of its sender.
            studies: gets the study whose films have changed with this one.
        """
        self._storage = storage
        self._studies = set() if studies is None else studies
        self._command = command
        self._transfer_syntax_uid = transfer_syntax_uid
        self._calling = calling
        self._digest = hashlib.sha256()
        self._size = 0
        self._start = bytearray()
        self._head_bytes = 0
        self._draft: Draft | None = None
        self._problem: Exception | None = None
        self._recorded: Recorded | None = None
        self._attempt(self._open)

    def write(self, fragment: memoryview) -> None:
        """Take the next bytes of the data set."""
        if self._problem is None:
            self._attempt(lambda: self._append(fragment))

    def finish(self) -> StoreStatus:
        """Make the instance durable and say so, or say what is in the way."""
        if self._problem is None:
            self._attempt(self._settle)
        self.abandon()
        if self._problem is None:
            return StoreStatus.SUCCESS
        return self._answer_to(self._problem)

    @property
    def problem(self) -> Exception | None:
        """What is in the way so far."""
        return self._problem

    @property
    def recorded(self) -> Recorded | None:
        """What the database made of the instance; None as long as it is not taken."""
        return self._recorded

    def abandon(self) -> None:
        """Take away what is half written."""
        draft, self._draft = self._draft, None
        if draft is not None:
            with suppress(OSError):
                draft.discard()

    def _attempt(self, act: object) -> None:
        assert callable(act)  # noqa: S101 - for mypy
        try:
            act()
        except Exception as error:  # noqa: BLE001 - every failure becomes a status
            self._problem = error

    def _open(self) -> None:
        command = self._command
        if not (is_uid(command.sop_class_uid) and is_uid(command.sop_instance_uid)):
            raise Refused(StoreStatus.CANNOT_UNDERSTAND)
        if not self._storage.store.has_room(self._storage.reserve_bytes):
            raise Refused(StoreStatus.OUT_OF_RESOURCES)
        head = file_head(
            sop_class_uid=command.sop_class_uid,
            sop_instance_uid=command.sop_instance_uid,
            transfer_syntax_uid=self._transfer_syntax_uid,
            source=self._calling,
        )
        self._draft = self._storage.store.draft()
        self._draft.write(head)
        self._head_bytes = len(head)

    def _append(self, fragment: memoryview) -> None:
        assert self._draft is not None  # noqa: S101 - or there were a problem
        if len(self._start) < _HEADER_BYTES:
            self._start += fragment[: _HEADER_BYTES - len(self._start)]
        self._draft.write(fragment)
        self._digest.update(fragment)
        self._size += len(fragment)

    def _settle(self) -> None:
        assert self._draft is not None  # noqa: S101 - or there were a problem
        instance = self._describe(self._draft)
        self._draft.settle(instance.path)
        recorded = self._recorded = self._storage.record(instance)
        self._tell(instance, recorded)
        if recorded.reception in (Reception.NEW, Reception.REPLACED):
            self._studies.add(recorded.study_id)
        if recorded.reception is Reception.REJECTED:
            raise Refused(StoreStatus.DUPLICATE_SOP_INSTANCE)

    def _describe(self, draft: Draft) -> ReceivedInstance:
        values = self._identifiers(draft)
        if (values.get(SOP_CLASS_UID), values.get(SOP_INSTANCE_UID)) != (
            self._command.sop_class_uid,
            self._command.sop_instance_uid,
        ):
            known = all(is_uid(values.get(tag, "")) for tag in (SOP_CLASS_UID, SOP_INSTANCE_UID))
            raise Refused(StoreStatus.DATA_SET_DOES_NOT_MATCH if known else StoreStatus.CANNOT_UNDERSTAND)
        try:
            return described(
                values,
                transfer_syntax_uid=self._transfer_syntax_uid,
                digest=self._digest.hexdigest(),
                size_bytes=self._size,
                source=self._calling,
                place=place_of,
                priority=self._priority(draft),
                identity=nameplate.identity_by(lambda: self._short_values(draft, nameplate.WANTED)),
            )
        except NotADataSet as error:
            raise Refused(StoreStatus.CANNOT_UNDERSTAND) from error

    def _identifiers(self, draft: Draft) -> dict[int, str]:
        try:
            return self._read(draft, identifiers)
        except NotADataSet as error:
            raise Refused(StoreStatus.CANNOT_UNDERSTAND) from error

    def _priority(self, draft: Draft) -> Priority:
        return orders.priority_by(
            self._storage.priority_rules,
            self._calling,
            lambda: self._short_values(draft, orders.WANTED),
        )

    def _short_values(self, draft: Draft, wanted: frozenset[int]) -> dict[int, bytes]:
        return self._read(draft, partial(short_values, wanted=wanted))

    def _read(self, draft: Draft, read: Callable[..., dict[int, T]]) -> dict[int, T]:
        """Read values from what is in memory, or from the disk where they are further behind than usual.

        Raises:
            NotADataSet: the data set can't be parsed so far.
        """
        try:
            return read(self._start, self._transfer_syntax_uid, whole=len(self._start) == self._size)
        except TooShort:
            start = draft.read(_LONGEST_HEADER_BYTES, self._head_bytes)
            return read(start, self._transfer_syntax_uid, whole=True)

    def _tell(self, instance: ReceivedInstance, recorded: Recorded) -> None:
        events = self._storage.events
        if recorded.reception in _KEPT_IN_CONFLICT:
            events.warning("instance-differs", study=recorded.study_id, kept=_KEPT_IN_CONFLICT[recorded.reception])
            return
        events.info(
            "instance-received",
            study=recorded.study_id,
            reception=recorded.reception,
            bytes=instance.size_bytes,
            calling=instance.calling_ae_title,
        )

    def _answer_to(self, problem: Exception) -> StoreStatus:
        events = self._storage.events
        if isinstance(problem, Refused):
            status = problem.status
        else:
            event = "storage-unavailable" if isinstance(problem, OSError | Transient) else "store-failed"
            known = {"reason": str(problem)} if isinstance(problem, Transient) else {}
            events.error(event, error=type(problem).__name__, **known)
            status = StoreStatus.OUT_OF_RESOURCES
        events.warning("instance-refused", status=status.name, calling=self._calling)
        return status


class Turned:
    """An instance that is not taken whatever it is; implements `dicom_node.messages.Arrival`."""

    recorded: Final = None

    def __init__(self, status: StoreStatus) -> None:
        self._status = status

    def write(self, fragment: memoryview) -> None:
        """Let it pass by."""

    def finish(self) -> StoreStatus:
        """Say why."""
        return self._status

    def abandon(self) -> None:
        """Nothing is kept, nothing has to go."""


def why_not_now(problem: Exception | None) -> Transient:
    """Say for a person why an instance was answered with out of resources, as the next one would be."""
    if isinstance(problem, Transient):
        return problem
    if isinstance(problem, Refused):
        return Transient(NO_ROOM)
    if isinstance(problem, OSError):
        return Transient("the spool's disk is full or can't be written")
    return Transient(f"a film could not be stored: {type(problem).__name__}")
