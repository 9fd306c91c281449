"""Stored films that are broken in any way: a result or a reason, within bounds, and the process lives on."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import pytest

from dicom_node.films import SpoolFilms, read_film
from dicom_node.silence import quiet
from dicom_node.spool import Spool
from dicom_node.wrap import wrap_film
from domain.film import StoredFilm, Unsuitable
from domain.ids import SeriesUid, SopInstanceUid, StudyId, StudyUid
from tests.encodings import DEPTHS, LOSSLESS, LOSSY, encoded, grey
from tests.films import saved
from tests.mutations import nested

SPOILED_PER_SYNTAX = 80
LARGEST_GROWTH_MEGABYTES = 300


def stored(path: str) -> StoredFilm:
    return StoredFilm(
        study_id=StudyId(1),
        study_uid=StudyUid("1.2"),
        series_uid=SeriesUid("1.3"),
        sop_instance_uid=SopInstanceUid("1.4"),
        sop_class_uid="1.2.840.10008.5.1.4.1.1.1.1",
        digest="0" * 64,
        path=path,
    )


READ_ALL = """
import sys
from pathlib import Path
from dicom_node.films import SpoolFilms
from dicom_node.spool import Spool
from dicom_node.report import build_report
from domain.film import NotClassifiable
from domain.findings import Findings, ModelVersion, Probabilities
from tests.mutations import spoiled
from tests.reports import CREATED
from tests.unit.dicom_node.test_hostile_films import stored

def peak():
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) // 1024

root, count, *names = sys.argv[1:]
films, film = SpoolFilms(Spool(Path(root))), stored("spoiled")
model = ModelVersion(name="m", version="1.0.0", sha256="0" * 64)
findings = Findings(model=model, films=(film,), analysed=film,
                    probabilities=Probabilities(covid19=0.1, normal=0.8, pneumonia=0.1))
before, pictures = peak(), 0
for name in names:
    content = Path(root, name).read_bytes()
    for seed in range(int(count)):
        print(name, seed, flush=True)
        Path(root, "spoiled").write_bytes(spoiled(content, seed))
        films.header(film)
        try:
            films.pixels(film)
            pictures += 1
        except NotClassifiable:
            pass
        dataset = films.dataset(film)
        if seed % 10 == 0 and dataset is not None:
            build_report(findings, [dataset], created=CREATED)
print(pictures, peak() - before)
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a film in every transfer syntax."""
    folder = tmp_path_factory.mktemp("films")
    for syntax in (*LOSSLESS, *LOSSY):
        film = wrap_film(grey(DEPTHS.get(syntax, (12,))[-1]), patient_id="P", patient_name="Doe^Jane")
        film.BitsStored = DEPTHS.get(syntax, (12,))[-1]
        film.HighBit = film.BitsStored - 1
        with quiet():
            saved(encoded(film, syntax), folder, syntax)
    return folder


def test_spoiled_films_have_a_result_or_a_reason(whole: Path) -> None:
    """More than a thousand, in every syntax, read in a process of its own: decoders could end it."""
    names = sorted(path.name for path in whole.iterdir())
    command = [sys.executable, "-c", READ_ALL, str(whole), str(SPOILED_PER_SYNTAX), *names]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=110)
    last = done.stdout.splitlines()[-1]
    assert done.returncode == 0, f"{last}: {done.stderr[-2000:]}"
    pictures, growth = map(int, last.split())
    assert 0 < pictures < SPOILED_PER_SYNTAX * len(names)
    assert growth < LARGEST_GROWTH_MEGABYTES


@pytest.mark.parametrize("place", [0x0008, 0x0020, 0x7FE0])
@pytest.mark.parametrize("defined", [False, True])
def test_sequences_ten_thousand_deep_are_unreadable_or_passed_over(tmp_path: Path, place: int, defined: bool) -> None:  # noqa: FBT001 - a table
    """Before the patient, before the study, and before the pixels."""
    content = saved(wrap_film(grey(12), patient_id="P", patient_name="P"), tmp_path, "film.dcm").read_bytes()
    behind = {0x0008: b"\x10\x00\x10\x00PN", 0x0020: b"\x20\x00\x0d\x00UI", 0x7FE0: b"\xe0\x7f\x10\x00OW"}[place]
    cut = content.index(behind)
    (tmp_path / "deep.dcm").write_bytes(content[:cut] + nested(10_000, defined=defined) + content[cut:])
    films = SpoolFilms(Spool(tmp_path))
    with quiet():
        unsuitable = films.header(stored("deep.dcm")).unsuitable
    assert unsuitable in (None, Unsuitable.UNREADABLE)
    if unsuitable is None:
        assert films.pixels(stored("deep.dcm")).shape == (96, 128)


def test_a_broken_sequence_is_unreadable_and_not_tried_again(tmp_path: Path) -> None:
    """Its parser raises an OSError for that, which is none of the disk's."""
    content = saved(wrap_film(grey(12), patient_id="P", patient_name="P"), tmp_path, "film.dcm").read_bytes()
    cut = content.index(b"\x20\x00\x0d\x00UI")
    sequence = struct.pack("<HH2sHI", 0x0018, 0x9999, b"SQ", 0, 2**32 - 1) + b"\xfe"
    (tmp_path / "film.dcm").write_bytes(content[:cut] + sequence)
    header, picture = read_film(tmp_path / "film.dcm")
    assert (header.unsuitable, picture) == (Unsuitable.UNREADABLE, None)
