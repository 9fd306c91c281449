"""Errors whose class decides what happens next to the work that raised them."""

from __future__ import annotations


class HilumError(Exception):
    """Base of every error that Hilum raises on purpose; its text never holds a patient's data."""

    def __init__(self, text: str = "", *, said: str = "") -> None:
        """Fail with a text.

        Args:
            text: what is wrong.
            said: what a peer said, in its own words, which may hold anything: for the database, never for a log.
        """
        super().__init__(text)
        self.said = said


class Transient(HilumError):
    """The same work may succeed later: the job is retried with backoff."""


class Away(Transient):
    """Whom the work is for can't be reached: once they are back, everything that waits for them may succeed."""


class Doubtful(Transient):
    """The same work may succeed later, but may as well never: the job is retried a few times, then held."""


class Permanent(HilumError):
    """The same work would fail again: the job is held, visible, until an operator acts."""


class Deleted(Permanent):
    """What the work is about was deleted on purpose, because its time was over."""


class Crashed(HilumError):
    """The work ended the process it was done in: the job is tried once more, then held."""


class Unforeseen(HilumError):
    """Something failed in a way that nobody foresaw, in another process; the text is the type of its error."""


class Misconfigured(HilumError):
    """The installation is wrong: the process says why and stops."""


class LeaseLost(HilumError):
    """Another worker owns the job now: whatever this one computed is dropped."""
