"""The worker that somebody would write in an afternoon: a folder, `keras.Model.predict` one by one, no queue.

Run: python benchmarks/naive_worker.py FOLDER HOST PORT. It watches a folder into which dcmtk's storescp writes films,
and sends a report for each to an Orthanc. It keeps nothing, tries nothing again, and says `ready` when it is.
"""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pydicom
from pynetdicom import AE

sys.path.insert(0, str(Path(__file__).parents[1]))

from dicom_node.pixels import render
from dicom_node.report import build_report
from domain.film import StoredFilm
from domain.findings import Findings
from domain.ids import SeriesUid, SopInstanceUid, StudyId, StudyUid
from models.classifier import lung_input, probabilities
from models.looks import show
from models.networks.keras_networks import load_networks
from models.package import load_package
from models.preprocess import prepare


def main() -> None:
    """Work until killed."""
    folder, host, port = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    package = load_package()
    classifier, lungs = load_networks(package)
    entity = AE(ae_title="NAIVE")
    entity.add_requested_context("1.2.840.10008.5.1.4.1.1.88.34")

    def answer(dataset: pydicom.Dataset) -> Findings:
        square = prepare(render(dataset))
        mask = np.asarray(lungs.predict(lung_input(square)[None, ..., None], verbose=0)[0])[0].reshape(112, 112)
        looks, _ = show(square, mask, package.looks, package.size)
        found = classifier.predict(looks[..., None], verbose=0)
        scores = np.asarray(found[0] if isinstance(found, list | tuple) else found).mean(axis=0)
        film = StoredFilm(
            study_id=StudyId(1),
            study_uid=StudyUid(dataset.StudyInstanceUID),
            series_uid=SeriesUid(dataset.SeriesInstanceUID),
            sop_instance_uid=SopInstanceUid(dataset.SOPInstanceUID),
            sop_class_uid=str(dataset.SOPClassUID),
            digest="0" * 64,
            path="",
        )
        scored = probabilities(scores, package.temperature)
        return Findings(model=package.model, films=(film,), analysed=film, probabilities=scored)

    warm = pydicom.dcmread(sys.argv[4])
    answer(warm)
    print("ready", flush=True)
    done: set[str] = set()
    while True:
        new = [path for path in sorted(folder.iterdir()) if path.name not in done and path.suffix == ".dcm"]
        for path in new:
            dataset = pydicom.dcmread(path)
            report = build_report(answer(dataset), [dataset], created=datetime.now(UTC))
            association = entity.associate(host, port, ae_title="ORTHANC")
            association.send_c_store(report)
            association.release()
            done.add(path.name)
        if not new:
            time.sleep(0.01)


if __name__ == "__main__":
    main()
