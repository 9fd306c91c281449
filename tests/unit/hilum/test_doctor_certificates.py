"""Certificates as `hilum doctor` judges them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hilum.doctor.catalogue import catalogue
from hilum.doctor.certificates import Papers, certificates, papers
from hilum.doctor.check import Outcome
from hilum.doctor.database import Visit
from hilum.doctor.examination import examine
from tests.certificates import Certificates
from tests.certificates import certificates as made
from tests.doctoring import outcome_of, said, settings_of

pytestmark = pytest.mark.peers


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """A certificate that holds for a hundred days, and its authority for two."""
    own = made(tmp_path_factory.mktemp("good"), "good", days=100)
    own.key.chmod(0o600)
    return own


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Another one."""
    return made(tmp_path_factory.mktemp("other"), "other", days=100)


def own_papers(own: Certificates) -> Papers:
    return Papers(name="web", is_server=True, certificate=own.certificate, key=own.key)


@pytest.mark.parametrize("table", ["node", "web", "final_reports", "audit", "ris"])
def test_an_expired_certificate_is_found_wherever_it_is_set(tmp_path: Path, table: str) -> None:
    """With the time of its end; the other checks are as they would be without."""
    own = made(tmp_path, "old", days=-1)
    files = {"tls_certificate": str(own.certificate), "tls_key": str(own.key)}
    ris = [{"name": "ris", "host": "127.0.0.1", "port": 1, "tls": True, **files}]
    settings = settings_of(tmp_path, **{table: ris if table == "ris" else files})
    with Visit(settings) as visit:
        checks = [one for one in catalogue(settings, None, visit) if one.name.startswith("certificates.")]
        (result,) = examine(checks, lambda _: None)
    assert (result.name, result.outcome) == (f"certificates.{table}", Outcome.FAILURE)
    assert "has expired at 20" in said(result.findings)


@pytest.mark.parametrize(
    ("days", "outcome", "words"),
    [
        (0, Outcome.OK, ""),
        (75, Outcome.WARNING, "days"),
        (95, Outcome.FAILURE, "in less than 7 days"),
        (101, Outcome.FAILURE, "has expired"),
        (-3, Outcome.FAILURE, "only"),
    ],
)
def test_the_end_is_told_before_it_comes(good: Certificates, days: int, outcome: Outcome, words: str) -> None:
    """A month before as a warning, in the last week as a failure; what does not hold yet is one, too."""
    found = list(certificates(own_papers(good), datetime.now(UTC) + timedelta(days=days)))
    assert outcome_of(found) is outcome
    assert words in said(found)


def test_an_authority_that_nobody_knows_is_said(good: Certificates, tmp_path: Path) -> None:
    """It may be the hospital's root; with its certificate below ours, or among our authorities, the chain is whole."""

    def is_known(own: Papers) -> bool:
        return not any("can't say whether the chain is whole" in one.seen for one in certificates(own))

    whole = tmp_path / "chain.pem"
    whole.write_bytes(good.certificate.read_bytes() + good.authority.read_bytes())
    assert not is_known(own_papers(good))
    assert is_known(replace(own_papers(good), certificate=whole))
    assert is_known(replace(own_papers(good), authorities=good.authority))


def test_a_chain_in_disorder_is_a_failure(good: Certificates, other: Certificates, tmp_path: Path) -> None:
    """The second must vouch for the first."""
    mixed = tmp_path / "chain.pem"
    mixed.write_bytes(good.certificate.read_bytes() + other.authority.read_bytes())
    assert "does not vouch for" in said(certificates(replace(own_papers(good), certificate=mixed)))


def test_the_key_of_another_certificate_is_a_failure(good: Certificates, other: Certificates) -> None:
    """And one that is not there, and none at all."""
    assert "key values mismatch" in said(certificates(replace(own_papers(good), key=other.key)))
    assert "can't be read" in said(certificates(replace(own_papers(good), key=Path("/none.pem"))))
    assert "has no key" in said(certificates(replace(own_papers(good), key=None)))


@pytest.mark.parametrize(("mode", "words"), [(0o604, "everybody"), (0o620, "others may write")])
def test_a_key_is_for_its_owner(good: Certificates, tmp_path: Path, mode: int, words: str) -> None:
    """A group may read it."""
    key = tmp_path / "key.pem"
    key.write_bytes(good.key.read_bytes())
    key.chmod(mode)
    assert words in said(certificates(replace(own_papers(good), key=key)))
    key.chmod(0o640)
    assert "key.pem" not in said(certificates(replace(own_papers(good), key=key)))


def test_what_is_no_certificate_is_a_failure(tmp_path: Path, good: Certificates) -> None:
    """Nor can one be read that is not there."""
    nothing = tmp_path / "none.pem"
    assert "can't be read" in said(certificates(replace(own_papers(good), certificate=nothing)))
    nothing.write_text("nothing")
    assert "holds no certificate" in said(certificates(replace(own_papers(good), certificate=nothing)))


def test_authorities_are_looked_at_as_well(tmp_path: Path, good: Certificates) -> None:
    """They hold for two days."""
    settings = settings_of(tmp_path, audit={"tls_authorities": str(good.authority)})
    (own,) = papers(settings)
    assert "in less than 7 days" in said(certificates(own))


def test_an_old_authority_beside_one_that_holds_is_a_warning(good: Certificates, tmp_path: Path) -> None:
    """Bundles have such; if none holds any more, nobody can prove who they are."""
    bundle, at = tmp_path / "bundle.pem", datetime.now(UTC) + timedelta(days=5)
    own = Papers(name="node", authorities=bundle)
    bundle.write_bytes(good.authority.read_bytes())
    assert outcome_of(certificates(own, at)) is Outcome.FAILURE
    bundle.write_bytes(good.authority.read_bytes() + good.certificate.read_bytes())
    assert outcome_of(certificates(own, at)) is Outcome.WARNING
    assert "has expired" in said(certificates(own, at))


def test_a_server_without_a_name_is_a_warning(good: Certificates) -> None:
    """Those who call it look for one; our authority has none."""
    own = Papers(name="web", is_server=True, certificate=good.authority, key=good.key)
    assert "names no host" in said(certificates(own))
    assert "names no host" not in said(certificates(replace(own, is_server=False)))
