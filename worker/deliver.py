"""Deliver one report to one peer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from domain.ids import DeliveryId

if TYPE_CHECKING:
    from domain.findings import Outcome
    from domain.jobs import Job
    from domain.ports import Deliveries, Reporter


@dataclass(frozen=True, kw_only=True, slots=True)
class DeliverReport:
    """Handler of deliver jobs."""

    deliveries: Deliveries
    reporter: Reporter

    def run(self, job: Job) -> Outcome:
        """Send the report and settle the job with the peer's acknowledgement; say what was reported.

        Raises:
            Transient: the peer or the database can't be reached now.
            Permanent: the peer refused the report.
            LeaseLost: another worker has the job.
        """
        message = self.deliveries.load(DeliveryId(job.subject_id))
        status, report_uid = self.reporter.deliver(message)
        self.deliveries.settle_delivered(job, status=status, report_uid=report_uid)
        return message.findings.outcome
