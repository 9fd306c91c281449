"""A row of the list in words and figures, as the page shows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from domain.findings import Label, Verdict
from domain.reading_list import ReadingState
from domain.worklist import ORDERED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from domain.reading_list import Reading

_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
_MINUTE: Final = timedelta(minutes=1)
_NAMES: Final[Mapping[Label, str]] = {
    Label.COVID19: "COVID-19",
    Label.PNEUMONIA: "Pneumonia",
    Label.NORMAL: "Normal",
}
STATES: Final[Mapping[ReadingState, str]] = {
    ReadingState.WAITING: "waiting",
    ReadingState.RUNNING: "running",
    ReadingState.DONE: "done",
    ReadingState.UNDETERMINED: "undetermined",
    ReadingState.UNSUITABLE: "not classified",
    ReadingState.FAILED: "failed",
    ReadingState.UNAVAILABLE: "AI unavailable",
}
_REMARKS: Final[Mapping[ReadingState, str]] = {
    ReadingState.UNDETERMINED: "No class is certain enough.",
    ReadingState.FAILED: "The classification is held; read without it.",
    ReadingState.UNAVAILABLE: "No result is to be expected soon; read without it.",
}
_TAGS: Final[Mapping[ReadingState, str]] = {
    ReadingState.UNDETERMINED: "unsure",
    ReadingState.UNSUITABLE: "medium",
    ReadingState.FAILED: "bad",
    ReadingState.UNAVAILABLE: "bad",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """The probability of one class."""

    name: str
    percent: float
    least: float
    """Percent from which on the class is named."""
    is_named: bool


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Row:
    """What the page shows of a study; it never shows by itself what it holds."""

    study: int
    name: str
    patient_id: str
    accession: str
    station: str
    sender: str
    views: str
    received_at: datetime
    age: str
    priority: str
    by: str
    """Who suggests it: the order or a result."""
    state: str
    tag: str
    remark: str
    bars: Sequence[Bar]
    reader: str
    is_read: bool


def row_of(reading: Reading) -> Row:
    """Return what is shown of a study."""
    identity = reading.identity
    return Row(
        study=reading.study_id,
        name=name_of(identity.patient_name),
        patient_id=identity.patient_id,
        accession=identity.accession_number,
        station=identity.station_name,
        sender=reading.sender,
        views=", ".join(reading.views),
        received_at=reading.received_at,
        age=age_of(reading.waited),
        priority=reading.suggested.name,
        by="by AI" if reading.suggested < ORDERED[reading.ordered] else "by order",
        state=_state(reading),
        tag=_tag(reading),
        remark=_remark(reading),
        bars=_bars(reading),
        reader=_reader(reading),
        is_read=reading.is_read,
    )


def name_of(text: str) -> str:
    """Return a patient's name (PS3.5 6.2.1) as people write it: family, given middle."""
    family, given, middle, *_ = [*(part.strip() for part in text.partition("=")[0].split("^")), "", "", ""]
    first = " ".join(part for part in (given, middle) if part)
    return ", ".join(part for part in (family, first) if part) or "no name"


def age_of(waited: timedelta) -> str:
    """Return how long something waits, as short as it is still useful."""
    if waited < _MINUTE:
        return "now"
    if waited < _HOUR:
        return f"{waited // _MINUTE} min"
    if waited < _DAY:
        return f"{waited // _HOUR} h {waited % _HOUR // _MINUTE:02} min"
    return f"{waited // _DAY} d {waited % _DAY // _HOUR} h"


def _state(reading: Reading) -> str:
    if reading.state is ReadingState.DONE and reading.verdict is Verdict.POSITIVE and reading.label is not None:
        return f"positive: {_NAMES[reading.label]}"
    if reading.state is ReadingState.DONE and reading.verdict is not None:
        return str(reading.verdict)
    return STATES[reading.state]


def _tag(reading: Reading) -> str:
    if reading.state is ReadingState.DONE:
        return "high" if reading.verdict is Verdict.POSITIVE else "good"
    return _TAGS.get(reading.state, "low")


def _remark(reading: Reading) -> str:
    if reading.state is ReadingState.UNSUITABLE and reading.unsuitable is not None:
        return reading.unsuitable.sentence
    if reading.state in {ReadingState.WAITING, ReadingState.RUNNING} and reading.verdict is not None:
        return "A new film came; the result shown is the one before."
    return _REMARKS.get(reading.state, "")


def _bars(reading: Reading) -> Sequence[Bar]:
    if reading.probabilities is None or reading.model is None:
        return ()
    return [
        Bar(
            name=name,
            percent=round(100 * reading.probabilities.of(label), 1),
            least=round(100 * reading.model.least_for(label), 1),
            is_named=label is reading.label,
        )
        for label, name in _NAMES.items()
    ]


def _reader(reading: Reading) -> str:
    if reading.performer:
        return f"being read: {reading.performer}"
    if reading.is_assessed:
        return "assessed"
    return "read" if reading.is_read else ""
