"""Results as messages, on the whole way from a film to the acknowledgement of a RIS."""

from __future__ import annotations

from pathlib import Path

from tests.films import PATIENT, film
from tests.modality import store
from tests.peers import free_port, hilum, ledger_of, settings_file, wait_for
from tests.ris_peer import END, START, FakeRis, acknowledgement, listening, said, silence


def test_a_ris_in_trouble_is_told_until_it_accepts_and_then_no_more(tmp_path: Path) -> None:
    """An error, nothing, garbage, and then acceptance: it hears the same message four times."""
    ris = FakeRis(
        [
            acknowledgement("AE", f"no patient {PATIENT}"),
            silence,
            said(START + b"\xff\xfe" + END),
            acknowledgement("AA"),
        ]
    )
    port = free_port()
    sent = film(910)
    with listening(ris) as ris_port:
        config = settings_file(
            tmp_path,
            home=str(tmp_path / "home"),
            node={"port": port, "study_quiet_seconds": 0.2},
            worker={"retry_seconds": 0.2, "retry_limit_seconds": 0.5},
            peers=[{"name": "xray", "ae_title": "XRAY1", "host": "127.0.0.1", "port": 1, "may_send": True}],
            ris=[{"name": "ris", "host": "127.0.0.1", "port": ris_port, "timeout_seconds": 1}],
            routes=[{"objects": ["message"], "peers": ["ris"]}],
        )
        study = str(sent.StudyInstanceUID)
        with hilum(config, "up") as running:
            running.wait_until("worker-ready")
            running.wait_until("node-ready")
            assert store(port, sent, calling="XRAY1") == 0
            wait_for(lambda: len(ris.heard) == 4, seconds=60)
            wait_for(lambda: ledger_of(config, study)["deliveries"][0]["state"] == "accepted")
            found = ledger_of(config, study)
            log = running.log.read_text()
    assert len(set(ris.heard)) == 1
    assert str(sent.PatientID).encode() in ris.heard[0]
    (delivery,) = found["deliveries"]
    assert (delivery["object"], delivery["attempts"], delivery["dimse_status"]) == ("message", 4, None)
    reasons = [entry["detail"] for entry in found["entries"] if entry["event"] == "returned"]
    assert [reason.split(";")[0] for reason in reasons] == [
        "the peer had an error with the message (AE)",
        "the peer did not answer in time",
        "the peer's answer is no acknowledgement",
    ]
    assert [word for word in (PATIENT, "SECRET-ID", "unexpected") if word in log] == []
