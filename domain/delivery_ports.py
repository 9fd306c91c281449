"""What the worker needs to tell results to others, as protocols; see `domain.ports`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import timedelta

    from domain.alarm import Overdue
    from domain.confirmation import Inquiry, PeersAnswer
    from domain.delivery import Dispatch, Proof
    from domain.film import Picture
    from domain.findings import Findings
    from domain.ids import ConfirmationId, DeliveryId
    from domain.jobs import Job
    from domain.subject import Subject


class Deliveries(Protocol):
    """The outbox."""

    def load(self, delivery_id: DeliveryId) -> Dispatch:
        """Return what to tell to whom."""
        ...

    def settle_delivered(self, job: Job, proof: Proof) -> None:
        """Record that the peer acknowledged the object, and end the job, in one transaction.

        Raises:
            LeaseLost: the job belongs to somebody else now.
        """
        ...


class Fallback(Protocol):
    """What was not taken in time and has somewhere else to go."""

    def send_instead(self, *, at_most: int) -> int:
        """Send objects to their second peers as well whose first ones did not take them in time; say how many.

        Those whose delivery a person cancelled stay where they are.

        Raises:
            Transient: the database is away.
        """
        ...


class Escalations(Protocol):
    """Urgent results that reach nobody; each method raises `Transient` while the database is away."""

    def overdue(self, *, older_than: timedelta) -> Overdue:
        """Return what was not taken in time: of urgent studies, and of those in which a disease is named.

        Those whose delivery a person cancelled are nobody's trouble.
        """
        ...

    def told(self, overdue: Overdue) -> None:
        """Write down that somebody was told."""
        ...


class Alarm(Protocol):
    """Tells people."""

    def tell(self, overdue: Overdue) -> None:
        """Tell everybody that is to be told.

        Raises:
            Transient: somebody could not be told.
        """
        ...


class Courier(Protocol):
    """Builds an object of a result and hands it to a peer."""

    def deliver(self, dispatch: Dispatch) -> Proof:
        """Return when the peer has acknowledged the object.

        Raises:
            Transient: the peer is away or out of resources.
            Permanent: the peer refused the object for good; the message names its status and what it said.
        """
        ...


class SubjectReader(Protocol):
    """Knows whom results are about."""

    def subject(self, findings: Findings) -> Subject:
        """Return patient, study and order, as far as the films name them.

        Raises:
            Transient: the store can't be read now.
        """
        ...


class PictureCourier(Protocol):
    """Hands a picture of a result to a peer."""

    def deliver_picture(self, dispatch: Dispatch, picture: Picture, *, is_resized: bool) -> Proof:
        """Return when the peer has acknowledged the picture; see `Courier.deliver`."""
        ...


class Typesetter(Protocol):
    """Writes results for people to read."""

    def pages(self, dispatch: Dispatch) -> bytes:
        """Return the result as a PDF without any of the patient's data; the same dispatch gives the same bytes."""
        ...


class PagesCourier(Protocol):
    """Hands the pages of a result to a peer."""

    def deliver_pages(self, dispatch: Dispatch, pages: bytes) -> Proof:
        """Return when the peer has acknowledged the document; see `Courier.deliver`."""
        ...


class Confirmations(Protocol):
    """Questions to peers whether they keep what they accepted."""

    def begin(self, confirmation_id: ConfirmationId) -> Inquiry:
        """Close a question, so that nothing is added to it any more, and return what to ask."""
        ...

    def settle_asked(self, job: Job, *, again_after: timedelta) -> None:
        """Record that the peer took the question; the job is due again when the peer has not answered by then.

        Raises:
            LeaseLost: the job belongs to somebody else now.
        """
        ...

    def settle_answered(self, job: Job) -> None:
        """End the job of a question that was answered.

        Raises:
            LeaseLost: the job belongs to somebody else now.
        """
        ...

    def answered(self, peer: str, answer: PeersAnswer) -> bool:
        """Record an answer; see `AnswerDesk`."""
        ...


class AnswerDesk(Protocol):
    """Where answers to our questions are left."""

    def answered(self, peer: str, answer: PeersAnswer) -> bool:
        """Commit what a peer keeps, and send again what it does not; say whether it was asked that.

        An object that is not kept for the third time is not sent again; its job is held, with the reason.

        Raises:
            Transient: the database is away.
        """
        ...


class Inquirer(Protocol):
    """Asks a peer whether it keeps what it accepted."""

    def ask(self, inquiry: Inquiry) -> PeersAnswer | None:
        """Send the N-ACTION; return the answer where it came at once, None where it is to come later.

        Raises:
            Transient: the peer is away or busy.
            Permanent: the peer does not commit, or refused to; the message names its status.
        """
        ...
