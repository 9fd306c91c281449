"""What tests of results on their way share: a proof, and the plainest routes."""

from __future__ import annotations

from domain.delivery import Proof, ResultObject, Route

PROOF = Proof(status=0, sop_class_uid="1.2.840.10008.5.1.4.1.1.88.34", sop_instance_uid="2.25.77")


def reports_to(*peers: str) -> list[Route]:
    """Return the routes by which these peers get the report of every study."""
    return [Route(peer=peer, object=ResultObject.REPORT) for peer in peers]
