"""The result of classifying a study: probabilities, what they mean, or why there are none."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from domain.film import FilmHeader, StoredFilm, Unsuitable
    from domain.ids import SopInstanceUid

DISCLAIMER = "AI decision support, not a diagnosis. Not for primary diagnosis; a radiologist must read the film."

_SUM_TOLERANCE = 1e-3


class Label(StrEnum):
    """The classes of the network, in the order of its outputs."""

    COVID19 = "COVID19"
    NORMAL = "NORMAL"
    PNEUMONIA = "PNEUMONIA"


TARGETS = (Label.COVID19, Label.PNEUMONIA)
"""The diseases that a report speaks about, present or absent."""


class Presence(StrEnum):
    """Whether a target is seen (PS3.16 CID 240)."""

    PRESENT = "present"
    ABSENT = "absent"
    UNDETERMINED = "undetermined"


class Outcome(StrEnum):
    """What became of a study."""

    CLASSIFIED = "classified"
    UNDETERMINED = "undetermined"
    COULD_NOT_PROCESS = "could-not-process"


class Verdict(StrEnum):
    """What a result comes down to, for those who route and sort results."""

    POSITIVE = "positive"
    """A target disease is named."""
    NEGATIVE = "negative"
    """The film is named normal."""
    UNDETERMINED = "undetermined"
    COULD_NOT_PROCESS = "could-not-process"


@dataclass(frozen=True, kw_only=True, slots=True)
class Probabilities:
    """One probability per class, each 0 to 1, together 1."""

    covid19: float
    normal: float
    pneumonia: float

    def __post_init__(self) -> None:
        values = (self.covid19, self.normal, self.pneumonia)
        if not all(math.isfinite(value) and 0.0 <= value <= 1.0 for value in values):
            raise ValueError("a probability lies between 0 and 1")
        if abs(sum(values) - 1.0) > _SUM_TOLERANCE:
            raise ValueError("the probabilities of all classes together make 1")

    def of(self, label: Label) -> float:
        """Return the probability of one class."""
        return self.as_dict()[label]

    def as_dict(self) -> dict[Label, float]:
        """Return all probabilities by label, in the order of the network's outputs."""
        return {Label.COVID19: self.covid19, Label.NORMAL: self.normal, Label.PNEUMONIA: self.pneumonia}

    @property
    def label(self) -> Label:
        """The most probable class."""
        return max(self.as_dict(), key=self.of)


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelVersion:
    """The network that made a result, down to its bytes, and the thresholds that belong to it."""

    name: str
    version: str
    sha256: str
    """SHA-256 of the weights file, in hexadecimal."""
    undetermined_below: float = 0.5
    """A result whose highest probability is lower than this names no class."""
    covid19_from: float = 0.0
    """COVID-19 is named from this probability on only, where it is the stricter one: a false alarm costs more."""

    def label_of(self, probabilities: Probabilities) -> Label | None:
        """Return the class this version would name, or None where it should not name one."""
        label = probabilities.label
        return label if probabilities.of(label) >= self.least_for(label) else None

    def least_for(self, label: Label) -> float:
        """Return the least probability with which this version names a class."""
        return max(self.undetermined_below, self.covid19_from) if label is Label.COVID19 else self.undetermined_below


@dataclass(frozen=True, kw_only=True, slots=True)
class Findings:
    """Our result for one study: made by one model from one set of films."""

    model: ModelVersion
    films: tuple[StoredFilm, ...]
    """Every film of the study that was looked at, in a stable order."""
    analysed: StoredFilm | None = None
    """The film that was classified."""
    probabilities: Probabilities | None = None
    unsuitable: Unsuitable | None = None

    def __post_init__(self) -> None:
        if not self.films:
            raise ValueError("findings speak about at least one film")
        classified = (self.analysed is not None, self.probabilities is not None, self.unsuitable is None)
        if len(set(classified)) != 1:
            raise ValueError("findings hold either an analysed film with probabilities or a reason why there is none")

    @property
    def input_digest(self) -> str:
        """SHA-256 over the digests of all films, whatever their order, in hexadecimal."""
        return hashlib.sha256("\n".join(sorted(film.digest for film in self.films)).encode()).hexdigest()

    @property
    def label(self) -> Label | None:
        """The class named, None when undetermined or not processed."""
        return None if self.probabilities is None else self.model.label_of(self.probabilities)

    @property
    def outcome(self) -> Outcome:
        """Classified, undetermined, or could not process."""
        if self.probabilities is None:
            return Outcome.COULD_NOT_PROCESS
        return Outcome.UNDETERMINED if self.label is None else Outcome.CLASSIFIED

    @property
    def verdict(self) -> Verdict:
        """Positive, negative, undetermined, or could not process."""
        if self.outcome is not Outcome.CLASSIFIED:
            return Verdict(self.outcome)
        return Verdict.POSITIVE if self.label in TARGETS else Verdict.NEGATIVE

    @property
    def summary(self) -> str:
        """The result in one or two plain sentences."""
        if self.unsuitable is not None:
            return f"The study was not classified. {self.unsuitable.sentence}"
        if self.probabilities is None:
            return "The study was not classified."
        scores = ", ".join(f"{label} {100.0 * score:.1f} %" for label, score in self.probabilities.as_dict().items())
        named = f"Network names {self.label}" if self.label else "No class is certain enough to be named"
        return f"{named}. Outputs: {scores}."

    def presence(self, target: Label) -> Presence:
        """Say whether a target is present, absent or undetermined."""
        if self.label is None:
            return Presence.UNDETERMINED
        return Presence.PRESENT if self.label is target else Presence.ABSENT


@dataclass(frozen=True, kw_only=True, slots=True)
class Examination:
    """The findings of a study with what was seen of each of its films on the way."""

    findings: Findings
    films: Mapping[SopInstanceUid, FilmHeader]
    """View of each film, and why it must not be classified; a film that was not needed may have no reason."""
