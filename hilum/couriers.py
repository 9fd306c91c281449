"""Wires the ways by which results leave: what makes each object, and what hands it to a peer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hilum import bootstrap

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dicom_node.identity import ReportSettings
    from dicom_node.sender import ResultSender
    from dicom_node.store import Store
    from domain.delivery import ResultObject
    from domain.delivery_ports import Courier
    from hilum.peer_settings import Ris
    from hilum.settings import Settings
    from models.classifier import NetworkClassifier
    from ris.courier import MessageCourier
    from ris.mllp import MllpAddress
    from worker.darkroom import Darkroom


def couriers(
    settings: Settings, store: Store, darkroom: Darkroom, network: NetworkClassifier
) -> Mapping[ResultObject, Courier]:
    """Return who delivers each object."""
    from domain.delivery import ResultObject
    from models.illustration import NetworkIllustrator
    from models.pages import PageSetter
    from worker.illustrate import IllustratingCourier
    from worker.typeset import TypesettingCourier

    sender = _sender(settings, store)
    pictures = IllustratingCourier(
        darkroom=darkroom,
        illustrator=NetworkIllustrator(network=network),
        courier=sender,
        most_pixels=settings.report.capture_pixels,
    )
    documents = TypesettingCourier(typesetter=PageSetter(), courier=sender)
    own: dict[ResultObject, Courier] = {ResultObject.CAPTURE: pictures, ResultObject.DOCUMENT: documents}
    if settings.ris_receivers:
        own[ResultObject.MESSAGE] = _messages(settings, store)
    return {**dict.fromkeys(ResultObject, sender), **own}


def _messages(settings: Settings, store: Store) -> MessageCourier:
    from dicom_node.identity import device_of
    from dicom_node.subjects import StoredSubjects
    from ris.courier import MessageCourier, RisPeer
    from ris.oru import Parties

    own = report_settings(settings)
    return MessageCourier(
        peers=[
            RisPeer(
                name=one.name,
                address=mllp_address(one),
                parties=Parties(
                    sending_application=one.sending_application,
                    sending_facility=one.sending_facility,
                    receiving_application=one.receiving_application,
                    receiving_facility=one.receiving_facility,
                ),
            )
            for one in settings.ris_receivers
        ],
        subjects=StoredSubjects(store),
        device_uid=lambda model: device_of(model, own).uid,
    )


def mllp_address(ris: Ris) -> MllpAddress:
    """Return where an information system takes messages."""
    from ris.mllp import MllpAddress, TlsFiles

    files = TlsFiles(authorities=ris.tls_authorities, certificate=ris.tls_certificate, key=ris.tls_key)
    return MllpAddress(host=ris.host, port=ris.port, tls=files if ris.tls else None, timeout_s=ris.timeout_seconds)


def _sender(settings: Settings, store: Store) -> ResultSender:
    from dicom_node.sender import ResultSender
    from domain.ids import AeTitle

    return ResultSender(
        peers=[bootstrap.address_of(peer) for peer in settings.receivers],
        calling=AeTitle(settings.node.ae_title),
        store=store,
        settings=report_settings(settings),
    )


def report_settings(settings: Settings) -> ReportSettings:
    """Return what the site decides about its reports."""
    from dicom_node.identity import ReportSettings
    from hilum.report_settings import UUID_ROOT

    root = settings.report.uid_root
    return ReportSettings(
        uid_root=None if root == UUID_ROOT else root,
        station=settings.node.ae_title,
        series_number=settings.report.series_number,
    )
