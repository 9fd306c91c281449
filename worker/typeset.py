"""Results as pages, on their way to peers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from domain.delivery import Dispatch, Proof
    from domain.delivery_ports import PagesCourier, Typesetter


@dataclass(frozen=True, kw_only=True, slots=True)
class TypesettingCourier:
    """Sets the pages of a result before it is handed over: implements `domain.delivery_ports.Courier`."""

    typesetter: Typesetter
    courier: PagesCourier

    def deliver(self, dispatch: Dispatch) -> Proof:
        """Set the pages and hand them to the peer.

        Raises:
            Transient: the peer or the store can't be reached now.
            Permanent: the peer refused the document.
        """
        return self.courier.deliver_pages(dispatch, self.typesetter.pages(dispatch))
