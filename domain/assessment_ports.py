"""What those who hear of final reports need from the database; see `domain.ports`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from domain.assessment import Filing, ReportMessage


class Assessments(Protocol):
    """The assessments of studies."""

    def file(self, message: ReportMessage) -> Filing:
        """Keep the assessments of a message's reports, all of them or none, and say what became of each.

        A message that was filed before changes nothing. An assessment takes the place of the one before of its study,
        unless that is of a later report; a correction always does. Of a report whose study is not found nothing is kept
        but that it came.

        Raises:
            Transient: the database is away; nothing was kept.
        """
        ...
