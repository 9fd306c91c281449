"""What a network says of a study, beside what another one or a person says of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from domain.findings import Findings, Label, Outcome, Probabilities


@dataclass(frozen=True, kw_only=True, slots=True)
class Opinion:
    """What one network says of one study."""

    outcome: Outcome
    label: Label | None
    """The class that it names."""
    probabilities: Probabilities | None

    @classmethod
    def of(cls, findings: Findings) -> Opinion:
        """Return what findings say."""
        return cls(outcome=findings.outcome, label=findings.label, probabilities=findings.probabilities)

    def names(self, target: Label) -> bool:
        """Whether it names a class; one that could not process the study does not."""
        return self.label is target

    def score(self, target: Label) -> float:
        """Return the probability of a class where it is the likeliest one, else 0: then no threshold has it named."""
        if self.probabilities is None or self.probabilities.label is not target:
            return 0.0
        return self.probabilities.of(target)
