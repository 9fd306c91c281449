"""What the header of a film says about its use: is it a human, frontal chest X-ray that may be classified?"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any

from pydicom.uid import (
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
    SecondaryCaptureImageStorage,
)

from dicom_node.film_codes import CHEST_REGIONS, HUMAN_SPECIES, VIEW_BY_CODE, VIEW_BY_POSITION
from domain.film import FilmHeader, Unsuitable, View

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom.dataset import Dataset

_OWN_MODALITIES = frozenset({"CR", "DX", "RG"})
"""Modality (0008,0060) of projection radiography; RG is what film digitisers send (PS3.3 C.7.3.1.1.1)."""
_OTHER_MODALITIES = frozenset({"MG", "IO", "PX", "XA", "RF", "US", "CT", "MR", "BMD"})
"""Modalities that some devices store under the SOP class of CR although the film is of another kind."""

_IMAGE_WORDS = ("SeriesDescription", "ProtocolName", "AcquisitionDeviceProcessingDescription")
_STUDY_WORDS = ("PerformedProcedureStepDescription", "RequestedProcedureDescription", "StudyDescription")
_SITE_WORDS = ("InstitutionName", "InstitutionalDepartmentName")

# Words are compared in capitals, without accents, with every other sign made a space: see `_words`.
_CHEST_WORDS = re.compile(
    r"\b(CHEST|CXR|LUNGS?|THORAX|TORAX|TORACE|TORAC\w*|PULMO\w*|POLMON\w*|POUMONS?|PULMON\w*|LUNGE\w*"  # en la it fr es
    r"|BRUSTKORB|HRUDNIK\w*|PLUC\w*|PIERSIOW\w*|KLP|MELLKAS\w*|KEUHKO\w*|AKCIGER|GOGUS"  # de cs pl hu fi tr
    r"|ГРУД\w*|ОГК|ЛЕГКИ\w*)\b"
    r"|胸|肺|흉부|폐"
)
_OTHER_PART_WORDS = re.compile(
    r"\b(ABDOMEN\w*|ABD|KUB|PELVI[SC]\w*|HIPS?|KNEES?|HANDS?|FOOT|FEET|ANKLES?|WRISTS?|ELBOWS?|SHOULDERS?|HUMERUS"
    r"|FEMUR|TIBIA|FIBULA|FOREARM|FINGERS?|TOES?|CLAVICLES?|SCAPULA|RIBS?|STERNUM|BREASTS?|SKULL|HEAD|NECK|SINUS\w*"
    r"|TEETH|TOOTH|DENTAL|JAW|MANDIBLE|EXTREMITY|SPINE|[CTL]SPINE|CERVICAL|LUMBAR|SACRUM|COCCYX"  # en
    r"|BECKEN|HUFTE\w*|KNIE|SCHULTER|SCHADEL|FUSS|RIPPEN|\w*WIRBEL\w*|[BHL]WS"  # de
    r"|BASSIN|GENOU|EPAULE|CRANE|RACHIS|HANCHE|CHEVILLE|POIGNET|PIED"  # fr
    r"|CADERA|RODILLA|HOMBRO|CRANEO|COLUMNA|MANO|BACINO|GINOCCHIO|SPALLA|RACHIDE|COLONNA"  # es it
    r"|КОЛЕН\w*|БРЮШН\w*|ЖИВОТ\w*|ТАЗА?|ТАЗОБЕДР\w*|ПОЗВОН\w*|ШЕЙН\w*|ПОЯСНИЧ\w*|ЧЕРЕП\w*"  # noqa: RUF001 - Russian
    r"|ПЛЕЧ\w*|ЛОКТ\w*|БЕДР\w*|ГОЛЕН\w*|СТОП[АЫ]|РЕБРА|РЕБЕР|КЛЮЧИЦ\w*|ПАЗУХ\w*)\b"  # ru
    r"|腹部|骨盤|骨盆|[胸腰頸頚颈]椎|脊柱|膝|肩|股関節|髋|[肋胸]骨|[鎖锁]骨"  # ja zh
    r"|頭部|头颅|鼻窦|副鼻腔|手関節|手指|足部|踝"
    r"|복부|골반|척추|경추|흉추|요추|무릎|어깨|고관절|늑골|쇄골|두개골|부비동|손목|발목"  # ko
)
_SAYS_NOTHING = frozenset({"", "UNKNOWN", "UNDEFINED", "UNSPECIFIED", "OTHER", "NONE", "DEFAULT", "N A", "NA", "MISC"})
"""Values that devices put where the body part was not chosen."""

_ANIMAL_WORDS = re.compile(
    r"\b(CANINE|FELINE|EQUINE|BOVINE|PORCINE|OVINE|CAPRINE|AVIAN|REPTILE|DOGS?|HORSES?|KITTEN|PUPPY"
    r"|VETERIN\w*|ANIMALS?|TIERARZT\w*|TIERKLINIK\w*|HUND|KATZE|PFERD|PERRO|CHIEN|CAVALLO)\b|ВЕТЕРИНАР|獣医|动物|동물병원"
)

_VIEW_WORDS: tuple[tuple[View, re.Pattern[str]], ...] = (
    (View.PA, re.compile(r"\b(PA|P A|DV|POSTERO ?ANTERIOR\w*)\b|后前|後前")),
    (View.AP, re.compile(r"\b(AP|A P|ANTERO ?POSTERIOR\w*)\b|前后|前後")),
    (
        View.FRONTAL,
        re.compile(r"\b(FRONTAL\w*|FRONTE|FRENTE|FACE|PRZEDN\w*|ПРЯМ\w*)\b|正位|正面|정면"),
    ),
    (
        View.LATERAL,
        re.compile(
            r"\b(LAT|LATERAL(E|ES|IS)?|LATERO ?LATERAL\w*|LL|RL|SEITL\w*|PROFIL\w*|PERFIL|ZIJDELINGS|BOCZN\w*|YAN"
            r"|БОКОВ\w*)\b|侧位|側面|側位|측면"
        ),
    ),
    (
        View.OBLIQUE,
        re.compile(
            r"\b(OBL|OBLI\w*|SCHRAG\w*|RAO|LAO|RPO|LPO|SKOSN\w*"
            r"|КОС(АЯ|ОИ|УЮ|ЫЕ))\b|斜位|사위"  # noqa: RUF001 - Russian
        ),
    ),
)


def film_header(dataset: Dataset) -> FilmHeader:
    """Say what a film is by its header.

    A body part that is said nowhere counts as chest, because many CR plates leave it empty; a view that is said
    nowhere does not count as frontal.

    Args:
        dataset: The film, its pixel data not needed. Values that can't be parsed count as absent.

    """
    view = _view(dataset)
    return FilmHeader(view=view, unsuitable=_unsuitable(dataset, view))


def _unsuitable(dataset: Dataset, view: View) -> Unsuitable | None:
    """Return the first reason, in the order of how fundamental it is."""
    reason = _kind_problem(dataset)
    if reason is not None:
        return reason
    if _frames(dataset) > 1:
        return Unsuitable.MULTI_FRAME
    if not _is_human(dataset):
        return Unsuitable.NOT_HUMAN
    if not _is_chest(dataset):
        return Unsuitable.NOT_CHEST
    if view is View.UNKNOWN:
        return Unsuitable.VIEW_UNKNOWN
    return None if view.is_frontal else Unsuitable.NOT_FRONTAL


def _kind_problem(dataset: Dataset) -> Unsuitable | None:
    """Check SOP class, modality and presentation intent (PS3.3 A.2, A.26, C.8.11.1)."""
    sop_class = _text(dataset, "SOPClassUID")
    modality = _text(dataset, "Modality")
    for_processing = _text(dataset, "PresentationIntentType") == "FOR PROCESSING"
    if sop_class == DigitalXRayImageStorageForProcessing:
        return Unsuitable.NOT_FOR_PRESENTATION
    if sop_class in {ComputedRadiographyImageStorage, DigitalXRayImageStorageForPresentation}:
        is_xray = modality not in _OTHER_MODALITIES
    else:
        # ACR-NEMA objects have no SOP class; secondary captures come by hand, the network does not accept them.
        is_xray = sop_class in {"", SecondaryCaptureImageStorage} and modality in _OWN_MODALITIES
    if not is_xray:
        return Unsuitable.NOT_AN_XRAY
    return Unsuitable.NOT_FOR_PRESENTATION if for_processing else None


def _frames(dataset: Dataset) -> int:
    try:
        return int(_text(dataset, "NumberOfFrames") or 1)
    except ValueError:
        return 1


def _is_human(dataset: Dataset) -> bool:
    """Look at the attributes that only animals have (PS3.3 C.7.1.1), then for a veterinary word."""
    species = _codes(dataset, "PatientSpeciesCodeSequence")
    if species:
        return any(value in HUMAN_SPECIES or "HOMO SAPIENS" in meaning for value, meaning in species)
    description = _words(dataset, "PatientSpeciesDescription")
    if description:
        return description in {"HUMAN", "HOMO SAPIENS"}
    if _text(dataset, "PatientBreedDescription") or _text(dataset, "PatientSexNeutered"):
        return False
    return not any(_ANIMAL_WORDS.search(text) for text in _descriptions(dataset, with_site=True))


def _is_chest(dataset: Dataset) -> bool:
    """Take the body part that is coded; without one, what the descriptions name; without that, a chest."""
    body_part = _words(dataset, "BodyPartExamined")
    if body_part not in _SAYS_NOTHING:
        return _names_chest(body_part) is True
    regions = _codes(dataset, "AnatomicRegionSequence")
    if regions:
        return any(value in CHEST_REGIONS or _names_chest(meaning) is True for value, meaning in regions)
    said = (_names_chest(text) for text in _descriptions(dataset))
    return next((answer for answer in said if answer is not None), True)


def _names_chest(text: str) -> bool | None:
    """Whether the text names the chest alone; None where it names no part of the body."""
    if _OTHER_PART_WORDS.search(text):
        return False
    return True if _CHEST_WORDS.search(text) else None


def _view(dataset: Dataset) -> View:
    """Find the projection: coded view, view position, then orientation and descriptions together."""
    for value, meaning in _codes(dataset, "ViewCodeSequence"):
        view = VIEW_BY_CODE.get(value) or _named_view(meaning)
        if view is not None:
            return view
    position = _words(dataset, "ViewPosition")
    view = VIEW_BY_POSITION.get(position) or _named_view(position)
    return view or _described_view(dataset)


def _described_view(dataset: Dataset) -> View:
    """Weigh orientation against words: words may refine a frontal orientation, and "lateral" overrules it."""
    oriented = _oriented_view(dataset)
    named = (_named_view(text) for text in _descriptions(dataset))
    described = next((view for view in named if view is not None), None)
    if oriented is View.LATERAL:
        return oriented
    return described or oriented or View.UNKNOWN


def _oriented_view(dataset: Dataset) -> View | None:
    """Read the direction of the rows: left-right is a frontal film, front-back a lateral one (PS3.3 C.7.6.1.1.1)."""
    row_direction = _text(dataset, "PatientOrientation")[:1]
    return {"L": View.FRONTAL, "R": View.FRONTAL, "A": View.LATERAL, "P": View.LATERAL}.get(row_direction)


def _named_view(text: str) -> View | None:
    """Return the one view that the text names; None where it names none, or several as a study's description does."""
    named = {view for view, words in _VIEW_WORDS if words.search(text)}
    if View.OBLIQUE in named:
        return View.OBLIQUE  # "left anterior oblique", "lateral oblique"
    if View.LATERAL in named:
        return View.LATERAL if len(named) == 1 else None
    if len(named) > 1:
        specific = named - {View.FRONTAL}
        return specific.pop() if len(specific) == 1 else View.FRONTAL
    return named.pop() if named else None


