"""Which instances are here already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from db.engine import transaction
from db.tables import Instance
from domain.ids import SopInstanceUid

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Engine

_AT_ONCE = 1000


def known_instances(engine: Engine, uids: Iterable[SopInstanceUid]) -> set[SopInstanceUid]:
    """Return those of the SOP Instance UIDs that the database has.

    Raises:
        Transient: the database is away.
    """
    found: set[SopInstanceUid] = set()
    remaining = list(uids)
    with transaction(engine) as connection:
        while remaining:
            some, remaining = remaining[:_AT_ONCE], remaining[_AT_ONCE:]
            query = select(Instance.sop_instance_uid).where(Instance.sop_instance_uid.in_(some))
            found.update(SopInstanceUid(uid) for uid in connection.execute(query).scalars())
    return found
