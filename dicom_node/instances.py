"""What an instance is by its data set, said in one place for every way that it comes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dicom_node.identifiers import (
    MODALITY,
    SERIES_INSTANCE_UID,
    SOP_CLASS_UID,
    SOP_INSTANCE_UID,
    STUDY_INSTANCE_UID,
    NotADataSet,
)
from domain.film import ReceivedInstance
from domain.ids import SeriesUid, SopInstanceUid, StudyUid

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from domain.priority import Priority
    from domain.subject import StudyIdentity

_NOT_IN_CODE_STRING = re.compile(r"[^A-Z0-9_ ]")
_LONGEST_CODE_STRING = 16
_UID = re.compile(r"[0-9.]{1,64}")


def is_uid(text: str) -> bool:
    """Whether the text has the characters and the length of a UID (PS3.5 Section 9.1)."""
    return _UID.fullmatch(text) is not None


def described(  # noqa: PLR0913 - what comes from elsewhere than the identifiers
    values: Mapping[int, str],
    *,
    transfer_syntax_uid: str,
    digest: str,
    size_bytes: int,
    source: str,
    place: Callable[[StudyUid, SopInstanceUid, str], str],
    priority: Priority,
    identity: StudyIdentity,
) -> ReceivedInstance:
    """Return what the database is told of an instance.

    Args:
        values: the identifiers of its data set by tag.
        transfer_syntax_uid: the encoding of its data set.
        digest: SHA-256 of its data set, in hexadecimal.
        size_bytes: of its data set.
        source: the AE title that it comes from.
        place: says where in the store an instance with a digest belongs.
        priority: how urgent it is.
        identity: whom it is of.

    Raises:
        NotADataSet: an identifier is missing, or is none.
    """
    study_uid = StudyUid(_uid(values, STUDY_INSTANCE_UID))
    sop_instance_uid = SopInstanceUid(_uid(values, SOP_INSTANCE_UID))
    return ReceivedInstance(
        study_uid=study_uid,
        series_uid=SeriesUid(_uid(values, SERIES_INSTANCE_UID)),
        sop_instance_uid=sop_instance_uid,
        sop_class_uid=_uid(values, SOP_CLASS_UID),
        transfer_syntax_uid=transfer_syntax_uid,
        modality=_NOT_IN_CODE_STRING.sub("", values.get(MODALITY, "").upper())[:_LONGEST_CODE_STRING],
        digest=digest,
        size_bytes=size_bytes,
        path=place(study_uid, sop_instance_uid, digest),
        calling_ae_title=source,
        priority=priority,
        identity=identity,
    )


def _uid(values: Mapping[int, str], tag: int) -> str:
    uid = values.get(tag, "")
    if not is_uid(uid):
        raise NotADataSet("an identifier is missing or no UID")
    return uid
