"""What answers of the API are made of, and what it says where something is wrong."""

from __future__ import annotations

import json
from datetime import date
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Self

from fastapi import Response
from pydantic import BaseModel, ConfigDict, Field

from domain.film import Unsuitable  # noqa: TC001 - pydantic reads it at run time
from domain.findings import Label  # noqa: TC001 - the same
from domain.knowledge import NOTICES, Audience

if TYPE_CHECKING:
    from fastapi.exceptions import RequestValidationError

    from domain.findings import ModelVersion, Probabilities
    from domain.knowledge import Knowledge
    from domain.subject import StudyIdentity

LARGEST_ID: Final = 2**63 - 1
"""Of a row in the database."""
_SENTENCES: Final = {
    400: "The request can't be understood, or contradicts itself",
    401: "A token is needed, or the one that was shown does not count: it is unknown, over, or of a disabled account",
    403: "The token, or the role of its account, does not allow this; the try is recorded",
    404: "There is none, or none that this token may see: the two look alike",
    409: "Nothing was changed; the text says what is in the way",
    410: "What it was made of was deleted here, because its time was over",
    413: "The file is too large",
    415: "The body is something else than a file",
    422: "The request does not fit this description; the text says where",
    429: "Too many within a minute",
    503: "The database can't be reached now; nothing was lost",
}
_UNPROCESSABLE: Final = 422
_RETRY: Final = {"Retry-After": {"description": "Seconds until it may go better", "schema": {"type": "string"}}}
_CHALLENGE: Final = {"WWW-Authenticate": {"description": "Bearer", "schema": {"type": "string"}}}
_HEADERS: Final = {401: _CHALLENGE, 429: _RETRY, 503: _RETRY}


class Answer(BaseModel):
    """Something that the API tells."""

    model_config = ConfigDict(frozen=True, from_attributes=True, use_attribute_docstrings=True)


class Problem(Answer):
    """Why something was not done."""

    detail: str = Field(examples=["the token does not allow this"])
    """A sentence for people; never a patient's data."""


class Mistake(Answer):
    """A part of a request that does not fit its description."""

    loc: list[str | int] = Field(examples=[["query", "order"]])
    """Where it is."""
    msg: str
    type: str


class Invalid(Answer):
    """Why a request was not understood."""

    detail: list[Mistake]


def misunderstood(error: RequestValidationError) -> Response:
    """Return the answer to a request that does not fit: where and why, without what was sent."""
    mistakes = [{name: one[name] for name in Mistake.model_fields} for one in error.errors()]
    # ASCII: where it is may hold half a character of the request, which no other encoding takes.
    return Response(json.dumps({"detail": mistakes}), status_code=422, media_type="application/json")


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the description of answers that say why something was not done."""
    return {
        status: {
            "model": Invalid if status == _UNPROCESSABLE else Problem,
            "description": f"{HTTPStatus(status).phrase}: {_SENTENCES[status]}",
            **({"headers": _HEADERS[status]} if status in _HEADERS else {}),
        }
        for status in statuses
    }


class Patient(Answer):
    """Whom a study is of, as its first film names it; each text is empty where the film does not."""

    patient_name: str = Field(examples=["Doe^Jane"])
    """With its groups and components, as DICOM writes it (PS3.5 6.2.1)."""
    patient_id: str = Field(examples=["4711"])
    issuer_of_patient_id: str
    patient_birth_date: str = Field(examples=["19610203"])
    """YYYYMMDD."""
    patient_sex: str = Field(examples=["F"])
    """M, F or O."""

    @classmethod
    def of(cls, identity: StudyIdentity) -> Self:
        """Return the patient of a study."""
        return cls.model_validate(identity)


class Order(Answer):
    """Of which order and when a study is, as its first film says; each text is empty where the film does not."""

    accession_number: str = Field(examples=["A-100"])
    study_date: str = Field(examples=["20261127"])
    """YYYYMMDD."""
    study_time: str = Field(examples=["101500"])
    """HHMMSS, or its beginning."""
    study_description: str
    station_name: str = Field(examples=["ROOM1"])
    """Of the equipment that made the film."""


class Network(Answer):
    """A network, down to its bytes."""

    name: str = Field(examples=["chest-efficientnet-lite0"])
    version: str = Field(examples=["0.3.0"])
    sha256: str
    """SHA-256 of its weights, in hexadecimal."""


class Output(Answer):
    """What the network answered for one class. It is not the probability that the patient has the disease."""

    label: Label
    probability: float = Field(ge=0, le=1, examples=[0.93])
    threshold: float = Field(ge=0, le=1, examples=[0.85])
    """From which on the network names the class."""
    is_named: bool

    @classmethod
    def all(cls, probabilities: Probabilities | None, model: ModelVersion | None) -> list[Self]:
        """Return the outputs of a result, in the order of the network; none where nothing was classified."""
        if probabilities is None or model is None:
            return []
        named = model.label_of(probabilities)
        return [
            cls(label=label, probability=value, threshold=min(model.least_for(label), 1.0), is_named=label is named)
            for label, value in probabilities.as_dict().items()
        ]


class Reason(Answer):
    """Why nothing was classified."""

    code: Unsuitable
    sentence: str

    @classmethod
    def of(cls, unsuitable: Unsuitable | None) -> Self | None:
        """Return a reason, where there is one."""
        return None if unsuitable is None else cls(code=unsuitable, sentence=unsuitable.sentence)


class Section(Answer):
    """A few paragraphs on one question."""

    heading: str = Field(examples=["What the result means"])
    paragraphs: list[str]
    sources: list[str]
    """Keys of the sources that they rest on."""


class Source(Answer):
    """A publication that a text rests on."""

    key: str
    title: str
    publisher: str
    published: str
    place: str
    """Where to find it."""


class Words(Answer):
    """What to know about a result, for patients and for clinicians."""

    title: str
    version: str
    reviewed: date
    """When it was last compared with its sources."""
    notices: list[str]
    """To be shown wherever the text is shown."""
    patients: list[Section]
    clinicians: list[Section]
    sources: list[Source]

    @classmethod
    def of(cls, text: Knowledge) -> Self:
        """Return a text of ours."""
        return cls(
            title=text.title,
            version=text.version,
            reviewed=text.reviewed,
            notices=list(NOTICES),
            patients=_sections(text, Audience.PATIENTS),
            clinicians=_sections(text, Audience.CLINICIANS),
            sources=[Source.model_validate(source) for source in text.sources],
        )


def _sections(text: Knowledge, audience: Audience) -> list[Section]:
    return [
        Section(heading=heading, paragraphs=list(one.paragraphs), sources=list(one.sources))
        for heading, one in text.register(audience).sections()
    ]
