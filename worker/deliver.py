"""Deliver one object of a result to one peer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from domain.ids import DeliveryId

if TYPE_CHECKING:
    from collections.abc import Mapping

    from domain.delivery import ResultObject
    from domain.delivery_ports import Courier, Deliveries
    from domain.jobs import Job


@dataclass(frozen=True, kw_only=True, slots=True)
class Deliver:
    """Handler of deliver jobs."""

    deliveries: Deliveries
    couriers: Mapping[ResultObject, Courier]

    def run(self, job: Job) -> str:
        """Send the object and settle the job with the peer's acknowledgement; say what was told.

        Raises:
            Transient: the peer or the database can't be reached now.
            Permanent: the peer refused the object.
            LeaseLost: another worker has the job.
        """
        dispatch = self.deliveries.load(DeliveryId(job.subject_id))
        proof = self.couriers[dispatch.object].deliver(dispatch)
        self.deliveries.settle_delivered(job, proof)
        return f"{dispatch.object}: {dispatch.findings.verdict}"
