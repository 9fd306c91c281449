"""The risk notes: intended use, what may go wrong, what a site must validate; figures are the model card's."""

from __future__ import annotations

import tomllib
from importlib.resources import files as resources
from typing import TYPE_CHECKING

from domain.findings import DISCLAIMER
from domain.paper import Listing, Paper, Section, Table, Text
from hilum import bootstrap
from hilum.papers.cover import cover
from models.card_text import chapters

if TYPE_CHECKING:
    from datetime import date

    from domain.paper import Block
    from hilum.settings import Settings

TITLE = "Risk notes"
_FIGURES = ("Figures on sources it never saw", "Figures on validation films")


def notes(settings: Settings, made_on: date | None) -> Paper:
    """Return the notes, about the active network.

    Raises:
        Misconfigured: the active network is damaged.
    """
    package = bootstrap.package(settings)
    told = chapters(package.card.read_text(encoding="utf-8"))
    silent: list[Block] = [Text(text="The card of this network says nothing about it.")]
    content = resources("hilum.papers").joinpath("risk.toml").read_text(encoding="utf-8")
    rows = [(one["hazard"], one["done"], one["site"]) for one in tomllib.loads(content)["risks"]]
    network = [("Network", package.title), ("SHA-256", package.model.sha256)]
    return Paper(
        title=TITLE,
        about=f"For those who decide whether and how results may be used. {DISCLAIMER}",
        cover=[*cover(settings, made_on), *network],
        sections=[
            Section(
                title="What it is, and is not",
                blocks=[
                    Text(
                        text="As shipped, Hilum is not a medical device: it has no clearance, no declaration of "
                        "conformity, and no clinical study was made with it. Whoever puts it to clinical use becomes "
                        "responsible for what the law asks for in that place."
                    )
                ],
            ),
            Section(title="Intended use, as the model card says it", blocks=told.get("Intended use", silent)),
            Section(
                title="Risks", blocks=[Table(columns=("What may happen", "What is done", "For the site"), rows=rows)]
            ),
            Section(title="What a site must validate before use", blocks=[_validation()]),
            Section(
                title="Figures, as the model card has them",
                sections=[Section(title=name, blocks=told.get(name, silent)) for name in _FIGURES],
            ),
            Section(title="Limits, as the model card says them", blocks=told.get("Limits", silent)),
        ],
    )


def _validation() -> Listing:
    return Listing(
        points=[
            "Sensitivity and false alarms on films of your own patients, by scanner: `hilum evaluate`.",
            "That films of each modality are taken and chosen as they should be: `hilum status`, `hilum ledger`.",
            "That each viewer shows the report, its disclaimer and its could-not-process form.",
            "That nobody's worklist moves a study down, and that readers know what a result means.",
            "What happens when Hilum, the PACS, the RIS or the network is away, and that the alarm reaches somebody.",
            "That these papers agree with your installation, after each change of settings, version or network.",
        ]
    )
