"""Coded concepts that Hilum writes into DICOM objects, beside those of `domain.concepts`, each with its source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom.sr.coding import Code

from domain import concepts
from domain.film import Unsuitable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from domain.findings import Label, Presence

IMAGING_PROCEDURE = Code("363679005", "SCT", "Imaging procedure")
"""Procedure reported: PS3.16 CID 100, the one code there that is true of every film."""

TARGET_FINDING: Mapping[Label, Code] = {label: Code(*one) for label, one in concepts.TARGET_FINDING.items()}
"""A value of more than 16 characters does not fit into VR SH; it travels as Long Code Value (0008,0119)."""
PRESENCE = Code(*concepts.PRESENCE)
PRESENCE_VALUE: Mapping[Presence, Code] = {one: Code(*value) for one, value in concepts.PRESENCE_VALUE.items()}
CERTAINTY = Code(*concepts.CERTAINTY)
PERCENT = Code(*concepts.PERCENT)
PIXELS = Code("{pixels}", "UCUM", "Pixels")
MILLIMETRE = Code("mm", "UCUM", "millimeter")

LUNG = Code("39607008", "SCT", "Lung")
"""PS3.16 CID 4031 (common anatomic regions), value of Finding Site."""

QUALITATIVE_EVALUATIONS = Code("C0034375", "UMLS", "Qualitative Evaluations")
"""PS3.16 TID 1500 row 12."""

RUN_STATUS = Code(*concepts.RUN_STATUS)

NORMALITY = Code("121402", "DCM", "Normality")
"""PS3.16 TID 310; its values are CID 242."""
NORMAL = Code("17621005", "SCT", "Normal")
ABNORMAL = Code("263654008", "SCT", "Abnormal")
NORMALITY_UNDETERMINED = Code("371934000", "SCT", "Normality Undetermined")

PRIORITY = Code("260870009", "SCT", "Priority")
"""SNOMED CT, as HL7 FHIR uses it for the priority of a request."""
PRIORITY_HIGH = Code("394849002", "SCT", "High priority")
PRIORITY_NORMAL = Code("394848005", "SCT", "Normal priority")

IMAGE_QUALITY = Code("111101", "DCM", "Image Quality")
"""PS3.16 Annex D; its values are CID 7036."""
NON_DIAGNOSTIC = Code("RID14", "RADLEX", "Non-diagnostic quality")

COMMENT = Code(*concepts.COMMENT)
ARTIFICIAL_INTELLIGENCE = Code("123110", "DCM", "Artificial Intelligence")
"""PS3.16 CID 7162 (surface processing algorithm families), value of Algorithm Family in TID 4019."""
PROCESSING_EQUIPMENT = Code("109102", "DCM", "Processing Equipment")
"""PS3.16 CID 7005, purpose of the Contributing Equipment item that describes the network."""

OF_INTEREST = Code("113000", "DCM", "Of Interest")
"""PS3.16 CID 7010, title of a key object selection."""
MEASUREMENT_REPORT = Code("126000", "DCM", "Imaging Measurement Report")
"""PS3.16 CID 7021, the title of our structured report (TID 1500), and so of the document that says the same.

Not 18748-4 of LOINC or another title of a radiologist's report: whoever files documents by title would take it for one.
"""
SOURCE_IMAGE_FOR_PROCESSING = Code("121322", "DCM", "Source image for image processing operation")
"""PS3.16 CID 7202, purpose of a reference to a source image."""
# PS3.16 CID 7203, how an image was derived.
PIXEL_ADDITION = Code("113042", "DCM", "Pixel by pixel addition")
RESAMPLING = Code("113085", "DCM", "Spatial resampling")

# PS3.16 TID 1600 to 1603, image library.
IMAGE_LIBRARY = Code("111028", "DCM", "Image Library")
IMAGE_LIBRARY_GROUP = Code("126200", "DCM", "Image Library Group")
SOURCE_IMAGE = Code("260753009", "SCT", "Source")
MODALITY = Code("121139", "DCM", "Modality")
PIXEL_ROWS = Code("110910", "DCM", "Pixel Data Rows")
PIXEL_COLUMNS = Code("110911", "DCM", "Pixel Data Columns")
ORIENTATION_ROW = Code("111044", "DCM", "Patient Orientation Row")
ORIENTATION_COLUMN = Code("111043", "DCM", "Patient Orientation Column")
SPACING_HORIZONTAL = Code("111026", "DCM", "Horizontal Pixel Spacing")
SPACING_VERTICAL = Code("111066", "DCM", "Vertical Pixel Spacing")
MODALITY_VALUE: Mapping[str, Code] = {
    # PS3.16 CID 29.
    "CR": Code("CR", "DCM", "Computed Radiography"),
    "DX": Code("DX", "DCM", "Digital Radiography"),
    "RG": Code("RG", "DCM", "Radiographic imaging"),
    "OT": Code("OT", "DCM", "Other"),
}

BAD_PIXELS = frozenset(
    {
        Unsuitable.UNREADABLE,
        Unsuitable.NO_PIXEL_DATA,
        Unsuitable.PIXELS_CORRUPT,
        Unsuitable.NO_CONTRAST,
        Unsuitable.TOO_SMALL,
        Unsuitable.BADLY_EXPOSED,
        Unsuitable.INVERTED,
    }
)
"""Reasons that say something about the image itself, so that the report may call it non-diagnostic."""
