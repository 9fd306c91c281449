"""The worker that one writes in an afternoon: a film, `keras.Model.predict`, a report, an association, the next film.

    python benchmarks/naive_worker.py FOLDER PORT

It takes what dcmtk's `storescp` writes into FOLDER, reads it with pydicom, prepares it with Hilum's own code, asks the
networks of the shipped package by Keras, one film at a time, writes the report with Hilum's own code and stores it at
the PACS on PORT, with an association for each. The films' VOI window shows all grey values, so it is left out. There is
no database and nothing is durable: what it has in hand when it dies is lost. It prints `ready` when its networks are
warm, and ends with SIGTERM.
"""

from __future__ import annotations

import hashlib
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import pydicom
from pynetdicom import AE

from dicom_node.report import build_report
from domain.film import StoredFilm, Unsuitable
from domain.findings import Findings
from domain.ids import SeriesUid, SopInstanceUid, StudyId, StudyUid
from hilum.log import silence_toolkits
from models.classifier import NetworkClassifier
from models.networks.keras_networks import load_networks
from models.networks.quiet import load_tensorflow
from models.package import load_package

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from domain.findings import Probabilities
    from models.package import Package
    from models.runtime import Floats

_LOOK_SECONDS = 0.01
_REPORT_CLASS = "1.2.840.10008.5.1.4.1.1.88.34"


class KerasPredict:
    """A `models.runtime.Runtime` that calls `keras.Model.predict`."""

    batch = 1
    place = "keras.Model.predict"

    def __init__(self, package: Package) -> None:
        self._classifier, self._lungs = load_networks(package)

    def lungs(self, films: Floats) -> tuple[Floats, Floats]:
        """Return masks and probabilities of a frontal film."""
        found = _predict(self._lungs, films)
        return found["mask"][..., 0], found["frontal"][..., 0]

    def classes(self, looks: Floats) -> tuple[Floats, Floats]:
        """Return class scores and evidence."""
        found = _predict(self._classifier, looks)
        return found["logits"], found["maps"]


def _predict(network: Any, films: Floats) -> dict[str, Floats]:  # noqa: ANN401 - Keras has no types
    found: dict[str, Floats] = network.predict(films[..., None], verbose=0)
    return found


def main() -> None:
    """Work until told to stop."""
    folder, port = Path(sys.argv[1]), int(sys.argv[2])
    silence_toolkits()
    load_tensorflow()
    package = load_package()
    classifier = NetworkClassifier(package, KerasPredict(package))
    classifier.warm_up()
    print("ready", flush=True)
    done: set[str] = set()
    while True:
        found = [path for path in sorted(folder.iterdir()) if path.name not in done]
        for path in found:
            dataset = _whole(path)
            if dataset is not None:
                _work(dataset, classifier, port)
                done.add(path.name)
        if not found:
            time.sleep(_LOOK_SECONDS)


def _whole(path: Path) -> Dataset | None:
    """Return the film, or None while it is being written."""
    try:
        dataset = pydicom.dcmread(path)
        _ = dataset.pixel_array
    except Exception:  # noqa: BLE001 - half a file fails in many ways
        time.sleep(_LOOK_SECONDS)
        return None
    return dataset


def _work(dataset: Dataset, classifier: NetworkClassifier, port: int) -> None:
    image = dataset.pixel_array.astype(np.float32) / np.float32(65535)
    (answer,) = classifier.classify([image])
    del dataset.PixelData
    _store(build_report(_findings(dataset, classifier, answer), [dataset], created=datetime.now(UTC)), port)


def _findings(dataset: Dataset, classifier: NetworkClassifier, answer: Probabilities | Unsuitable) -> Findings:
    film = StoredFilm(
        study_id=StudyId(1),
        study_uid=StudyUid(dataset.StudyInstanceUID),
        series_uid=SeriesUid(dataset.SeriesInstanceUID),
        sop_instance_uid=SopInstanceUid(dataset.SOPInstanceUID),
        sop_class_uid=dataset.SOPClassUID,
        digest=hashlib.sha256(dataset.SOPInstanceUID.encode()).hexdigest(),
        path="",
    )
    if isinstance(answer, Unsuitable):
        sys.exit(f"the network refused a film: {answer}")
    return Findings(model=classifier.model, films=(film,), analysed=film, probabilities=answer)


def _store(report: Dataset, port: int) -> None:
    entity = AE(ae_title="HILUM")
    entity.add_requested_context(_REPORT_CLASS)
    association = entity.associate("127.0.0.1", port, ae_title="ORTHANC")
    report.file_meta.TransferSyntaxUID = association.accepted_contexts[0].transfer_syntax[0]
    status = association.send_c_store(report)
    association.release()
    if status.Status:
        sys.exit(f"the PACS refused a report: {status.Status:04X}")


if __name__ == "__main__":
    main()
