"""What becomes of each attribute by the Basic Application Level Confidentiality Profile (PS3.15 Annex E).

The table of attributes, E.1-1, and the dummy values come from dicom-anonymizer. Dates, UIDs and sequences are treated
here: it applies its rules to the outermost data set only, and gives UIDs that no key repeats.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.tag import BaseTag, Tag

from domain.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset

    Rule = tuple[str, tuple[int, ...]]

_EDITION: Final = "dicomfields_2026c"
_REMOVED, _EMPTIED, _REPLACED, _RENAMED = "X", "Z", "D", "U"
# Of actions that depend on the IOD the one that is right for each of them: what may be required is emptied, what may
# be required with a value gets one.
_ACTIONS: Final[Mapping[str, str]] = {
    "X_TAGS": _REMOVED,
    "Z_TAGS": _EMPTIED,
    "X_Z_TAGS": _EMPTIED,
    "D_TAGS": _REPLACED,
    "Z_D_TAGS": _REPLACED,
    "X_D_TAGS": _REPLACED,
    "X_Z_D_TAGS": _REPLACED,
    "U_TAGS": _RENAMED,
    "X_Z_U_STAR_TAGS": _RENAMED,
}
_TIMES: Final = frozenset({"DA", "DT", "TM"})
LONGITUDINAL: Final = frozenset(
    {
        "StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate", "AcquisitionDateTime",
        "StudyTime", "SeriesTime", "AcquisitionTime", "ContentTime",
    }
)  # fmt: skip
"""Dates and times that the option for modified dates keeps; the others go all the same."""
CHARACTERISTICS: Final = frozenset({"PatientSex", "PatientAge", "PatientSize", "PatientWeight"})
"""What the option to retain patient characteristics keeps."""
_DATE_CHARACTERS: Final = 8


@cache
def table() -> Mapping[BaseTag, str]:
    """Return the action for each attribute that has a tag of its own: X, Z, D or U.

    Raises:
        Misconfigured: the library that has the table is not installed.
    """
    return {Tag(*tag): action for action, tag in _rules() if len(tag) == len(("group", "element"))}


@cache
def _masks() -> tuple[tuple[int, int], ...]:
    """Return values and masks of the repeating groups, all of which are removed: curves, overlays."""
    rules = [tag for _, tag in _rules() if len(tag) > len(("group", "element"))]
    return tuple(((group << 16) | element, (groups << 16) | elements) for group, element, groups, elements in rules)


@cache
def _rules() -> tuple[Rule, ...]:
    if find_spec("dicomanonymizer") is None:
        raise Misconfigured("this needs dicom-anonymizer: pip install 'hilum[deidentify]'")
    from dicomanonymizer.dicomfields_selector import dicom_anonymization_database_selector

    found = dicom_anonymization_database_selector(_EDITION)
    return tuple((action, tag) for category, action in _ACTIONS.items() for tag in found[category])


def treat(dataset: Dataset, *, rename: Callable[[str], str], shift: timedelta | None, kept: frozenset[str]) -> None:
    """Apply the profile to a data set and everything in it.

    Args:
        dataset: it is changed.
        rename: returns the new UID for one.
        shift: what is added to the dates that are kept; None: they go.
        kept: keywords of attributes that stay as they are.
    """
    dataset.remove_private_tags()
    for element in list(dataset):
        if element.keyword in kept:
            continue
        if shift is not None and element.keyword in LONGITUDINAL:
            element.value = _shifted(element, shift)
        else:
            _apply(dataset, element, rename)
    for element in dataset:
        for item in element.value if element.VR == "SQ" else ():
            treat(item, rename=rename, shift=shift, kept=frozenset())


def _apply(dataset: Dataset, element: DataElement, rename: Callable[[str], str]) -> None:
    action = _action(element.tag)
    if action == _REMOVED:
        del dataset[element.tag]
    elif action == _RENAMED:
        if element.VR == "UI":
            values = element.value if element.VM > 1 else [element.value]
            element.value = [rename(str(value)) if value else "" for value in values]
        # A sequence of references stays; the UIDs in it are renamed with the rest of it.
    elif action is not None:
        _blank(element, is_required=action == _REPLACED)


def _action(tag: BaseTag) -> str | None:
    if any(tag & mask == value & mask for value, mask in _masks()):
        return _REMOVED
    return table().get(tag)


def _blank(element: DataElement, *, is_required: bool) -> None:
    """Take the value away, or put a dummy in its place where there must be one."""
    from dicomanonymizer.simpledicomanonymizer import replace_element

    if element.VR == "SQ":
        element.value = []
    elif is_required and element.VR not in _TIMES:
        replace_element(element)
    else:
        element.value = None


def _shifted(element: DataElement, shift: timedelta) -> Any:  # noqa: ANN401 - a value of DICOM
    """Return a date later or earlier, and a time as it is; nothing of what can't be read as a date."""
    if element.VR == "TM":
        return element.value
    text = str(element.value or "")
    try:
        date = datetime.strptime(text[:_DATE_CHARACTERS], "%Y%m%d")  # noqa: DTZ007 - a date of no zone
    except ValueError:
        return None
    return f"{date + shift:%Y%m%d}{text[_DATE_CHARACTERS:]}"


def is_text(tag: BaseTag) -> bool:
    """Whether people write free text into an attribute."""
    return dictionary_has_tag(tag) and dictionary_VR(tag) in {"LO", "LT", "PN", "SH", "ST", "UC", "UT"}
