"""Films in the scripts of the world: received, understood, and reported with the patient's name as it came."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Final

import pydicom
import pytest
from pydicom import Dataset
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from dicom_node.films import SpoolFilms
from dicom_node.report import build_report
from dicom_node.silence import quiet
from dicom_node.spool import Spool
from domain.film import StoredFilm, Unsuitable, View
from domain.findings import Findings, ModelVersion, Probabilities
from domain.ids import SeriesUid, SopInstanceUid, StudyId, StudyUid
from tests.films import film
from tests.integration.conftest import RunningNode
from tests.integration.test_node import encoded, store_raw
from tests.reports import CREATED

MODEL = ModelVersion(name="hilum-test", version="1.2.3", sha256=hashlib.sha256(b"weights").hexdigest())


def korean(text: str) -> bytes:
    """Announce the set before the first of its characters, as PS3.5 I.2 does."""
    return b"\x1b$)C" + text.encode("euc_kr")


@dataclass(frozen=True, kw_only=True)
class Script:
    """One way to write; the name as PS3.5 prints its bytes, where it does."""

    term: bytes
    name: bytes
    reads: str
    encode: Callable[[str], bytes]
    words: str
    """The institution and the study in that language."""


SCRIPTS: Final = {
    "none": Script(term=b"", name=b"Doe^Jane", reads="Doe^Jane", encode=str.encode, words="General Hospital"),
    "Latin": Script(
        term=b"ISO_IR 100",
        name=b"Buc^J\xe9r\xf4me",
        reads="Buc^Jérôme",
        encode=lambda text: text.encode("latin-1"),
        words="Hôpital général",
    ),
    "Cyrillic": Script(
        term=b"ISO_IR 144",
        name=b"\xbb\xee\xdace\xdc\xd1yp\xd3",
        reads="Люкceмбypг",  # noqa: RUF001 - as PS3.5 has it, Latin letters among the Russian
        encode=lambda text: text.encode("iso8859_5"),
        words="Больница",
    ),
    "Japanese, beside ASCII": Script(
        term=b"\\ISO 2022 IR 87",
        name=b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
        reads="Yamada^Tarou=山田^太郎=やまだ^たろう",
        encode=lambda text: text.encode("iso2022_jp"),
        words="総合病院",
    ),
    "Japanese, beside katakana": Script(
        term=b"ISO 2022 IR 13\\ISO 2022 IR 87",
        name=b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J=\x1b$B$d$^$@\x1b(J^\x1b$B$?$m$&\x1b(J",
        reads="ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう",
        encode=lambda text: text.encode("iso2022_jp").replace(b"\x1b(B", b"\x1b(J"),
        words="総合病院",
    ),
    "Korean": Script(
        term=b"\\ISO 2022 IR 149",
        name=b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf",
        reads="Hong^Gildong=洪^吉洞=홍^길동",
        encode=korean,
        words="종합병원",
    ),
    "Chinese": Script(
        term=b"GB18030",
        name=b"Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab",
        reads="Wang^XiaoDong=王^小东",
        encode=lambda text: text.encode("gb18030"),
        words="综合医院",
    ),
    "Unicode": Script(
        term=b"ISO_IR 192",
        name=b"Wang^XiaoDong=\xe7\x8e\x8b^\xe5\xb0\x8f\xe6\x9d\xb1",
        reads="Wang^XiaoDong=王^小東",
        encode=str.encode,
        words="总医院",
    ),
}


def put(dataset: Dataset, keyword: str, value: bytes) -> None:
    """Set an attribute to bytes that no toolkit has encoded."""
    tag = Tag(tag_for_keyword(keyword) or 0)
    value += b" " * (len(value) % 2)
    dataset[tag] = RawDataElement(tag, dictionary_VR(tag), len(value), value, 0, False, True)  # type: ignore[assignment]  # noqa: FBT003


def written(number: int, script: Script, description: str) -> Dataset:
    """Return a film whose words alone say what it shows."""
    made = film(number, rows=64)
    for keyword in ("BodyPartExamined", "AnatomicRegionSequence", "ViewPosition", "ViewCodeSequence"):
        delattr(made, keyword)
    del made.PatientOrientation, made.StudyDescription
    put(made, "SpecificCharacterSet", script.term)
    put(made, "PatientName", script.name)
    put(made, "InstitutionName", script.encode(script.words))
    put(made, "SeriesDescription", script.encode(description))
    return made


def received(node: RunningNode, made: Dataset) -> StoredFilm:
    """Send the film to the node and return what the spool has."""
    with quiet():
        assert store_raw(node.port, encoded(made), instance=str(made.SOPInstanceUID)) == 0
        digest = hashlib.sha256(encoded(made)).hexdigest()
    (path,) = node.spool.rglob(f"*-{digest[:16]}.dcm")
    return StoredFilm(
        study_id=StudyId(1),
        study_uid=StudyUid(str(made.StudyInstanceUID)),
        series_uid=SeriesUid(str(made.SeriesInstanceUID)),
        sop_instance_uid=SopInstanceUid(str(made.SOPInstanceUID)),
        sop_class_uid=str(made.SOPClassUID),
        digest=digest,
        path=str(path.relative_to(node.spool)),
    )


def reported(node: RunningNode, kept: StoredFilm) -> Dataset:
    """Build the report about the film, write it and read it back."""
    source = SpoolFilms(Spool(node.spool, for_reading=True)).dataset(kept)
    assert source is not None
    scores = Probabilities(covid19=0.1, normal=0.8, pneumonia=0.1)
    findings = Findings(model=MODEL, films=(kept,), analysed=kept, probabilities=scores)
    stream = BytesIO()
    build_report(findings, [source], created=CREATED).save_as(stream, enforce_file_format=True)
    return pydicom.dcmread(BytesIO(stream.getvalue()))


SAID: Final = {
    "none": [("Chest PA", View.PA, None), ("Left knee AP", View.AP, Unsuitable.NOT_CHEST)],
    "Latin": [
        ("Poumons, de face", View.FRONTAL, None),
        ("Thorax, schräg", View.OBLIQUE, Unsuitable.NOT_FRONTAL),
        ("Hüfte a.p.", View.AP, Unsuitable.NOT_CHEST),
    ],
    "Cyrillic": [
        ("Грудная клетка, прямая проекция", View.FRONTAL, None),
        ("Лёгкие, косой снимок", View.OBLIQUE, Unsuitable.NOT_FRONTAL),
        ("Коленный сустав, прямая", View.FRONTAL, Unsuitable.NOT_CHEST),
    ],
    "Japanese, beside ASCII": [
        ("胸部 正面", View.FRONTAL, None),
        ("胸部 側面", View.LATERAL, Unsuitable.NOT_FRONTAL),
        ("腹部 正面", View.FRONTAL, Unsuitable.NOT_CHEST),
    ],
    "Japanese, beside katakana": [
        ("胸部 正面", View.FRONTAL, None),
        ("胸椎 正面", View.FRONTAL, Unsuitable.NOT_CHEST),
    ],
    "Korean": [
        ("흉부 정면", View.FRONTAL, None),
        ("흉부 측면", View.LATERAL, Unsuitable.NOT_FRONTAL),
        ("무릎 정면", View.FRONTAL, Unsuitable.NOT_CHEST),
    ],
    "Chinese": [
        ("胸部正位", View.FRONTAL, None),
        ("胸部侧位", View.LATERAL, Unsuitable.NOT_FRONTAL),
        ("膝关节正位", View.FRONTAL, Unsuitable.NOT_CHEST),
    ],
    "Unicode": [("胸部後前位", View.PA, None), ("腰椎正位", View.FRONTAL, Unsuitable.NOT_CHEST)],
}
"""What a description says, the view in it, and why the film is not classified."""

CASES = [(script, *said) for script, descriptions in SAID.items() for said in descriptions]


@pytest.mark.parametrize(("script", "description", "view", "unsuitable"), CASES)
def test_a_film_is_understood_in_its_own_script(
    node: RunningNode, script: str, description: str, view: View, unsuitable: Unsuitable | None
) -> None:
    """The words of the series tell what it shows, whatever bytes they are."""
    kept = received(node, written(CASES.index((script, description, view, unsuitable)), SCRIPTS[script], description))
    header = SpoolFilms(Spool(node.spool, for_reading=True)).header(kept)
    assert (header.view, header.unsuitable) == (view, unsuitable)


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_report_has_the_names_of_the_film(node: RunningNode, script: str) -> None:
    """Patient and institution read the same, in a set that every reader of today knows."""
    made = SCRIPTS[script]
    report = reported(node, received(node, written(100 + list(SCRIPTS).index(script), made, "Chest PA")))
    assert str(report.PatientName) == made.reads
    assert report.InstitutionName == made.words
    assert report.SpecificCharacterSet == ("ISO_IR 100" if made.reads.isascii() else "ISO_IR 192")


NONSENSE: Final = {
    "a term that nobody knows": (b"KLINGON", b"Buc^J\xe9r\xf4me"),
    "a term of foreign bytes": (b"\xe9\xff\x01", b"Doe^Jane"),
    "forty terms": (b"\\".join([b"ISO 2022 IR 87"] * 40), b"Doe^Jane"),
    "sets that exclude each other": (b"ISO_IR 192\\ISO 2022 IR 149", b"Hong^\x1b$)C\xb1\xe6"),
    "bytes that are no UTF-8": (b"ISO_IR 192", b"Doe^\xff\xfe\xc3"),
    "half a character": (b"\\ISO 2022 IR 87", b"Doe^\x1b$B;"),
    "an escape to nowhere": (b"\\ISO 2022 IR 87", b"Doe^\x1b$)Q\x80\x1b"),
    "no term, foreign bytes": (b"", b"Doe^\xbb\xee\xda"),
}


@pytest.mark.parametrize("name", NONSENSE)
def test_nonsense_still_gets_its_report(node: RunningNode, name: str) -> None:
    """The film is received and judged by its header; the report has the patient's ID, and some name."""
    term, patient = NONSENSE[name]
    script = Script(term=term, name=patient, reads="", encode=str.encode, words="Hospital")
    kept = received(node, written(200 + list(NONSENSE).index(name), script, "Chest PA"))
    report = reported(node, kept)
    assert SpoolFilms(Spool(node.spool, for_reading=True)).header(kept).unsuitable is None
    assert report.PatientID == f"SECRET-ID-{200 + list(NONSENSE).index(name)}"
    assert str(report.PatientName).startswith(("Doe", "Buc", "Hong"))
