"""DICOMweb on the whole way: a film in, its report out, its item claimed and completed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from pydicom import Dataset
from pydicom.uid import CTImageStorage

from tests.conftest import migrated
from tests.films import PATIENT, copy_of, film, saved
from tests.peers import Hilum, free_port, hilum, settings_file, wait_for
from tests.validators import dciodvfy
from tests.web_client import client_settings, dicomweb, session
from tests.workstation import new_transaction, performed


@dataclass
class Web:
    """A running installation with a web server."""

    hilum: Hilum
    port: int

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}/dicom-web{path}"

    def result_of(self, sent: Dataset) -> dict[str, Any]:
        """Wait for the result of a study and return the one instance that tells it."""
        found = wait_for(lambda: dicomweb(self.port).search_for_instances(sent.StudyInstanceUID))
        assert len(found) == 1
        return dict(found[0])


@pytest.fixture(scope="module")
def web(embedded_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """One that works without any peer."""
    folder, port = tmp_path_factory.mktemp("dicomweb"), free_port()
    with migrated(embedded_url) as engine:
        config = settings_file(
            folder,
            home=str(folder / "home"),
            database={"url": engine.url.render_as_string(hide_password=False)},
            node={"port": free_port(), "study_quiet_seconds": 0.2},
            worker={"processes": 1},
            web={"port": port, "registration": "open"},
            web_clients=[
                client_settings("read", "store", "worklist"),
                client_settings("read", name="READER", token="another one"),
            ],
        )
        with hilum(config, "up") as running:
            running.wait_until("web-ready")
            running.wait_until("worker-ready")
            yield Web(running, port)


def value(answer: dict[str, Any], tag: str) -> Any:  # noqa: ANN401 - by VR
    return answer[tag]["Value"][0]


def test_a_film_that_is_stored_by_the_web_has_a_report(web: Web, tmp_path: Path) -> None:
    """Found by its patient, retrieved as the valid report that a PACS would get."""
    client, sent = dicomweb(web.port), film(601)
    answer = client.store_instances([sent])
    assert answer.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == sent.SOPInstanceUID
    told = web.result_of(sent)
    (study,) = client.search_for_studies(search_filters={"PatientID": sent.PatientID})
    assert (value(study, "0020000D"), value(study, "00080061")) == (sent.StudyInstanceUID, "SR")
    place = (sent.StudyInstanceUID, value(told, "0020000E"), value(told, "00080018"))
    report = client.retrieve_instance(*place)
    assert (report.Modality, report.SOPInstanceUID, report.PatientName) == ("SR", place[2], PATIENT)
    assert dciodvfy(saved(report, tmp_path)) == []


def test_the_same_report_is_told_in_every_way(web: Web) -> None:
    """By metadata, by study, by series, and as one file."""
    client, sent = dicomweb(web.port), film(602)
    client.store_instances([sent], study_instance_uid=sent.StudyInstanceUID)
    told = web.result_of(sent)
    study, series, instance = (value(told, tag) for tag in ("0020000D", "0020000E", "00080018"))
    found = [
        Dataset.from_json(client.retrieve_instance_metadata(study, series, instance)),
        Dataset.from_json(client.retrieve_series_metadata(study, series)[0]),
        Dataset.from_json(client.retrieve_study_metadata(study)[0]),
        client.retrieve_study(study)[0],
        client.retrieve_series(study, series)[0],
    ]
    assert [one.to_json_dict() for one in found] == [found[0].to_json_dict()] * 5
    url = web.url(f"/studies/{study}/series/{series}/instances/{instance}")
    single = session().get(url, headers={"Accept": "application/dicom"})
    assert (single.headers["content-type"], single.content[128:132]) == ("application/dicom", b"DICM")
    assert value(client.search_for_series(study)[0], "0020000E") == series


def test_an_item_is_claimed_and_completed_by_the_web(web: Web) -> None:
    """As by the network: the same list, the same rules."""
    sent, mine = film(603), new_transaction()
    dicomweb(web.port).store_instances([sent])
    found = session().get(web.url("/workitems"), params={"StudyInstanceUID": sent.StudyInstanceUID})
    (item,) = found.json()
    uid = value(item, "00080018")

    def ask(state: str, transaction: str) -> int:
        wanted = Dataset()
        wanted.ProcedureStepState, wanted.TransactionUID = state, transaction
        return session().put(web.url(f"/workitems/{uid}/state"), json=[wanted.to_json_dict()]).status_code

    assert [ask("IN PROGRESS", mine), ask("IN PROGRESS", new_transaction()), ask("COMPLETED", mine)] == [200, 409, 409]
    written = session().post(web.url(f"/workitems/{uid}?{mine}"), json=[performed().to_json_dict()])
    assert (written.status_code, ask("COMPLETED", mine)) == (200, 200)
    (step,) = session().get(web.url(f"/workitems/{uid}")).json()
    assert (value(step, "00741000"), "00081195" in step) == ("COMPLETED", False)


def test_what_is_not_taken_says_why(web: Web) -> None:
    """Each instance for itself: another SOP class, another study, no DICOM; the others are taken."""
    good, other = film(604), copy_of(film(605))
    other.SOPClassUID = other.file_meta.MediaStorageSOPClassUID = CTImageStorage
    answer = dicomweb(web.port).store_instances([good, other])
    assert answer.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == good.SOPInstanceUID
    assert answer.FailedSOPSequence[0].FailureReason == 0x0122
    with pytest.raises(requests.HTTPError, match="409"):
        dicomweb(web.port).store_instances([film(606)], study_instance_uid=good.StudyInstanceUID)
    body = b"--x\r\nContent-Type: application/dicom\r\n\r\nno film\r\n--x--\r\n"
    headers = {"Content-Type": 'multipart/related; type="application/dicom"; boundary=x'}
    refused = session().post(web.url("/studies"), data=body, headers=headers)
    assert (refused.status_code, value(refused.json(), "00081198")["00081197"]["Value"]) == (409, [0xC000])


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/studies?NoSuchAttribute=1", 400),
        ("GET", "/studies?limit=many", 400),
        ("GET", "/studies?PatientID=nobody", 204),
        ("GET", "/studies?PatientID=no%00body", 204),
        ("GET", "/workitems?ReferencedRequestSequence.AccessionNumber=%00", 204),
        ("GET", "/studies/1.2.3", 404),
        ("GET", "/studies/1.2.3/metadata", 404),
        ("GET", "/studies/no-uid", 422),
        ("GET", "/workitems/1.2.3", 404),
        ("PUT", "/workitems/1.2.3/state", 422),
        ("POST", "/studies", 415),
        ("DELETE", "/studies/1.2.3", 405),
    ],
)
def test_a_bad_request_gets_its_status(web: Web, method: str, path: str, status: int) -> None:
    """And never an error of the server."""
    assert session().request(method, web.url(path)).status_code == status


def test_texts_that_no_database_holds_are_refused(web: Web) -> None:
    """In what is written into an item: NUL, and half a character."""
    dicomweb(web.port).store_instances([sent := film(607)])
    (item,) = session().get(web.url("/workitems"), params={"StudyInstanceUID": sent.StudyInstanceUID}).json()
    for text in ("\0", "\ud800"):
        written = session().post(
            web.url(f"/workitems/{value(item, '00080018')}"), json=[{"00741204": {"vr": "LO", "Value": [text]}}]
        )
        assert written.status_code == 400


@pytest.mark.parametrize("path", ["/studies", "/studies/1.2.3", "/workitems", "/workitems/1.2.3"])
def test_without_a_token_nothing_is_told(web: Web, path: str) -> None:
    """Nor with a wrong one; one that may only read sees no worklist and sends no film."""
    assert requests.get(web.url(path), timeout=10).status_code == 401
    assert session("guessed").get(web.url(path)).status_code == 401
    assert session("another one").get(web.url("/workitems")).status_code == 403
    assert session("another one").post(web.url("/studies"), data=b"").status_code == 403


def test_the_log_has_places_and_no_patients(web: Web) -> None:
    """Neither what was asked for nor what was found."""
    session().get(web.url("/studies"), params={"PatientName": "Sekret*"})
    with requests.Session() as somebody:  # people's logins may be their addresses
        somebody.trust_env = False
        account = {"login": "patient@home.example", "password": "three quiet words"}
        assert somebody.post(f"http://127.0.0.1:{web.port}/register", data=account).ok
        assert somebody.get(f"http://127.0.0.1:{web.port}/upload", headers={"Accept": "text/html"}).ok
    wait_for(lambda: any(one.get("place") == "GET /dicom-web/studies" for one in web.hilum.events()))
    text = web.hilum.log.read_text()
    assert [word for word in ("Sekret", "SECRET-ID", "unexpected", "patient@") if word in text] == []
