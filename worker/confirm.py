"""Ask one peer whether it keeps what it accepted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from domain.errors import Permanent
from domain.ids import ConfirmationId

if TYPE_CHECKING:
    from datetime import timedelta

    from domain.delivery_ports import Confirmations, Inquirer
    from domain.jobs import Job

_MOST_QUESTIONS = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class AskConfirmation:
    """Handler of confirm jobs: such a job ends when the peer has answered, whichever way the answer came."""

    confirmations: Confirmations
    inquirer: Inquirer
    patience: timedelta
    """How long a peer may take to answer before it is asked again."""

    def run(self, job: Job) -> str:
        """Ask, or find that there is an answer, and settle the job; say which.

        Raises:
            Transient: the peer or the database can't be reached now.
            Permanent: the peer does not commit, refused to, or never answered.
            LeaseLost: another worker has the job.
        """
        inquiry = self.confirmations.begin(ConfirmationId(job.subject_id))
        if inquiry.is_answered or not inquiry.references:
            self.confirmations.settle_answered(job)
            return "answered"
        if inquiry.questions >= _MOST_QUESTIONS:
            raise Permanent(
                f"the peer took {inquiry.questions} requests for storage commitment and left some unanswered; "
                "does it know where our node listens?"
            )
        answer = self.inquirer.ask(inquiry)
        if answer is not None:
            self.confirmations.answered(inquiry.peer, answer)
        self.confirmations.settle_asked(job, again_after=self.patience)
        return "asked"
