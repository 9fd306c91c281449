"""The store in the settings: where it is, what it needs, and what is never shown."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
from click.testing import CliRunner

from dicom_node import bucket
from dicom_node.films import SpoolFilms
from domain.errors import Misconfigured, Transient
from hilum import bootstrap, settings
from hilum.cli import hilum

SECRET = "very-secret"
BUCKET = f'[store]\nurl = "s3://films/hospital"\naccess_key = "{SECRET}-key"\nsecret_key = "{SECRET}"\n'


def load(folder: Path, text: str) -> settings.Settings:
    file = folder / "test.toml"
    file.write_text(f'home = "{folder}/home"\n{text}')
    return settings.load(file)[0]


@pytest.mark.parametrize(
    ("text", "root"),
    [("", "home/spool"), ('[store]\nurl = "file://{}/other%20films"', "other films")],
)
def test_a_folder_is_used_as_it_is(tmp_path: Path, text: str, root: str) -> None:
    """The spool of home, or another one: its own drafts, and the place that other code measures."""
    (tmp_path / "other films").mkdir()
    found = load(tmp_path, text.format(tmp_path))
    store = bootstrap.film_store(found)
    with store.draft() as draft:
        draft.write(b"film")
        draft.settle("00/film.dcm")
    assert (tmp_path / root / "00" / "film.dcm").read_bytes() == b"film"
    assert found.spool == tmp_path / root


def test_a_folder_of_a_share_is_not_made(tmp_path: Path) -> None:
    """Where nothing is mounted films would go to the disk below; readers ask again later, and call no film missing."""
    found = load(tmp_path, f'[store]\nurl = "file://{tmp_path}/mnt/films"')
    with pytest.raises(Misconfigured, match="mounted"):
        bootstrap.film_store(found)
    assert not (tmp_path / "mnt").exists()
    films = SpoolFilms(bootstrap.film_store(found, for_reading=True))
    with pytest.raises(Transient):
        films.holds("00/film.dcm")
    (tmp_path / "mnt" / "films").mkdir(parents=True)
    assert not films.holds("00/film.dcm")


def test_a_bucket_has_its_drafts_at_home(tmp_path: Path) -> None:
    """And nothing else there; a reader has not even that."""
    found = load(tmp_path, BUCKET)
    bootstrap.film_store(found, for_reading=True)
    assert not (tmp_path / "home").exists()
    bootstrap.film_store(found)
    assert [path.name for path in (tmp_path / "home" / "spool").iterdir()] == ["incoming"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('url = "ftp://films"', ["store.url", "ftp://films", "file:///folder"]),
        ('url = "file://server/films"', ["store.url", "file:///folder"]),
        ('url = "/mnt/films"', ["store.url", "file:///folder"]),
        ('url = "s3://A_B"', ["store.url", "s3://bucket/prefix"]),
        (f'url = "s3://key:{SECRET}@films"', ["store.url", "***", "s3://bucket/prefix"]),
        (f'endpoint = "https://key:{SECRET}@minio:9000"', ["store.endpoint", "***", "https://host:port"]),
        (f'endpoint = "key:{SECRET}@minio:9000"', ["store.endpoint", "***", "https://host:port"]),
        ('endpoint = "minio:9000"', ["store.endpoint", "https://host:port"]),
        (f'secret_key = "{SECRET}"', ["store", "together"]),
        ("access_key = 5\nsecret_key = 6", ["store.access_key", "***"]),
        (f'secret = "{SECRET}"', ["store.secret", "unknown key", "***", "secret_key"]),
    ],
)
def test_a_wrong_store_is_refused_without_its_secret(tmp_path: Path, text: str, words: list[str]) -> None:
    """The key is named and what is allowed, and a secret in a wrong place is not repeated."""
    with pytest.raises(Misconfigured) as refused:
        load(tmp_path, f"[store]\n{text}")
    assert [word for word in words if word not in str(refused.value)] == []
    assert SECRET not in str(refused.value)


def test_the_keys_are_not_shown(tmp_path: Path) -> None:
    """`hilum config show` says that there are some; nothing that is printed of the address has them."""
    found = load(tmp_path, BUCKET)
    shown = CliRunner().invoke(hilum, ["--config", str(tmp_path / "test.toml"), "config", "show"]).output
    assert 'secret_key = "***"' in shown
    assert SECRET not in shown + repr(found) + repr(bootstrap.store_address(found))


def test_the_address_can_be_told_as_json(tmp_path: Path) -> None:
    """The darkroom's processes are told it so, keys included."""
    address = bootstrap.store_address(load(tmp_path, BUCKET))
    assert type(address)(**json.loads(json.dumps(asdict(address)))) == address
    assert address.secret_key == SECRET


def test_a_bucket_without_s3fs_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is optional; the process stops with a sentence."""
    monkeypatch.setattr(bucket, "find_spec", lambda name: None if name == "s3fs" else importlib.util.find_spec(name))
    with pytest.raises(Misconfigured, match=r"pip install 'hilum\[s3\]'"):
        bootstrap.film_store(load(tmp_path, BUCKET))


def test_a_folder_loads_nothing_for_buckets(tmp_path: Path) -> None:
    """Processes that read films start fast: fsspec, s3fs and what these load stay out."""
    program = (
        "import sys, hilum.developer_process, dicom_node.arrivals; from dicom_node.store import *;"
        f"open_store(StoreAddress(url='file://{tmp_path}/films', drafts='')).warm();"
        "print([name for name in ('fsspec', 's3fs', 'aiohttp', 'botocore') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
