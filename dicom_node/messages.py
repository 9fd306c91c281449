"""DIMSE messages put together from their fragments (PS3.8 Annex E); films go on while they arrive.

The fragments of a C-STORE request go straight to whoever stores them; every other message is handed over whole.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final, Protocol

from pynetdicom.pdu_primitives import P_DATA

from dicom_node.command_set import C_STORE_RQ, NO_DATA_SET, Command, NotACommandSet, decode, store_response
from dicom_node.status import StoreStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pynetdicom.presentation import PresentationContext

COMMAND: Final = 0x01
LAST: Final = 0x02
"""Bits of a message control header (PS3.8 Section E.2)."""
_LONGEST_COMMAND_SET = 16 * 1024
_LONGEST_OTHER_DATA_SET = 1024 * 1024
"""Of messages that are no C-STORE requests: a storage commitment request of some thousand instances."""


class Arrival(Protocol):
    """One instance on its way in."""

    def write(self, fragment: memoryview) -> None:
        """Take the next bytes of the data set; never raises."""
        ...

    def finish(self) -> StoreStatus:
        """Say what became of the instance, now that all of it is here; never raises."""
        ...

    def abandon(self) -> None:
        """Forget the instance: the rest of it will not come."""
        ...


class Store(Protocol):
    """Takes the instances of one association."""

    def begin(self, command: Command, transfer_syntax_uid: str) -> Arrival:
        """Prepare for an instance; never raises."""
        ...


class Line(Protocol):
    """The association that messages come on."""

    def accepted_context(self, context_id: int) -> PresentationContext | None:
        """Return an accepted presentation context by its ID, None where there is none."""
        ...

    def reply(self, context_id: int, command_set: bytes) -> None:
        """Send a command set without data."""
        ...

    def hand_over(self, primitive: P_DATA) -> None:
        """Take a whole message that is no C-STORE request."""
        ...


class ProtocolError(Exception):
    """The peer sent what no PDU, message or command can be."""


class Messages:
    """Puts the messages of one association together from their fragments (PS3.8 Annex E)."""

    def __init__(self, line: Line, store: Store) -> None:
        self._line = line
        self._store = store
        self._command_bytes = bytearray()
        self._context_id = 0
        self._command: Command | None = None
        self._arrival: Arrival | None = None
        self._other: list[Any] = []
        self._other_bytes = 0

    def take(self, body: memoryview) -> None:
        """Take the presentation data values of one P-DATA-TF PDU.

        Raises:
            ProtocolError: they are none, or come in an order that makes no message.
        """
        for context_id, control, fragment in _presentation_data_values(body):
            self.take_value(context_id, control, fragment)

    def take_value(self, context_id: int, control: int, fragment: memoryview) -> None:
        """Take one presentation data value: its context, its message control header, and what is behind.

        Raises:
            ProtocolError: it comes in an order that makes no message.
        """
        if self._command is None:
            self._take_command(context_id, control, fragment)
        else:
            self._take_data(context_id, control, fragment)

    @property
    def is_midway(self) -> bool:
        """Whether the next thing to come is the rest of an instance."""
        return self._arrival is not None

    def abandon(self) -> None:
        """Forget what is half here."""
        arrival, self._arrival = self._arrival, None
        if arrival is not None:
            arrival.abandon()

    def _take_command(self, context_id: int, control: int, fragment: memoryview) -> None:
        if not control & COMMAND:
            raise ProtocolError("data without a command")
        if self._command_bytes and context_id != self._context_id:
            raise ProtocolError("a command set in two presentation contexts")
        self._context_id = context_id
        self._command_bytes += fragment
        if len(self._command_bytes) > _LONGEST_COMMAND_SET:
            raise ProtocolError("a command set without end")
        if control & LAST:
            self._begin()

    def _begin(self) -> None:
        content = bytes(self._command_bytes)
        self._command_bytes.clear()
        try:
            command = decode(content)
        except NotACommandSet as error:
            raise ProtocolError("no command set") from error
        if command.field != C_STORE_RQ:
            self._begin_other(command, content)
            return
        context = self._line.accepted_context(self._context_id)
        if context is None:
            raise ProtocolError("a presentation context that was not accepted")
        if command.data_set_type == NO_DATA_SET:
            self._line.reply(self._context_id, store_response(command, StoreStatus.CANNOT_UNDERSTAND))
            return
        self._command = command
        self._arrival = self._store.begin(command, str(context.transfer_syntax[0]))

    def _begin_other(self, command: Command, content: bytes) -> None:
        self._other = [[self._context_id, bytes([COMMAND | LAST]) + content]]
        self._other_bytes = 0
        if command.data_set_type == NO_DATA_SET:
            self._hand_over()
        else:
            self._command = command

    def _take_data(self, context_id: int, control: int, fragment: memoryview) -> None:
        if control & COMMAND or context_id != self._context_id:
            raise ProtocolError("a command before the data set's end")
        if self._arrival is not None:
            self._arrival.write(fragment)
        else:
            self._other_bytes += len(fragment)
            if self._other_bytes > _LONGEST_OTHER_DATA_SET:
                raise ProtocolError("a data set without end")
            self._other.append([context_id, bytes([control & LAST]) + bytes(fragment)])
        if control & LAST:
            self._end()

    def _end(self) -> None:
        command, self._command = self._command, None
        arrival, self._arrival = self._arrival, None
        if arrival is None or command is None:
            self._hand_over()
            return
        self._line.reply(self._context_id, store_response(command, arrival.finish()))

    def _hand_over(self) -> None:
        primitive = P_DATA()
        primitive.presentation_data_value_list, self._other = self._other, []
        self._line.hand_over(primitive)


def _presentation_data_values(body: memoryview) -> Iterator[tuple[int, int, memoryview]]:
    """Yield context, message control header and fragment of each value (PS3.8 Section 9.3.5)."""
    position = 0
    while position < len(body):
        if position + 6 > len(body):
            raise ProtocolError("a presentation data value is cut")
        length, context_id, control = struct.unpack_from(">IBB", body, position)
        end = position + 4 + length
        if length < 2 or end > len(body):  # noqa: PLR2004 - context and control byte
            raise ProtocolError("a presentation data value is cut")
        yield context_id, control, body[position + 6 : end]
        position = end
