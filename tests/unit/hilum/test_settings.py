"""Settings: the file, the environment, and refusals that say what is allowed."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest

from domain.errors import Misconfigured
from hilum import config_file, settings

EXAMPLE = """
home = "/var/lib/hilum"
[database]
url = "postgresql+psycopg2://hilum:geheim@db/hilum"
[node]
ae_title = "HILUM"
host = "127.0.0.1"
port = 11112
study_quiet_seconds = 5
[[peers]]
name = "pacs"
ae_title = "ORTHANC"
host = "127.0.0.1"
port = 4242
may_send = true
receives_results = true
"""


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, without any variable of Hilum's."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("HILUM_"):
            monkeypatch.delenv(name)
    monkeypatch.setattr(settings, "SEARCHED_FILES", (Path("hilum.toml"),))
    return tmp_path


def load(text: str) -> settings.Settings:
    file = Path("test.toml")
    file.write_text(text)
    return settings.load(file)[0]


def refusal(text: str) -> str:
    with pytest.raises(Misconfigured) as error:
        load(text)
    return str(error.value)


def test_without_a_file_the_defaults_hold() -> None:
    """Embedded database, loopback, no peers."""
    found, source = settings.load()
    assert source is None
    assert (found.database.url, found.node.host, found.node.port, found.peers) == ("embedded", "127.0.0.1", 11112, ())


def test_the_file_in_the_working_folder_is_found() -> None:
    """./hilum.toml needs no option."""
    Path("hilum.toml").write_text(EXAMPLE)
    found, source = settings.load()
    assert (source, found.peers[0].ae_title) == (Path("hilum.toml").absolute(), "ORTHANC")


def test_a_missing_file_is_named() -> None:
    """--config with a wrong path does not fall back to defaults."""
    with pytest.raises(Misconfigured, match=r"nowhere\.toml"):
        settings.load(Path("nowhere.toml"))


def test_the_environment_beats_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """HILUM_NODE__PORT is node.port."""
    monkeypatch.setenv("HILUM_NODE__PORT", "104")
    monkeypatch.setenv("HILUM_HOME", "/srv/hilum")
    found = load(EXAMPLE)
    assert (found.node.port, found.node.ae_title, found.home) == (104, "HILUM", Path("/srv/hilum"))


def test_an_environment_without_settings_keeps_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is ours is told by its prefix, in small letters too."""
    monkeypatch.setenv("HILUM_DATABASE__URL", "postgresql://hilum:secret@db/hilum")
    monkeypatch.setenv("hilum_store__secret", "secret")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    found = settings.environment_without_settings()
    assert "secret" not in " ".join(found.values())
    assert found["AWS_REGION"] == "eu-central-1"


