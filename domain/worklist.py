"""The reading worklist: which studies wait to be read, how soon it is suggested, and who has taken one (PS3.4 CC)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, IntEnum, StrEnum
from typing import TYPE_CHECKING, Any

from domain.findings import Verdict
from domain.priority import Priority

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from domain.ids import StudyUid
    from domain.subject import StudyIdentity


class StepState(StrEnum):
    """Procedure Step State (0074,1000)."""

    SCHEDULED = "SCHEDULED"
    IN_PROGRESS = "IN PROGRESS"
    COMPLETED = "COMPLETED"
    CANCELED = "CANCELED"


STEPS: Mapping[StepState, frozenset[StepState]] = {
    StepState.SCHEDULED: frozenset({StepState.IN_PROGRESS, StepState.CANCELED}),
    StepState.IN_PROGRESS: frozenset({StepState.COMPLETED, StepState.CANCELED}),
    StepState.COMPLETED: frozenset(),
    StepState.CANCELED: frozenset(),
}
"""The only changes of state there are (PS3.4 CC.1.1); of those from SCHEDULED to CANCELED the first is our own."""

OPEN_STATES = (StepState.SCHEDULED, StepState.IN_PROGRESS)
FINAL_STATES = (StepState.COMPLETED, StepState.CANCELED)


class StepPriority(IntEnum):
    """Scheduled Procedure Step Priority (0074,1200), the most urgent first."""

    HIGH = 0
    MEDIUM = 1
    LOW = 2


ORDERED: Mapping[Priority, StepPriority] = {
    Priority.STAT: StepPriority.HIGH,
    Priority.HIGH: StepPriority.HIGH,
    Priority.ROUTINE: StepPriority.MEDIUM,
    Priority.LOW: StepPriority.LOW,
}
"""What a study has before there is a result: that of its order."""

SUGGESTED: Mapping[Verdict, StepPriority] = {
    Verdict.POSITIVE: StepPriority.HIGH,
    Verdict.UNDETERMINED: StepPriority.MEDIUM,
    Verdict.COULD_NOT_PROCESS: StepPriority.MEDIUM,
}
"""The least that a result suggests; a negative one suggests nothing, so that no result ever delays a study."""


@dataclass(frozen=True, kw_only=True, slots=True)
class InputSeries:
    """A series that is there to be read."""

    series_uid: str
    instances: Sequence[tuple[str, str]]
    """SOP class and SOP instance of each film, in the order of reception."""
    source: str
    """AE title that its first film came from."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Workitem:
    """A study that is to be read, or was."""

    uid: str
    """SOP Instance UID of the procedure step."""
    study_uid: StudyUid
    identity: StudyIdentity
    state: StepState
    priority: StepPriority
    suggested: StepPriority
    """The least that the priority can be: what the order or a result asked for."""
    verdict: Verdict | None
    """Of the study's last result; none: there is none yet."""
    is_ready: bool
    """Whether all films are here, as far as one can know."""
    created_at: datetime
    modified_at: datetime
    expires_at: datetime
    """When it is cancelled if nobody has begun; times are aware of their zone."""
    performer: str = ""
    """AE title of whoever claimed it, or its name in the settings."""
    claimed_at: datetime | None = None
    ended_at: datetime | None = None
    reason: str = ""
    """Why it was cancelled, where we did."""
    changes: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """What performers wrote into it, by tag, in the DICOM JSON model (PS3.18 F.2)."""
    inputs: Sequence[InputSeries] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class WorklistQuery:
    """What the database can look for by itself; each that is empty is met by every item."""

    uid: str = ""
    study_uid: str = ""
    states: Sequence[StepState] = ()
    priorities: Sequence[StepPriority] = ()
    accession_number: str = ""
    patient_id: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Changes:
    """What somebody wants changed."""

    priority: StepPriority | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """By tag, in the DICOM JSON model."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WorklistTimes:
    """How long an item stays what it is."""

    expire: timedelta
    """Until it is cancelled, if nobody claims it."""
    claim: timedelta
    """Until it is taken from whoever claimed it."""
    keep: timedelta
    """Until it is forgotten, from its end on."""


class Answer(Enum):
    """What became of a request to change an item."""

    DONE = "done"
    NOT_LOWERED = "not lowered"
    """Done, but for the priority, which is as urgent as was suggested."""
    UNKNOWN = "unknown"
    IN_PROGRESS = "in progress"
    """Somebody else has claimed it."""
    WRONG_TRANSACTION = "wrong transaction"
    NOT_IN_PROGRESS = "not in progress"
    FINAL = "final"
    """It is completed or cancelled and does not change any more."""
    IS_COMPLETED = "is completed"
    """It was completed already."""
    IS_CANCELED = "is canceled"
    """It was cancelled already."""
