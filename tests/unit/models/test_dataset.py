from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from domain.findings import Label
from models.dataset import Film, is_validation, patient_of, patients_in, read_films, split, without

if TYPE_CHECKING:
    from pathlib import Path

HEADER = "file,label,source,source_name,patient_id,licence\n"


def _row(source: str, source_name: str, patient_id: str = "") -> dict[str, str]:
    return {"source": source, "source_name": source_name, "patient_id": patient_id}


def _film(number: int, patient: str) -> Film:
    return Film(file=f"a/{number}.jpg", label=Label.NORMAL, folder="a", source="s", patient=patient, licence="CC0")


@pytest.mark.parametrize(
    ("row", "patient"),
    [
        (_row("kermany", "person1449_bacteria_3743.jpeg"), "kermany-person1449"),
        (_row("kermany", "IM-0539-0001-0001.jpeg", "kermany-IM-0539"), "kermany-IM-0539"),
        (_row("kermany", "NORMAL2-IM-0935-0001.jpeg", "kermany-NORMAL2-IM-0935"), "kermany-IM-0935"),
        (_row("nih", "00001280_004.png", "nih-00001280"), "nih-00001280"),
        (_row("covid_cxnet", "166-.jpeg"), "covid_cxnet-166"),
    ],
)
def test_films_of_one_patient_share_a_group(row: dict[str, str], patient: str) -> None:
    """The patient comes from the film's name, the manifest, or is the film itself."""
    assert patient_of(row) == patient


def test_no_patient_is_on_both_sides() -> None:
    """A patient with many films is trained on or validated on, never both, and no film is lost."""
    films = [_film(number, f"p{number % 200}") for number in range(1000)]
    training, validation = split(films, seed=7)
    assert not {film.patient for film in training} & {film.patient for film in validation}
    assert len(training) + len(validation) == 1000


def test_the_split_holds_a_fifth_and_stays_the_same() -> None:
    """About a fifth of the patients validates; the side of a patient never changes, whoever else there is."""
    sides = [is_validation(f"p{number}", seed=7) for number in range(2000)]
    assert 0.17 < sum(sides) / 2000 < 0.23
    assert [is_validation(name, seed=7) for name in ("p0", "p1", "p2", "p3", "p4")] == sides[:5]
    assert [is_validation(f"p{number}", seed=8) for number in range(2000)] != sides


def test_patients_of_the_demonstration_stay_unseen(tmp_path: Path) -> None:
    """Every film of a patient whose film is named elsewhere is left out, also under another name."""
    collection = HEADER + (
        "seed/a.jpg,PNEUMONIA,kermany,person12_bacteria_1.jpeg,kermany-person12,CC BY 4.0\n"
        "seed/b.jpg,PNEUMONIA,kermany,person12_virus_9.jpeg,kermany-person12,CC BY 4.0\n"
        "seed/c.jpg,PNEUMONIA,kermany,person120_virus_3.jpeg,kermany-person120,CC BY 4.0\n"
    )
    (tmp_path / "manifest.csv").write_text(collection)
    (tmp_path / "demo.csv").write_text("file,source,source_name\nx.jpg,kermany,person12_bacteria_1.jpeg\n")
    kept = without(read_films(tmp_path), patients_in(tmp_path / "demo.csv"))
    assert [film.file for film in kept] == ["seed/c.jpg"]


def test_a_collection_with_several_feeders_is_one_source(tmp_path: Path) -> None:
    """Films that one collection took from others count as films of that collection."""
    row = "seed/a.jpg,COVID19,figure1/actualmed/ieee8023,x.jpg,,research use\n"
    (tmp_path / "manifest.csv").write_text(HEADER + row)
    (film,) = read_films(tmp_path)
    assert (film.source, film.folder, film.label) == ("ieee8023", "seed", Label.COVID19)
