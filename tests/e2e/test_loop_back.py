"""The loop back: a film comes, is classified, its final report comes, and both are set beside each other."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from hilum.supervise import PYTHON_M_HILUM
from tests.films import film
from tests.modality import store
from tests.peers import free_port, hilum, ledger_of, settings_file, wait_for
from tests.report_sender import report, tell


def agreement(config: Path, *options: str) -> Any:  # noqa: ANN401 - JSON
    command = [*PYTHON_M_HILUM, "--config", str(config), "agreement", "--json", *options]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def test_a_final_report_is_set_beside_the_result(tmp_path: Path) -> None:
    """`hilum up` takes films and reports; the agreement shows the study under its scanner and week."""
    port, reports = free_port(), free_port()
    config = settings_file(
        tmp_path,
        home=str(tmp_path / "home"),
        node={"port": port, "study_quiet_seconds": 0.2},
        final_reports={"port": reports},
    )
    sent = film(920)
    study = str(sent.StudyInstanceUID)
    with hilum(config, "up") as running:
        for ready in ("worker-ready", "node-ready", "final-reports-ready"):
            running.wait_until(ready)
        assert store(port, sent, calling="XRAY1") == 0
        wait_for(lambda: [entry for entry in ledger_of(config, study)["entries"] if entry["event"] == "classified"])
        numbers = {"accession": str(sent.AccessionNumber), "patient": str(sent.PatientID)}
        assert tell(reports, report("Pneumonia on the left.", at="20260107120000+0000", **numbers)) == "AA"
        assert tell(reports, report("x", study="2.25.404", accession="", control="M2")) == "AA"
        found = agreement(config, "--from", "2026-01-01", "--to", "2026-01-31")
        other_days = agreement(config, "--from", "2026-02-01", "--to", "2026-02-28")
    assert [(one["scanner"], one["week"], one["studies"], one["no_result"]) for one in found["groups"]] == [
        ("XRAY1", "2026-W02", 1, 0),
        (None, None, 1, 0),
    ]
    pneumonia = found["groups"][-1]["targets"]["PNEUMONIA"]
    answered = ("true_positive", "false_negative", "present_without_answer")
    assert sum(pneumonia[name] for name in answered) == 1
    assert found["groups"][-1]["targets"]["COVID19"]["sensitivity"]["of"] == 0
    assert [group["studies"] for group in other_days["groups"]] == [0]
