"""Brings store and database together again after a crash, or after one of them came back from a backup.

A node that is killed between the file's last sync and the commit leaves a film without a row. Nobody was told of
success, and the sender will try again; but the film is whole, so it is taken over instead of being left lying about. A
row without its file can't be mended here: it is told.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final, Protocol

from dicom_node import nameplate, orders
from dicom_node.identifiers import NotADataSet, identifiers, short_values
from dicom_node.instances import described
from dicom_node.part10 import NotPart10, read_head
from dicom_node.spool import SHELVES
from dicom_node.store import place_of

if TYPE_CHECKING:
    import threading

    from dicom_node.arrivals import Storage
    from domain.film import ReceivedInstance

_LONGEST_HEADER_BYTES: Final = 4 * 1024 * 1024
_PIECE_BYTES: Final = 1024 * 1024


class Ledger(Protocol):
    """What the database knows of the store."""

    def paths_on(self, shelf: str) -> set[str]:
        """Return the places of all instances on a shelf, but for those that were deleted on purpose.

        Raises:
            Transient: the database is away.
        """
        ...

    def going_from(self, shelf: str) -> set[str]:
        """Return the places on a shelf whose files are about to be removed on purpose.

        Raises:
            Transient: the database is away.
        """
        ...


def reconcile(storage: Storage, ledger: Ledger, stop: threading.Event) -> int:
    """Go through the store once, shelf by shelf, tell what was found, and return how many differences.

    It may run while films arrive: taking a film over that its sender's process is just recording changes nothing, but
    that a film which is just being refused as a duplicate is counted twice.

    Raises:
        Transient: the database is away, or a store elsewhere.
        OSError: the store can't be read.
    """
    taken_over = strange = lost = 0
    for shelf in SHELVES:
        if stop.is_set():
            break
        lying = storage.store.on_shelf(shelf)
        known = ledger.paths_on(shelf)
        for place in lying - known - ledger.going_from(shelf):
            try:
                is_film = _take_over(storage, place)
            except FileNotFoundError:  # deleted on purpose since we looked
                continue
            taken_over += is_film
            strange += not is_film
        lost += sum(not storage.store.holds(place) for place in known - lying)
    if taken_over:
        storage.events.warning("films-taken-over", count=taken_over)
    if strange:
        storage.events.error("files-set-aside", count=strange)
    if lost:
        storage.events.error("films-missing", count=lost)
    return taken_over + strange + lost


def _take_over(storage: Storage, place: str) -> bool:
    """Record a film that has no row; set aside what is none, and say which it was."""
    instance = _described(storage, place)
    if instance is None or instance.path != place:
        storage.store.set_aside(place)
        return False
    storage.record(instance)
    return True


def _described(storage: Storage, place: str) -> ReceivedInstance | None:
    """Return what a file of the store holds; None where it is no whole DICOM file.

    Raises:
        OSError: it can't be read.
        Transient: the store can't be reached now.
    """
    digest = hashlib.sha256()
    with storage.store.open(place) as file:
        try:
            head = read_head(file)
            start = file.read(_LONGEST_HEADER_BYTES)
            values = identifiers(start, head.transfer_syntax_uid, whole=True)
        except (NotPart10, NotADataSet):
            return None
        digest.update(start)
        size = len(start)
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
            size += len(piece)

    def short(wanted: frozenset[int]) -> dict[int, bytes]:
        return short_values(start, head.transfer_syntax_uid, wanted, whole=True)

    try:
        return described(
            values,
            transfer_syntax_uid=head.transfer_syntax_uid,
            digest=digest.hexdigest(),
            size_bytes=size,
            source=head.source,
            place=place_of,
            priority=orders.priority_by(
                storage.priority_rules,
                head.source,
                lambda: short(orders.WANTED),
            ),
            identity=nameplate.identity_by(lambda: short(nameplate.WANTED)),
        )
    except NotADataSet:
        return None
