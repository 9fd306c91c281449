"""What every store must do: the folder and the bucket pass the same tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import pytest

from dicom_node import bucket
from dicom_node.films import SpoolFilms
from dicom_node.store import Store, StoreAddress, open_store, place_of
from domain.errors import Transient
from domain.film import StoredFilm, View
from domain.ids import SeriesUid, SopInstanceUid, StudyId, StudyUid
from tests.films import film, saved
from tests.object_store import ObjectStore

CONTENT = bytes(range(256)) * 4096
"""A megabyte: longer than what is got of a film for its header."""
SHELF = "3f"
PLACE = f"{SHELF}/film.dcm"


class Subject(Protocol):
    """A store, and what lies in it, seen from outside."""

    store: Store
    drafts: Path

    def lying(self) -> set[str]: ...
    def lay(self, place: str, content: bytes) -> None: ...


@dataclass
class InFolder:
    """A folder, and what lies in it."""

    store: Store
    root: Path

    @property
    def drafts(self) -> Path:
        return self.root / "incoming"

    def lying(self) -> set[str]:
        return {str(path.relative_to(self.root)) for path in self.root.rglob("*") if path.is_file()}

    def lay(self, place: str, content: bytes) -> None:
        (self.root / place).write_bytes(content)


@dataclass
class InBucket:
    """A bucket, and what lies in it and in the local folder of drafts."""

    store: Store
    server: ObjectStore
    bucket: str
    root: Path

    @property
    def drafts(self) -> Path:
        return self.root / "incoming"

    def lying(self) -> set[str]:
        local = {str(path.relative_to(self.root)) for path in self.root.rglob("*") if path.is_file()}
        return local | {key.removeprefix("films/") for key in self.server.keys(self.bucket)}

    def lay(self, place: str, content: bytes) -> None:
        self.server.put(self.bucket, f"films/{place}", content)


@pytest.fixture
def in_bucket(s3: ObjectStore, tmp_path: Path) -> Iterator[InBucket]:
    """A bucket of its own on the server that all tests share."""
    name = s3.new_bucket()
    store = open_store(s3.address(name, tmp_path / "drafts"))
    yield InBucket(store, s3, name, tmp_path / "drafts")
    store.close()


@pytest.fixture(params=["folder", "bucket"])
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Subject:
    """Each kind of store in turn."""
    if request.param == "bucket":
        found: InBucket = request.getfixturevalue("in_bucket")
        return found
    root = tmp_path / "spool"
    return InFolder(open_store(StoreAddress(url=root.as_uri(), drafts=str(root))), root)


def put(store: Store, place: str, content: bytes = CONTENT) -> None:
    with store.draft() as draft:
        draft.write(content[:1000])
        draft.write(content[1000:])
        draft.settle(place)


def test_a_settled_film_is_found_in_its_place(subject: Subject) -> None:
    """The content is what was written, and nothing else lies about, not even a draft."""
    put(subject.store, PLACE)
    assert subject.store.holds(PLACE)
    with subject.store.open(PLACE) as file:
        assert file.read() == CONTENT
    assert subject.lying() == {PLACE}


def test_a_draft_is_no_film(subject: Subject) -> None:
    """Nobody finds it in the store, and what is thrown away leaves nothing."""
    with subject.store.draft() as draft:
        draft.write(CONTENT)
        assert draft.read(10, 5) == CONTENT[5:15]
        assert {name.split("/")[0] for name in subject.lying()} == {"incoming"}
        assert subject.store.on_shelf(SHELF) == set()
    assert subject.lying() == set()


def test_a_film_that_comes_again_is_one_film(subject: Subject) -> None:
    """The place tells the content: the second time changes nothing."""
    put(subject.store, PLACE)
    put(subject.store, PLACE)
    assert subject.lying() == {PLACE}


def test_an_empty_place_holds_nothing(subject: Subject) -> None:
    """Asking is no error; opening is one, as of a file."""
    assert not subject.store.holds(PLACE)
    with pytest.raises(FileNotFoundError), subject.store.open(PLACE) as file:
        file.read()


def test_a_shelf_shows_its_places(subject: Subject) -> None:
    """Those of the shelf that was asked for, and of no other."""
    places = {f"{SHELF}/{number}.dcm" for number in range(3)}
    for place in (*places, "40/other.dcm"):
        put(subject.store, place, b"film")
    assert subject.store.on_shelf(SHELF) == places
    assert subject.store.on_shelf("00") == set()


def test_what_is_no_film_is_kept_aside(subject: Subject) -> None:
    """It is on no shelf any more, but somebody can look at it."""
    subject.lay(PLACE, b"no film")
    subject.store.set_aside(PLACE)
    assert subject.lying() == {f"set-aside/{SHELF}-film.dcm"}
    assert subject.store.on_shelf(SHELF) == set()


def test_removing_may_be_done_twice(subject: Subject) -> None:
    """Two processes may find the same film that no row speaks of."""
    put(subject.store, PLACE)
    subject.store.remove(PLACE)
    subject.store.remove(PLACE)
    assert subject.lying() == set()


def test_drafts_of_a_killed_node_are_swept(subject: Subject) -> None:
    """What lies for over an hour belongs to nobody; a fresh draft and films in place are not touched."""
    put(subject.store, PLACE)
    old, fresh = subject.drafts / "old", subject.drafts / "fresh"
    for path in (old, fresh):
        path.write_bytes(b"half a film")
    os.utime(old, (0, 0))
    assert subject.store.sweep() == 1
    assert subject.lying() == {PLACE, "incoming/fresh"}


def test_room_is_that_of_the_disk_of_drafts(subject: Subject) -> None:
    """Where they can't grow nothing is taken, wherever the films end."""
    assert subject.store.has_room(0)
    assert not subject.store.has_room(1 << 62)


