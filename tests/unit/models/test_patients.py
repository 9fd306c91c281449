from __future__ import annotations

import pytest

from models.patients import is_validation, patient_of


def _row(source: str, source_name: str, patient_id: str = "") -> dict[str, str]:
    return {"source": source, "source_name": source_name, "patient_id": patient_id}


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


def test_the_split_holds_a_fifth_and_stays_the_same() -> None:
    """About a fifth of the patients validates; the side of a patient never changes, whoever else there is."""
    sides = [is_validation(f"p{number}", seed=7) for number in range(2000)]
    assert 0.17 < sum(sides) / 2000 < 0.23
    assert [is_validation(name, seed=7) for name in ("p0", "p1", "p2", "p3", "p4")] == sides[:5]
    assert [is_validation(f"p{number}", seed=8) for number in range(2000)] != sides
