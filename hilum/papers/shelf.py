"""Which papers there are, and what makes each."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import date

    from domain.paper import Paper
    from hilum.settings import Settings


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A paper that can be made."""

    name: str
    """For the command line, and of its file."""
    about: str
    maker: str
    """Module and function, loaded when the paper is asked for: some load DICOM toolkits."""

    def make(self, settings: Settings, made_on: date | None) -> Paper:
        """Return the paper.

        Args:
            settings: in force.
            made_on: the date on its cover; None: none.
        """
        module, _, function = self.maker.partition(":")
        made: Paper = getattr(import_module(module), function)(settings, made_on)
        return made


PAPERS: Final = {
    entry.name: entry
    for entry in (
        Entry(
            name="conformance",
            about="DICOM conformance statement (PS3.2)",
            maker="hilum.papers.conformance:statement",
        ),
        Entry(
            name="ihe",
            about="IHE integration statement: what is done, and why nothing is claimed",
            maker="hilum.papers.integration:statement",
        ),
        Entry(name="hl7", about="HL7 interface specification", maker="hilum.papers.messages:specification"),
        Entry(name="network", about="ports and data flows", maker="hilum.papers.network:sheet"),
        Entry(name="threats", about="threat model (STRIDE)", maker="hilum.papers.threats:model"),
        Entry(name="risk", about="risk notes: intended use, what to validate", maker="hilum.papers.risk:notes"),
    )
}
SBOM: Final = "sbom"
"""The bill of materials: no text for people, and so in a format of its own."""
SBOM_ABOUT: Final = "bill of materials (CycloneDX JSON): what is installed, and the network"
