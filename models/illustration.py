"""A result as a picture, for people who see no structured report: the film, its evidence, a strip with the answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from domain.film import Unsuitable
from domain.findings import Verdict
from models.heatmap import heat_map
from models.overlay import legend_of, overlay

if TYPE_CHECKING:
    from domain.explanation import HeatMap
    from domain.film import Picture, Print
    from domain.findings import Findings
    from models.classifier import NetworkClassifier

_LEVELS = 255.0


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkIllustrator:
    """Draws results with the evidence of a loaded network: implements `domain.ports.Illustrator`."""

    network: NetworkClassifier

    def illustrate(self, findings: Findings, film: Print) -> Picture:
        """Return the film with the result in a strip below it, and the evidence for it in colour above the film.

        There are colours where a disease is named and this network named it: another one would have other reasons.

        Raises:
            ValueError: the findings name no film that was classified.
        """
        if findings.probabilities is None:
            raise ValueError("only what was classified can be illustrated")
        image = film.picture.astype(np.float32) / np.float32(_LEVELS)
        heat = self._evidence(findings, film)
        legend = legend_of(findings.probabilities, findings.model, is_coloured=heat is not None)
        return overlay(image, heat, legend)

    def _evidence(self, findings: Findings, film: Print) -> HeatMap | None:
        if findings.verdict is not Verdict.POSITIVE or findings.model != self.network.model:
            return None
        (explanation,) = self.network.explain_squares([film.square])
        if isinstance(explanation, Unsuitable) or explanation.label is not findings.label:
            return None
        rows, columns = film.picture.shape
        return heat_map(explanation, (rows, columns))
