"""What a program is told of its uploads and their results."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Self

from pydantic import Field

from domain.findings import DISCLAIMER, Label, Verdict
from domain.uploads import UploadKind, UploadState  # noqa: TC001 - pydantic reads them at run time
from web.api.answer import Answer, Network, Words

if TYPE_CHECKING:
    from domain.delivery import Dispatch
    from domain.readable_report import ReadableReport
    from domain.uploads import Upload


class UploadAnswer(Answer):
    """An upload as it stands; it says nothing about the patient."""

    id: int = Field(examples=[5])
    at: datetime
    kind: UploadKind
    size_bytes: int
    """Of the file as it came."""
    is_to_read: bool
    """Whether a radiologist was asked to read it."""
    state: UploadState
    is_open: bool
    """Whether the state will change by itself: ask again in a second or two."""
    verdict: Verdict | None
    """Of its study's last result; null: there is none yet."""
    label: Label | None
    """The class that is named, if one is."""

    @classmethod
    def of(cls, upload: Upload) -> Self:
        """Return what is told of an upload."""
        return cls(
            id=upload.id,
            at=upload.at,
            kind=upload.kind,
            size_bytes=upload.size_bytes,
            is_to_read=upload.is_to_read,
            state=upload.state,
            is_open=upload.state.is_open,
            verdict=upload.verdict,
            label=upload.label,
        )


class UploadList(Answer):
    """The account's last uploads."""

    uploads: list[UploadAnswer]
    """The last one first."""


class ClassAnswer(Answer):
    """What is said of one class of the network."""

    name: str = Field(examples=["Pneumonia"])
    meaning: str
    probability: float
    """The network's output; not the probability that the patient has the disease."""
    least: float
    """From which on the class is named."""
    is_named: bool


class FilmAnswer(Answer):
    """What is said of one film."""

    number: int
    view: str
    use: str
    """That it was analysed, or why it was not."""
    is_analysed: bool


class UploadResult(Answer):
    """The result of an upload, in words and figures."""

    made_at: datetime
    verdict: Verdict
    headline: str = Field(examples=["Positive: the network names pneumonia."])
    caution: str
    """What the headline does not say."""
    disclaimer: str
    classes: list[ClassAnswer]
    """None where nothing was classified."""
    films: list[FilmAnswer]
    network: Network
    words: Words

    @classmethod
    def of(cls, dispatch: Dispatch, report: ReadableReport) -> Self:
        """Return what is told of a result."""
        return cls(
            made_at=dispatch.made_at,
            verdict=report.verdict,
            headline=report.headline,
            caution=report.caution,
            disclaimer=DISCLAIMER,
            classes=[ClassAnswer.model_validate(one) for one in report.classes],
            films=[FilmAnswer.model_validate(one) for one in report.films],
            network=Network.model_validate(dispatch.findings.model),
            words=Words.of(report.text),
        )