def _descriptions(dataset: Dataset, *, with_site: bool = False) -> Iterator[str]:
    """Yield the free texts about the film, those of the image before those of the study."""
    for keyword in _IMAGE_WORDS:
        yield _words(dataset, keyword)
    for _, meaning in _codes(dataset, "PerformedProtocolCodeSequence"):
        yield meaning
    for keyword in _STUDY_WORDS + (_SITE_WORDS if with_site else ()):
        yield _words(dataset, keyword)


def _codes(dataset: Dataset, keyword: str) -> list[tuple[str, str]]:
    """Return (code value, normalised meaning) of every item of a code sequence."""
    items = _value(dataset, keyword) or []
    try:
        return [
            (_text(item, "CodeValue") or _text(item, "LongCodeValue"), _words(item, "CodeMeaning")) for item in items
        ]
    except (TypeError, AttributeError):  # not a sequence: a private or broken encoding
        return []


def _words(dataset: Dataset, keyword: str) -> str:
    """Return the text in capitals without accents, every run of other signs made one space."""
    decomposed = unicodedata.normalize("NFKD", _text(dataset, keyword).upper())
    bare = "".join(character for character in decomposed if not unicodedata.combining(character))
    return re.sub(r"[\W_]+", " ", unicodedata.normalize("NFC", bare)).strip()


def _text(dataset: Dataset, keyword: str) -> str:
    """Return a value as text in capitals, several values joined by a space, absent ones as nothing."""
    value = _value(dataset, keyword)
    if value is None:
        return ""
    is_single = isinstance(value, str) or not hasattr(value, "__iter__")
    return (str(value) if is_single else " ".join(str(part) for part in value)).strip().upper()


def _value(dataset: Dataset, keyword: str) -> Any:  # noqa: ANN401 - whatever the attribute's VR makes of it
    try:
        return dataset.get(keyword)
    except Exception:  # noqa: BLE001 - whatever a converter raises on a broken value, the value counts as absent
        return None