def test_peers_can_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a JSON list."""
    monkeypatch.setenv("HILUM_PEERS", '[{"name": "ris", "ae_title": "RIS", "host": "h", "port": 104}]')
    assert load("").peers[0].name == "ris"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("bogus = 1", ["bogus", "unknown key", "database"]),
        ("[node]\nprot = 1", ["node.prot", "unknown key", "study_quiet_seconds"]),
        ("[node]\nport = 99999", ["node.port", "99999", "1 to 65535"]),
        ('[node]\nport = "abc"', ["node.port", "'abc'", "1 to 65535"]),
        ('[node]\nae_title = "SEVENTEEN_LETTERS"', ["node.ae_title", "SEVENTEEN_LETTERS", "16"]),
        ("[node]\nstudy_quiet_seconds = -1", ["node.study_quiet_seconds", "-1", "0 to 3600"]),
        ('[log]\nlevel = "loud"', ["log.level", "'loud'", "warning"]),
        ('[report]\nuid_root = "1.02"', ["report.uid_root", "'1.02'", "root"]),
        ('[report]\nuid_root = "3.5"', ["report.uid_root", "'3.5'", "root"]),
        ('[[peers]]\nname = "a"\nae_title = "A"\nhost = "h"', ["peers.0.port", "missing"]),
        ('[[peers]]\nname = "a b"\nae_title = "A"\nhost = "h"\nport = 1', ["peers.0.name", "'a b'", "letters"]),
        ('[node]\non_conflict = "drop"', ["node.on_conflict", "'drop'", "keep_first"]),
        ('[[priorities]]\npriority = "SOON"', ["priorities.0.priority", "'SOON'", "STAT, HIGH"]),
        ('[[priorities]]\npriority = "LOW"\npeer = "bus"', ["priorities", "'bus'", "peers"]),
        ("[retention]\nresults_days = 5", ["retention", "films_days"]),
        ("[retention]\nfilms_days = 9\nresults_days = 5", ["retention", "can't be less"]),
        ("[retention]\nmake_room_below_megabytes = 9\nmake_room_until_megabytes = 5", ["retention", "until"]),
        ("[retention]\nmake_room_below_megabytes = 512", ["make_room_below_megabytes", "reserve_megabytes (512)"]),
        ('[retention]\nmake_room_below_megabytes = 900\n[store]\nurl = "s3://films"', ["make_room", "bucket"]),
        ("node = 5", ["node", "5", "table"]),
        ("home = [", ["test.toml", "TOML"]),
    ],
)
def test_a_wrong_file_is_refused_with_key_value_and_what_is_allowed(text: str, words: list[str]) -> None:
    """Each refusal can be acted on without the manual."""
    message = refusal(text)
    assert [word for word in words if word not in message] == []


def test_a_refused_database_address_does_not_show_its_password() -> None:
    """The message may end up in a log; the rest of the address helps to find the mistake."""
    message = refusal('[database]\nurl = "mysql://hilum:ge@heim:x@db/hilum"')
    assert "database.url: 'mysql://hilum:***@db/hilum' is not allowed" in message


@pytest.mark.parametrize("name", ["password", "sslpassword"])
def test_a_password_among_the_parameters_of_the_database_is_not_shown(name: str) -> None:
    """The server takes it from there as well; what else is said there helps."""
    url = f"postgresql://db/hilum?user=hilum&{name}=ge:heim@x&sslmode=require"
    shown = config_file.as_toml(load(f'[database]\nurl = "{url}"'), None)
    assert f"?user=hilum&{name}=***&sslmode=require" in shown


def test_a_programs_token_is_not_shown_where_its_digest_belongs() -> None:
    """Which is what somebody in a hurry pastes."""
    message = refusal('[[web_clients]]\nname = "viewer"\ntoken_sha256 = "geheim"\nmay = ["read"]')
    assert "web_clients.0.token_sha256: *** is not allowed" in message


def test_all_mistakes_are_told_at_once() -> None:
    """One line each."""
    assert len(refusal("bogus = 1\n[node]\nport = 0\nae_title = 5").splitlines()) == 3


def test_a_peers_name_is_given_once() -> None:
    """Deliveries are kept by name."""
    peer = '[[peers]]\nname = "pacs"\nae_title = "A"\nhost = "h"\nport = 1\n'
    assert "'pacs' is given twice" in refusal(peer * 2)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [("HILUM_PROT", "1", ["HILUM_PROT", "HILUM_NODE"]), ("HILUM_NODE__PORT", "x", ["node.port", "'x'"])],
)
def test_a_wrong_variable_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: list[str]) -> None:
    """A mistyped variable does not go unnoticed."""
    monkeypatch.setenv(name, value)
    message = refusal("")
    assert [word for word in words if word not in message] == []


def test_rules_of_priority_are_tables_in_their_order() -> None:
    """What `config show` prints gives them again."""
    rule = '[[priorities]]\npriority = "{}"\nlocation = "{}"\n'
    found = load(rule.format("STAT", "ER*") + rule.format("LOW", "*"))
    assert [(one.priority, one.location) for one in found.priorities] == [("STAT", "ER*"), ("LOW", "*")]
    assert load(config_file.as_toml(found, None)).priorities == found.priorities


def test_shown_settings_are_a_file_that_gives_them() -> None:
    """What `config show` prints can be used as hilum.toml, but for the password."""
    found = load(EXAMPLE)
    shown = config_file.as_toml(found, None)
    assert "geheim" not in shown
    assert tomllib.loads(shown)["peers"][0]["ae_title"] == "ORTHANC"
    assert load(shown).node == found.node


def test_the_address_of_a_webhook_is_not_shown() -> None:
    """Neither where the settings are shown, nor where they are refused."""
    text = '[alarm]\nwebhook = "{}://chat/geheim"\n'
    assert "geheim" not in config_file.as_toml(load(text.format("https")), None)
    message = refusal(text.format("ftp"))
    assert ("alarm.webhook" in message, "geheim" in message) == (True, False)


def test_every_setting_is_described() -> None:
    """The reference has no empty line."""
    assert [key for key, _, meaning in settings.reference() if not meaning] == []


ROUTE = '[[routes]]\nobjects = ["report", "capture"]\n'


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (EXAMPLE + ROUTE, "to_sender"),
        (EXAMPLE + ROUTE + 'peers = ["pacs"]\ninstead = "pacs"', "one of `peers` already"),
        (EXAMPLE + ROUTE + 'peers = ["other"]', "routes: there is no peer 'other'"),
        (EXAMPLE + ROUTE + 'peers = ["pacs"]\ninstead = "other"', "routes: there is no peer 'other'"),
        (EXAMPLE + ROUTE + 'to_sender = true\nsenders = ["other"]', "routes: there is no peer 'other'"),
        (EXAMPLE + '[[routes]]\nobjects = []\npeers = ["pacs"]', "`capture` (picture"),
        (EXAMPLE + '[[routes]]\nobjects = ["fax"]\npeers = ["pacs"]', "'fax'"),
        (EXAMPLE + ROUTE + 'peers = ["pacs"]\nresults = ["good"]', "could-not-process"),
    ],
)
def test_a_route_that_leads_nowhere_is_refused(text: str, word: str) -> None:
    """Before anything starts."""
    assert word in refusal(text)


def test_shown_routes_are_a_file_that_gives_them() -> None:
    """With all their conditions."""
    rule = 'peers = ["pacs"]\nresults = ["positive"]\npriorities = ["STAT"]\nsenders = ["pacs"]\n'
    found = load(EXAMPLE + ROUTE + rule)
    assert load(config_file.as_toml(found, None)).routes == found.routes


RIS = '[[ris]]\nname = "ris"\nhost = "h"\nport = 2575\n'
TO_RIS = '[[routes]]\nobjects = ["message"]\npeers = ["ris"]\n'


def test_a_ris_is_told_along_routes() -> None:
    """Whoever no route names is told nothing."""
    assert load(EXAMPLE + RIS).told == ("pacs",)
    found = load(EXAMPLE + RIS + TO_RIS)
    assert found.told == ("pacs", "ris")
    assert load(config_file.as_toml(found, None)).ris == found.ris


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (EXAMPLE + RIS.replace('"ris"', '"pacs"'), "'pacs' is given twice"),
        (EXAMPLE + RIS + TO_RIS.replace('"ris"', '"pacs"'), "`message` goes to `[[ris]]`"),
        (EXAMPLE + RIS + TO_RIS.replace('"message"', '"report"'), "`message` goes to `[[ris]]`"),
        (EXAMPLE + RIS + TO_RIS.replace('"message"', '"message", "report"'), "`message` goes to `[[ris]]`"),
        (EXAMPLE + RIS + TO_RIS + "to_sender = true", "`message` goes to `[[ris]]`"),
        (EXAMPLE + RIS + TO_RIS + 'instead = "pacs"', "`message` goes to `[[ris]]`"),
        (EXAMPLE + RIS + TO_RIS + 'senders = ["ris"]', "there is no peer 'ris'"),
    ],
)
def test_messages_and_other_objects_do_not_mix(text: str, word: str) -> None:
    """A RIS takes no DICOM, and a PACS no HL7."""
    assert word in refusal(text)