@pytest.mark.parametrize("rows", [64, 1024])
def test_a_film_is_read_by_header_and_pixels(subject: Subject, tmp_path: Path, rows: int) -> None:
    """Shorter than what is got at once for a header, and longer."""
    kept = kept_film(subject.store, saved(film(1, rows=rows), tmp_path))
    films = SpoolFilms(subject.store)
    assert films.holds(kept.path)
    assert films.header(kept).view is View.PA
    assert films.pixels(kept).shape[0] == rows


def kept_film(store: Store, file: Path) -> StoredFilm:
    """Put a file into the store and return how the database would know it."""
    study, instance = StudyUid("1.2"), SopInstanceUid("1.2.3")
    kept = StoredFilm(
        study_id=StudyId(1),
        study_uid=study,
        series_uid=SeriesUid("1.2.1"),
        sop_instance_uid=instance,
        sop_class_uid="1.2.840.10008.5.1.4.1.1.1",
        digest="ab" * 32,
        path=place_of(study, instance, "ab" * 32),
    )
    put(store, kept.path, file.read_bytes())
    return kept


def asked_for(server: ObjectStore, act: Callable[[], object]) -> list[str]:
    """Return the requests that an act costs."""
    before = len(server.requests())
    act()
    return server.requests()[before:]


def test_a_film_of_a_bucket_costs_one_request(in_bucket: InBucket, tmp_path: Path) -> None:
    """One for a header, a part of the film; one for its pixels, all of it; two to store it and see that it is there."""
    file = saved(film(1, rows=1024), tmp_path)
    films, server = SpoolFilms(in_bucket.store), in_bucket.server
    kept = kept_film(in_bucket.store, file)
    assert asked_for(server, lambda: films.header(kept)) == ["GET 206"]
    assert asked_for(server, lambda: films.pixels(kept)) == ["GET 200"]
    assert asked_for(server, lambda: put(in_bucket.store, PLACE)) == ["PUT 200", "HEAD 200"]


def test_a_header_that_is_longer_than_usual_costs_two(in_bucket: InBucket, tmp_path: Path) -> None:
    """The beginning does not hold it, so the whole film is got, once."""
    long = film(1, rows=64)
    long.add_new((0x0009, 0x0010), "LO", "HILUM TEST")
    long.add_new((0x0009, 0x1001), "OB", bytes(600_000))
    kept = kept_film(in_bucket.store, saved(long, tmp_path))
    films, server = SpoolFilms(in_bucket.store), in_bucket.server
    assert asked_for(server, lambda: films.header(kept)) == ["GET 206", "GET 200"]
    assert films.header(kept).view is View.PA


