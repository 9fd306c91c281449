from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from domain.errors import Misconfigured
from models.training.batches import Films
from models.training.examples import OTHER, Pool, Sources, read_pool, take_sides

if TYPE_CHECKING:
    from pathlib import Path

HEADER = "file,label,source,source_name,patient_id"


def _collection(folder: Path, rows: list[str]) -> Path:
    folder.mkdir()
    for row in rows:
        place = folder / row.split(",")[0]
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (64, 64)).save(place)
    (folder / "manifest.csv").write_text("\n".join([HEADER, *rows]))
    return folder


def _whole(folder: Path) -> Path:
    labels = ["COVID19", "NORMAL", "PNEUMONIA"]
    rows = [f"h{n % 2}/{n}.png,{labels[n % 3]},s{n % 2},{n}.png,p{n // 2}" for n in range(60)]
    return _collection(folder, rows)


def _prepared(pool: Pool) -> Films:
    """Films that are all unlike one another."""
    count = len(pool.examples)
    noise = np.random.default_rng(0).integers(0, 256, (count, 224, 224), dtype=np.uint8)
    return Films(
        squares=noise,
        masks=np.full((count, 112, 112), 255, np.uint8),
        boxes=np.tile(np.array([[0.0, 0.0, 1.0, 1.0]], np.float32), (count, 1)),
        greys=np.tile(np.array([[0.5, 0.2]], np.float32), (count, 1)),
        targets=np.array([item.target for item in pool.examples], np.float32),
        groups=np.zeros(count, np.int64),
        lungs_only=np.array([item.lungs_only for item in pool.examples]),
    )


def _patients(pool: Pool, rows: np.ndarray) -> set[str]:
    return {pool.examples[row].patient for row in rows}


def test_no_patient_is_on_both_sides_and_no_film_is_lost(tmp_path: Path) -> None:
    """A patient with many films is learned from or watched, never both."""
    pool = read_pool(Sources(films=[_whole(tmp_path / "a")]))
    sides = take_sides(pool, _prepared(pool))
    assert not _patients(pool, sides.training) & _patients(pool, sides.validation)
    assert len(sides.training) + len(sides.validation) == 60


def test_a_held_out_source_is_on_neither_side(tmp_path: Path) -> None:
    """Neither its films nor other films of its patients are used; by source or by folder."""
    whole = _whole(tmp_path / "a")
    for held_out in ("source=s1", "folder=h1"):
        pool = read_pool(Sources(films=[whole], held_out=frozenset({held_out})))
        assert pool.unseen == {f"p{number}" for number in range(30)}
        with pytest.raises(Misconfigured, match="COVID19"):
            take_sides(pool, _prepared(pool))


def test_holding_out_what_is_not_there_is_refused(tmp_path: Path) -> None:
    """A misspelt source would otherwise be trained on in silence."""
    with pytest.raises(Misconfigured, match="no film has source=s7"):
        read_pool(Sources(films=[_whole(tmp_path / "a")], held_out=frozenset({"source=s7"})))


def test_patients_of_the_demonstration_stay_unseen(tmp_path: Path) -> None:
    """Every film of a patient whose film lies in an excluded collection is left out, also under another name."""
    demo = _collection(tmp_path / "demo", ["x.png,NORMAL,elsewhere,x.png,p3"])
    pool = read_pool(Sources(films=[_whole(tmp_path / "a")], excluded=[demo]))
    sides = take_sides(pool, _prepared(pool))
    assert "p3" not in _patients(pool, sides.training) | _patients(pool, sides.validation)
    assert len(sides.training) + len(sides.validation) == 58


def test_a_lungs_only_film_goes_with_its_whole_film(tmp_path: Path) -> None:
    """The same original name in another collection is the same patient, so it can't be on the other side."""
    lungs = _collection(tmp_path / "l", [f"l{n}.png,COVID19,other,{n}.jpg," for n in (0, 3, 6, 9, 30, 33)])
    pool = read_pool(Sources(films=[_whole(tmp_path / "a")], lungs_only=[lungs]))
    assert {item.path.stem: item.patient for item in pool.examples[60:]} == {
        "l0": "p0",
        "l3": "p1",
        "l6": "p3",
        "l9": "p4",
        "l30": "p15",
        "l33": "p16",
    }
    assert all(item.lungs_only for item in pool.examples[60:])


def test_a_lungs_only_picture_of_a_whole_film_is_found(tmp_path: Path) -> None:
    """Where names say nothing, the pictures do: a copy goes to the side of its original."""
    lungs = _collection(tmp_path / "l", ["copy.png,COVID19,other,unknown.jpg,"])
    pool = read_pool(Sources(films=[_whole(tmp_path / "a")], lungs_only=[lungs]))
    films = _prepared(pool)
    covid = [row for row in range(60) if pool.examples[row].target[0] == 1.0]
    for original in covid:
        films.squares[60] = films.squares[original]
        sides = take_sides(pool, films)
        assert sides.twins == 1
        assert (60 in sides.training) == (original in sides.training)


def test_other_findings_teach_only_that_it_is_not_covid(tmp_path: Path) -> None:
    """A lungs-only film of another disease asks for no COVID-19 and leaves the rest open."""
    lungs = _collection(tmp_path / "l", [f"o.png,{OTHER},other,o.png,"])
    pool = read_pool(Sources(films=[_whole(tmp_path / "a")], lungs_only=[lungs]))
    assert pool.examples[-1].target == (0.0, 0.5, 0.5)


def test_a_split_that_shares_patients_is_refused(tmp_path: Path) -> None:
    """The figures of such a validation would flatter."""
    watched = _collection(tmp_path / "v", ["x.png,NORMAL,s0,x.png,p3"])
    with pytest.raises(Misconfigured, match="in both"):
        read_pool(Sources(films=[_whole(tmp_path / "a")], validation=[watched]))


def test_a_missing_class_is_refused(tmp_path: Path) -> None:
    """Without films of a class there is nothing to learn about it."""
    rows = [f"{n}.png,{'NORMAL' if n % 2 else 'PNEUMONIA'},s,{n}.png,p{n}" for n in range(20)]
    pool = read_pool(Sources(films=[_collection(tmp_path / "a", rows)]))
    with pytest.raises(Misconfigured, match="no films of COVID19"):
        take_sides(pool, _prepared(pool))
