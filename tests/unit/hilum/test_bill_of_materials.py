"""The bill of materials: that programs can read it, and that nothing is missing."""

from __future__ import annotations

import json
import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from hilum.given_settings import given
from hilum.papers.inventory import bill
from models.package import load_package

MOMENT = datetime(2026, 1, 2, tzinfo=UTC)
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def text() -> str:
    """The bill of what is installed here."""
    return bill(given(home="/nonexistent"), MOMENT)


@pytest.fixture(scope="module")
def found(text: str) -> dict[str, Any]:
    """The same, read."""
    read: dict[str, Any] = json.loads(text)
    return read


def test_it_keeps_to_its_schema(text: str) -> None:
    """The schema comes with the library; a bill without its format is refused."""
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    assert validator.validate_str(text) is None
    assert validator.validate_str(text.replace("CycloneDX", "Nothing")) is not None


def test_every_dependency_is_in_it(found: dict[str, Any]) -> None:
    """All that Hilum asks for, with a version and an address for advisories."""
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    names = {re.split(r"[<>=\[;]", one)[0].lower() for one in asked}
    purls = {one["name"]: one["purl"] for one in found["components"] if one["type"] == "library"}
    assert names - set(purls) == set()
    assert all(purl.startswith("pkg:pypi/") and "@" in purl for purl in purls.values())


def test_the_network_is_in_it_file_by_file(found: dict[str, Any]) -> None:
    """With the SHA-256 that its manifest has."""
    package = load_package()
    model = next(one for one in found["components"] if one["type"] == "machine-learning-model")
    assert model["hashes"] == [{"alg": "SHA-256", "content": package.model.sha256}]
    assert {one["name"]: one["hashes"][0]["content"] for one in model["components"]} == dict(package.parts)


def test_the_same_installation_has_the_same_bill(text: str) -> None:
    """But for the moment, so that two can be compared."""
    assert bill(given(home="/nonexistent"), MOMENT) == text
