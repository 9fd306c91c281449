"""Wires the ways by which results leave: what makes each object, and what hands it to a peer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hilum import bootstrap

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dicom_node.sender import ResultSender
    from dicom_node.store import Store
    from domain.delivery import ResultObject
    from domain.ports import Courier
    from hilum.settings import Settings
    from models.classifier import NetworkClassifier
    from worker.darkroom import Darkroom


def couriers(
    settings: Settings, store: Store, darkroom: Darkroom, network: NetworkClassifier
) -> Mapping[ResultObject, Courier]:
    """Return who delivers each object."""
    from domain.delivery import ResultObject
    from models.illustration import NetworkIllustrator
    from worker.illustrate import IllustratingCourier

    sender = _sender(settings, store)
    pictures = IllustratingCourier(
        darkroom=darkroom,
        illustrator=NetworkIllustrator(network=network),
        courier=sender,
        most_pixels=settings.report.capture_pixels,
    )
    return {**dict.fromkeys(ResultObject, sender), ResultObject.CAPTURE: pictures}


def _sender(settings: Settings, store: Store) -> ResultSender:
    from dicom_node.identity import ReportSettings
    from dicom_node.sender import ResultSender
    from domain.ids import AeTitle
    from hilum.settings import UUID_ROOT

    root = settings.report.uid_root
    return ResultSender(
        peers=[bootstrap.address_of(peer) for peer in settings.receivers],
        calling=AeTitle(settings.node.ae_title),
        store=store,
        settings=ReportSettings(
            uid_root=None if root == UUID_ROOT else root,
            station=settings.node.ae_title,
            series_number=settings.report.series_number,
        ),
    )
