"""What those who read studies, and those who keep their worklist, need from the database; see `domain.ports`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import timedelta

    from domain.worklist import Answer, Changes, StepState, Workitem, WorklistQuery


class Worklist(Protocol):
    """The studies to read; each method raises `Transient` while the database is away."""

    def search(self, query: WorklistQuery) -> Iterator[Workitem]:
        """Yield what meets a query, the most urgent first, the oldest of these first."""
        ...

    def claim(self, uid: str, *, transaction_uid: str, performer: str) -> Answer:
        """Give an item to whoever asks first.

        Args:
            uid: SOP Instance UID of the item.
            transaction_uid: what the claimer will prove itself with.
            performer: its AE title, or its name in the settings.
        """
        ...

    def end(self, uid: str, *, transaction_uid: str, state: StepState) -> Answer:
        """Complete or cancel an item for whoever claimed it."""
        ...

    def change(self, uid: str, changes: Changes, *, transaction_uid: str) -> Answer:
        """Change an item that nobody has claimed, or one's own; it never gets less urgent than was suggested."""
        ...


class WorklistUpkeep(Protocol):
    """What is cleared away, some at a time; each method raises `Transient` while the database is away."""

    def expire(self, *, at_most: int) -> int:
        """Cancel what nobody began to read in time; say how many."""
        ...

    def take_back(self, *, patience: timedelta, expire: timedelta, at_most: int) -> int:
        """Cancel what was claimed longer ago than `patience`, and offer each study anew; say how many."""
        ...

    def forget(self, *, keep: timedelta, at_most: int) -> int:
        """Delete what ended longer ago than `keep`; say how many."""
        ...
