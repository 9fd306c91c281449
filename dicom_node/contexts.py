"""What the node offers to senders: SOP classes and transfer syntaxes (PS3.4 B.5, PS3.5 A)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pynetdicom import build_context

if TYPE_CHECKING:
    from pynetdicom.presentation import PresentationContext

VERIFICATION = "1.2.840.10008.1.1"
STORAGE_COMMITMENT = "1.2.840.10008.1.20.1"
"""Storage Commitment Push Model SOP Class (PS3.4 Annex J)."""

WORKLIST = (
    "1.2.840.10008.5.1.4.34.6.3",  # Unified Procedure Step - Pull (PS3.4 Annex CC)
    "1.2.840.10008.5.1.4.34.6.5",  # Unified Procedure Step - Query
)

RECEIVED_SOP_CLASSES = (
    "1.2.840.10008.5.1.4.1.1.1",  # Computed Radiography Image Storage
    "1.2.840.10008.5.1.4.1.1.1.1",  # Digital X-Ray Image Storage - For Presentation
    "1.2.840.10008.5.1.4.1.1.1.1.1",  # Digital X-Ray Image Storage - For Processing: kept, never classified
)

UNCOMPRESSED = (
    "1.2.840.10008.1.2.1",  # Explicit VR Little Endian
    "1.2.840.10008.1.2",  # Implicit VR Little Endian
    "1.2.840.10008.1.2.1.99",  # Deflated Explicit VR Little Endian
    "1.2.840.10008.1.2.2",  # Explicit VR Big Endian
)

COMPRESSED = (
    "1.2.840.10008.1.2.4.70",  # JPEG Lossless, first-order prediction
    "1.2.840.10008.1.2.4.57",  # JPEG Lossless
    "1.2.840.10008.1.2.4.80",  # JPEG-LS Lossless
    "1.2.840.10008.1.2.4.81",  # JPEG-LS Near-Lossless
    "1.2.840.10008.1.2.4.90",  # JPEG 2000 Lossless
    "1.2.840.10008.1.2.4.91",  # JPEG 2000
    "1.2.840.10008.1.2.4.201",  # HTJ2K Lossless
    "1.2.840.10008.1.2.4.202",  # HTJ2K Lossless RPCL
    "1.2.840.10008.1.2.4.203",  # HTJ2K
    "1.2.840.10008.1.2.5",  # RLE Lossless
    "1.2.840.10008.1.2.4.50",  # JPEG Baseline
    "1.2.840.10008.1.2.4.51",  # JPEG Extended, of 8 or 12 bits
)


def offered(*, worklist: bool = False) -> list[PresentationContext]:
    """Return the presentation contexts that the node accepts, with those of the reading worklist or without."""
    films = [build_context(sop_class, [*UNCOMPRESSED, *COMPRESSED]) for sop_class in RECEIVED_SOP_CLASSES]
    services = [build_context(sop_class, list(UNCOMPRESSED[:2])) for sop_class in (VERIFICATION, STORAGE_COMMITMENT)]
    commitment = services[-1]
    commitment.scu_role = commitment.scp_role = True  # who answers a question of ours is its provider (PS3.7 D.3.3.4)
    return [*services, *films, *(build_context(one, list(UNCOMPRESSED[:2])) for one in WORKLIST if worklist)]
