"""A dump of one moment, and what comes back of it, on each kind of server."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from db import client_programs
from db.engine import SCHEMA_REVISION, connect, schema_revision, transaction
from db.restoration import fitting_major, is_empty, restore
from db.snapshot import snapshot, still_named
from domain.backup import NamedFilm
from domain.errors import Misconfigured
from tests.conftest import migrated, new_database

NEW_STUDY = text("INSERT INTO studies (study_instance_uid) VALUES (:uid)")


def count(engine: Engine) -> int:
    with transaction(engine) as connection:
        return int(connection.execute(text("SELECT count(*) FROM studies")).scalar_one())


def test_a_dump_holds_the_moment_of_its_snapshot(engine: Engine, tmp_path: Path) -> None:
    """What is committed while it is written is not in it; it comes back into an empty database."""
    with transaction(engine) as connection:
        connection.execute(NEW_STUDY, {"uid": "1.2.1"})
    with snapshot(engine) as moment:
        with transaction(engine) as connection:
            connection.execute(NEW_STUDY, {"uid": "1.2.2"})
        moment.dump(tmp_path / "dump")
    with new_database(engine.url.render_as_string(hide_password=False)) as url:
        other = connect(url, role="test")
        assert is_empty(other)
        restore(other, tmp_path / "dump", fitting_major(other, moment.server_major))
        assert (count(other), schema_revision(other)) == (1, SCHEMA_REVISION)
        assert not is_empty(other)
        other.dispose()
    assert (count(engine), moment.studies) == (2, 1)


def test_films_kept_aside_are_named_too(engine: Engine) -> None:
    """Each place once, with what lies there."""
    with transaction(engine) as connection:
        connection.execute(NEW_STUDY, {"uid": "1.2.1"})
        connection.execute(
            text("INSERT INTO series (study_id, series_instance_uid, modality) SELECT id, '1.2.3', 'DX' FROM studies")
        )
        connection.execute(
            text("""
            INSERT INTO instances (series_id, sop_instance_uid, sop_class_uid, transfer_syntax_uid, digest, size_bytes,
                path, calling_ae_title) SELECT id, '1.2.4', '1.2', '1.2', 'one', 7, 'aa/one.dcm', 'X' FROM series
            """)
        )
        connection.execute(
            text("""
            INSERT INTO conflicts (instance_id, digest, size_bytes, transfer_syntax_uid, path, calling_ae_title,
                resolution) SELECT id, 'two', 8, '1.2', 'aa/two.dcm', 'X', 'kept-aside' FROM instances
            """)
        )
    with snapshot(engine) as moment:
        films = sorted(moment.films(), key=lambda film: film.place)
    assert films == [
        NamedFilm(place="aa/one.dcm", digest="one", size_bytes=7),
        NamedFilm(place="aa/two.dcm", digest="two", size_bytes=8),
    ]
    assert still_named(engine, ["aa/two.dcm", "aa/gone.dcm"]) == {"aa/two.dcm"}


@pytest.mark.peers
def test_a_dump_of_a_newer_server_is_refused(distribution_url: str) -> None:
    """Its format could not be read; the text says what to do."""
    engine = connect(distribution_url, role="test")
    with pytest.raises(Misconfigured, match="restore to 99 or newer"):
        fitting_major(engine, 99)
    engine.dispose()


def test_a_missing_program_is_named_with_its_package() -> None:
    """Nobody has a client of that version."""
    with pytest.raises(Misconfigured, match="postgresql-client-9"):
        client_programs.program("pg_dump", 9)


def test_a_password_is_not_among_the_arguments() -> None:
    """It would be in the list of processes, which everybody can read."""
    engine = connect("postgresql://hilum:open:sesame@db.example.org/films?sslmode=require", role="test")
    with client_programs._address(engine) as address:
        passfile = Path(next(word for word in address.split() if word.startswith("passfile="))[9:])
        assert "sesame" not in address
        assert "sslmode=require" in address
        assert passfile.read_text() == r"*:*:*:*:open\:sesame"
        assert passfile.stat().st_mode & 0o077 == 0
    assert not passfile.exists()


def test_a_restore_that_fails_leaves_nothing_behind(embedded_url: str, tmp_path: Path) -> None:
    """A dump that ends in the middle: the database is as empty as before."""
    with migrated(embedded_url) as engine, snapshot(engine) as moment:
        moment.dump(tmp_path / "dump")
    content = (tmp_path / "dump").read_bytes()
    (tmp_path / "dump").write_bytes(content[: len(content) // 2])
    with new_database(embedded_url) as url:
        other = connect(url, role="test")
        with pytest.raises(Exception, match="pg_restore failed"):
            restore(other, tmp_path / "dump", moment.server_major)
        assert is_empty(other)
        other.dispose()
