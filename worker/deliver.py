"""Deliver one object of a result to one peer."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from domain.ids import DeliveryId
from domain.traces import NO_TRACES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from domain.delivery import ResultObject
    from domain.delivery_ports import Courier, Deliveries
    from domain.jobs import Job
    from domain.traces import Tracer


@dataclass(frozen=True, kw_only=True, slots=True)
class Deliver:
    """Handler of deliver jobs."""

    deliveries: Deliveries
    couriers: Mapping[ResultObject, Courier]
    tracer: Tracer = NO_TRACES

    def run(self, job: Job) -> str:
        """Send the object and settle the job with the peer's acknowledgement; say what was told.

        Raises:
            Transient: the peer or the database can't be reached now.
            Permanent: the peer refused the object.
            LeaseLost: another worker has the job.
        """
        dispatch = self.deliveries.load(DeliveryId(job.subject_id))
        study = dispatch.findings.films[0].study_id
        self.tracer.tell("queue", study, job.due_for_seconds, lane=job.lane, attempt=job.attempt)
        began, ended = time.monotonic(), "failed"
        try:
            proof = self.couriers[dispatch.object].deliver(dispatch)
            self.deliveries.settle_delivered(job, proof)
            ended = "accepted"
        finally:
            spent = time.monotonic() - began
            self.tracer.tell("deliver", study, spent, peer=dispatch.peer, object=dispatch.object, outcome=ended)
        return f"{dispatch.object}: {dispatch.findings.verdict}"