def test_more_films_than_a_page_are_listed(in_bucket: InBucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers list so many at once, and go on where they are told to."""
    monkeypatch.setattr(bucket, "_PAGE", 2)
    places = {f"{SHELF}/{number}" for number in range(5)}
    for place in places:
        in_bucket.lay(place, b"film")
    asked = asked_for(in_bucket.server, lambda: in_bucket.store.on_shelf(SHELF))
    assert (in_bucket.store.on_shelf(SHELF), asked) == (places, ["GET 200"] * 3)


def test_a_bucket_that_is_gone_is_tried_again(s3: ObjectStore, tmp_path: Path) -> None:
    """No film is called missing because its bucket is; nothing is taken meanwhile."""
    store = open_store(s3.address("no-such-bucket", tmp_path))
    for act in (lambda: store.holds(PLACE), lambda: store.on_shelf(SHELF), lambda: put(store, PLACE)):
        with pytest.raises(Transient):
            act()
    store.close()
    assert list((tmp_path / "incoming").iterdir()) == []


def test_a_server_that_is_silent_is_given_up(s3: ObjectStore, tmp_path: Path) -> None:
    """A request ends when its time is up, as a failure that passes; the same store works when the server is back."""
    store = open_store(s3.address(s3.new_bucket(), tmp_path, timeout_s=1))
    put(store, PLACE)
    s3.freeze()
    try:
        with pytest.raises(Transient):
            put(store, PLACE)
        with pytest.raises(Transient):
            store.holds(PLACE)
    finally:
        s3.thaw()
    assert store.holds(PLACE)
    assert list((tmp_path / "incoming").iterdir()) == []
    store.close()


def test_a_bucket_that_keeps_something_else_is_not_believed(
    in_bucket: InBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the server says it has is compared with what was sent: here somebody else writes in between."""
    server = in_bucket.server
    uploaded = type(in_bucket.store)._store

    def meddle(store: Store, request: str, place: str, **parameters: object) -> object:
        if request == "head_object":
            server.put(in_bucket.bucket, f"films/{place}", CONTENT[::-1])
        return uploaded(store, request, place, **parameters)  # type: ignore[arg-type]

    monkeypatch.setattr(type(in_bucket.store), "_store", meddle)
    with pytest.raises(Transient, match="something else"):
        put(in_bucket.store, PLACE)


def test_a_store_that_was_used_works_after_a_fork(s3: ObjectStore, tmp_path: Path) -> None:
    """The node forks its receiving processes: each has connections and a thread of its own."""
    program = """
import json, os, sys
from dicom_node.store import StoreAddress, open_store
store = open_store(StoreAddress(**json.loads(sys.argv[1])))
def put(place):
    with store.draft() as draft:
        draft.write(b"film")
        draft.settle(place)
put("00/parent")
child = os.fork()
if child == 0:
    put("00/child")
    os._exit(0 if store.holds("00/parent") else 1)
_, status = os.waitpid(child, 0)
put("00/parent-again")
store.close()
sys.exit(os.waitstatus_to_exitcode(status))
"""
    name = s3.new_bucket()
    address = json.dumps(asdict(s3.address(name, tmp_path)))
    done = subprocess.run(
        [sys.executable, "-c", program, address], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert s3.keys(name) == {"films/00/parent", "films/00/child", "films/00/parent-again"}


def test_a_folder_that_is_not_there_removes_nothing(tmp_path: Path) -> None:
    """A share that is not mounted has its films still."""
    store = open_store(StoreAddress(url=(tmp_path / "spool").as_uri(), drafts=str(tmp_path / "spool")))
    store.remove(PLACE)
    (tmp_path / "spool").rename(tmp_path / "away")
    with pytest.raises(FileNotFoundError):
        store.remove(PLACE)
