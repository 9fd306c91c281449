"""Results as pictures, on their way to peers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from domain.errors import Permanent

if TYPE_CHECKING:
    from domain.delivery import Dispatch, Proof
    from domain.delivery_ports import PictureCourier
    from domain.ports import Darkroom, Illustrator


@dataclass(frozen=True, kw_only=True, slots=True)
class IllustratingCourier:
    """Draws a result before it is handed over: implements `domain.delivery_ports.Courier`."""

    darkroom: Darkroom
    illustrator: Illustrator
    courier: PictureCourier
    most_pixels: int
    """Rows and columns that the film may have in the picture."""

    def deliver(self, dispatch: Dispatch) -> Proof:
        """Have the analysed film printed, draw the result, and hand the picture to the peer.

        Raises:
            Transient: the peer or the store can't be reached now.
            Crashed: the film ended the process that decoded it.
            Permanent: no film was analysed, it can't be shown, or the peer refused the picture.
        """
        film = dispatch.findings.analysed
        if film is None:
            raise Permanent("there is no picture of a result without an analysed film")
        printed = self.darkroom.print(film, most_pixels=self.most_pixels).result()
        picture = self.illustrator.illustrate(dispatch.findings, printed)
        return self.courier.deliver_picture(dispatch, picture, is_resized=printed.is_resized)
