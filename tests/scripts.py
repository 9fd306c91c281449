"""Films in the scripts of the world, with the bytes that a device would write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pydicom import Dataset
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from dicom_node.silence import quiet
from tests.films import film


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
    """Set an attribute to bytes that no toolkit has encoded, nor will when it writes the data set."""
    tag = Tag(tag_for_keyword(keyword) or 0)
    value += b" " * (len(value) % 2)
    dataset[tag] = RawDataElement(tag, dictionary_VR(tag), len(value), value, 0, False, True)  # type: ignore[assignment]  # noqa: FBT003
    with quiet():  # a term may be nonsense
        character_set = dataset._character_set
    # Else the toolkit would decode what it writes, and encode it anew.
    dataset.set_original_encoding(is_implicit_vr=False, is_little_endian=True, character_encoding=character_set)


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
