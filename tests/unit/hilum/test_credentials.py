"""Secrets from files of `$CREDENTIALS_DIRECTORY`: which key each is, what beats what, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.errors import Misconfigured
from hilum import settings


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The credentials' folder of a service, which works where there is no settings file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(settings, "SEARCHED_FILES", (Path("hilum.toml"),))
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    return credentials


def load() -> settings.Settings:
    return settings.load()[0]


@pytest.mark.parametrize("name", ["hilum.database.url", "hilum_database.url"])
def test_a_file_is_named_for_its_key(folder: Path, name: str) -> None:
    """The line's end at its end does not count; files of others are passed over."""
    (folder / name).write_text("postgresql://hilum:secret@db/hilum\n")
    (folder / "something.else").write_text("?")
    assert load().database.url == "postgresql://hilum:secret@db/hilum"


def test_where_the_setting_is_a_file_it_is_the_credential(folder: Path) -> None:
    """A private key is never copied."""
    (folder / "hilum.node.tls_key").write_text("-----BEGIN PRIVATE KEY-----")
    assert load().node.tls_key == folder / "hilum.node.tls_key"


def test_a_secret_beats_the_file_and_the_environment_beats_both(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys beside it keep what the file says."""
    Path("hilum.toml").write_text('[oidc]\nclient_secret = "file"\nclient_id = "ours"')
    (folder / "hilum.oidc.client_secret").write_text("credential")
    found = load().oidc
    assert (found.client_secret.get_secret_value(), found.client_id) == ("credential", "ours")
    monkeypatch.setenv("HILUM_OIDC__CLIENT_SECRET", "environment")
    assert load().oidc.client_secret.get_secret_value() == "environment"


def test_tables_and_lists_are_json(folder: Path) -> None:
    """As in the environment."""
    (folder / "hilum.peers").write_text('[{"name": "ris", "ae_title": "RIS", "host": "h", "port": 104}]')
    (folder / "hilum.alarm.mail_to").write_text('["operator@example.org"]')
    found = load()
    assert (found.peers[0].name, found.alarm.mail_to) == ("ris", ("operator@example.org",))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("hilum.database.uri", "x", ["hilum.database.uri", "no setting database.uri"]),
        ("hilum.peers.name", "x", ["no setting peers.name"]),
        ("hilum.peers", "secret", ["hilum.peers", "not JSON"]),
        ("hilum.node.port", "secret", ["node.port", "***", "1 to 65535"]),
        ("hilum.report.uid_root", "secret", ["report.uid_root", "***"]),
        ("hilum.web_clients", '[{"name": "a", "token_sha256": "secret"}]', ["web_clients.0.token_sha256", "***"]),
        ("hilum.report", '{"uid_roots": "secret"}', ["report.uid_roots", "***"]),
        ("hilum.log.level", "\udcff", ["hilum.log.level", "can't be read"]),
    ],
)
def test_a_refusal_says_which_file_and_never_what_is_in_it(
    folder: Path, name: str, content: str, words: list[str]
) -> None:
    """Whatever is in it may be secret."""
    (folder / name).write_text(content, errors="surrogateescape")
    with pytest.raises(Misconfigured) as error:
        load()
    assert all(word in str(error.value) for word in words)
    assert "secret" not in str(error.value)


def test_a_folder_that_is_gone_is_named(folder: Path) -> None:
    """Defaults are no answer where secrets were meant."""
    folder.rmdir()
    with pytest.raises(Misconfigured, match="credentials"):
        load()


def test_processes_that_decode_films_learn_nothing_of_secrets(folder: Path) -> None:
    """Not even where they lie."""
    assert str(folder) not in settings.environment_without_settings().values()
