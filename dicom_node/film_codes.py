"""Coded concepts that Hilum reads from films, each with where it comes from.

Apart from those of reports, since the processes that read films start without pydicom's dictionary of concepts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.film import View

if TYPE_CHECKING:
    from collections.abc import Mapping

CHEST_REGIONS = frozenset(
    {
        "816094009",  # SCT Chest (PS3.16 CID 4031)
        "51185008",  # SCT Thoracic structure, CID 4031 before 2020
        "43799004",  # SCT Thoracic cavity
        "39607008",  # SCT Lung
        "T-D3000",  # SRT names of the same, retired but still sent
        "T-D3200",
        "T-28000",
    }
)
"""Values of Anatomic Region Sequence that mean a chest film."""

HUMAN_SPECIES = frozenset({"337915000", "L-85003", "L-85B00"})
"""SCT and SRT codes of Homo sapiens (PS3.16 CID 7454)."""

VIEW_BY_CODE: Mapping[str, View] = {
    # PS3.16 CID 4010; SCT, and the SRT codes that it replaced.
    "272479007": View.PA,
    "R-40888": View.PA,
    "R-10214": View.PA,
    "399348003": View.AP,
    "R-10206": View.AP,
    "399033003": View.FRONTAL,
    "R-10202": View.FRONTAL,
    "399067008": View.LATERAL,
    "R-102CD": View.LATERAL,
    "399173006": View.LATERAL,  # left lateral
    "R-10236": View.LATERAL,
    "399198007": View.LATERAL,  # right lateral
    "R-10232": View.LATERAL,
    "399260004": View.LATERAL,  # medial-lateral
    "R-10224": View.LATERAL,
    "399352003": View.LATERAL,  # lateral-medial
    "R-10228": View.LATERAL,
    "399182000": View.OBLIQUE,
    "R-102C1": View.OBLIQUE,
    "399135007": View.OBLIQUE,  # left anterior oblique
    "R-10220": View.OBLIQUE,
    "399356000": View.OBLIQUE,  # right anterior oblique
    "R-40985": View.OBLIQUE,
    "399006002": View.OBLIQUE,  # left posterior oblique
    "R-10212": View.OBLIQUE,
    "399038007": View.OBLIQUE,  # right posterior oblique
    "R-10210": View.OBLIQUE,
    "399236003": View.OBLIQUE,  # right oblique
    "R-10234": View.OBLIQUE,
    "399184004": View.OBLIQUE,  # left oblique
    "R-10238": View.OBLIQUE,
}

VIEW_BY_POSITION: Mapping[str, View] = {
    # View Position (0018,5101), PS3.3 C.8.1.2 and C.8.11.5.
    "PA": View.PA,
    "AP": View.AP,
    "LL": View.LATERAL,
    "RL": View.LATERAL,
    "LLD": View.LATERAL,  # lateral decubitus: the patient lies on a side, fluid and hila move; not what networks learn
    "RLD": View.LATERAL,
    "LLO": View.OBLIQUE,
    "RLO": View.OBLIQUE,
}
