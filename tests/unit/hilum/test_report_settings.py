"""The settings of final reports: defaults that are usable, and refusals that say why."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from hilum.report_settings import FinalReports
from hilum.settings import reference


def test_without_a_port_no_reports_are_taken() -> None:
    """And then only from this machine."""
    assert (FinalReports().port, FinalReports().host) == (0, "127.0.0.1")


@pytest.mark.parametrize("code", ["233604007", "SCT:", ":1", "SCT:1 2"])
def test_a_code_needs_its_scheme(code: str) -> None:
    """The same number means other things elsewhere."""
    with pytest.raises(ValidationError, match="pneumonia_codes"):
        FinalReports(pneumonia_codes=(code,))


@pytest.mark.parametrize("keyword", ["", "*", " ", "__"])
def test_a_keyword_needs_a_letter(keyword: str) -> None:
    """A star alone would name every word a disease."""
    with pytest.raises(ValidationError, match="normal_keywords"):
        FinalReports(normal_keywords=(keyword,))


@pytest.mark.parametrize(
    "files", [{"tls_certificate": Path("a")}, {"tls_key": Path("a")}, {"tls_client_authorities": Path("a")}]
)
def test_a_half_of_tls_is_refused(files: dict[str, Path]) -> None:
    """It would listen without encryption, and nobody would notice."""
    with pytest.raises(ValidationError, match="tls"):
        FinalReports(**files)  # type: ignore[arg-type]  # each of the files


def test_every_setting_is_in_the_reference() -> None:
    """With its default and its meaning."""
    keys = {key: meaning for key, _, meaning in reference() if key.startswith("final_reports.")}
    assert set(keys) == {f"final_reports.{name}" for name in FinalReports.model_fields}
    assert all(keys.values())
