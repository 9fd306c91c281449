"""What every object that we make says of itself: which network made it, when, and in which characters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import highdicom as hd
from highdicom.sr import CodedConcept
from pydicom.valuerep import DA, DT, TM

from dicom_node import codes

if TYPE_CHECKING:
    from datetime import datetime

    from pydicom.dataset import Dataset
    from pydicom.sr.coding import Code

    from dicom_node.identity import ReportDevice

_LO_MAX_CHARACTERS = 64
_UTF8 = "ISO_IR 192"
_LATIN1 = "ISO_IR 100"


def contribution(device: ReportDevice, moment: datetime) -> hd.ContributingEquipment:
    """Describe the network as equipment, with the Device UID that IHE AIR 6.5.3.1 asks for."""
    equipment = hd.ContributingEquipment(
        manufacturer=device.manufacturer,
        purpose_of_reference=codes.PROCESSING_EQUIPMENT,
        manufacturer_model_name=device.model_name,
        software_versions=device.version,
        device_serial_number=device.serial_number,
        station_name=device.name,
        contribution_datetime=moment.replace(tzinfo=None),
        contribution_description="Classification of the films by a neural network",
    )
    equipment.DeviceUID = device.uid
    return equipment


def stamp(made: Dataset, moment: datetime, *, with_zone: bool) -> None:
    """Give every time of making the same moment, so that an object made again is the same object."""
    made.InstanceCreationDate = DA(moment.date())
    made.InstanceCreationTime = TM(moment.time())
    for item in made.ContributingEquipmentSequence:
        if item.get("ManufacturerModelName") == "highdicom":
            item.ContributionDateTime = DT(moment.replace(tzinfo=None))
    if with_zone:
        made.TimezoneOffsetFromUTC = moment.strftime("%z")[:5]


def character_set(header: Dataset) -> str:
    """Use UTF-8 only where a name needs it: not every old archive can read it."""
    return _LATIN1 if all(str(element.value).isascii() for element in header.iterall()) else _UTF8


def institution(header: Dataset) -> str | None:
    """Return where the films were made."""
    name = header.get("InstitutionName")
    return None if not name else str(name)[:_LO_MAX_CHARACTERS]


def coded_item(code: Code) -> Dataset:
    """Return a code as an item of a code sequence (PS3.3 8.1)."""
    return CodedConcept(code.value, code.scheme_designator, code.meaning)
