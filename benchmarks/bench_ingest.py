"""How many films a second does the node take, beside Orthanc in the same run?

Drives each with dcmtk's storescu over one and several associations and prints instances per second and the ratio.
Both sides store durably: Orthanc with SyncStorageArea, Hilum with fsync of file and folder and a commit.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.conftest import embedded_server, migrated
from tests.films import film, saved
from tests.peers import STORESCU, free_port, hilum, orthanc, settings_file


def make_films(folder: Path, count: int) -> list[Path]:
    """Write films of about half a megabyte, each a study of its own."""
    return [saved(film(number, rows=512), folder) for number in range(count)]


def drive(port: int, called: str, films: list[Path], associations: int) -> float:
    """Send the films over several associations at once; return instances per second."""
    command = [str(STORESCU), "-pdu", "131072", "-aet", "XRAY1", "-aec", called, "127.0.0.1", str(port)]
    environment = {**os.environ, "TCP_NODELAY": "1"}
    shares = [films[number::associations] for number in range(associations)]
    before = time.perf_counter()
    senders = [subprocess.Popen([*command, *map(str, share)], env=environment) for share in shares]
    if any(sender.wait() for sender in senders):
        sys.exit(f"{called}: a sender failed")
    return len(films) / (time.perf_counter() - before)


def measure(folder: Path, films: dict[int, list[Path]]) -> dict[str, dict[int, float]]:
    """Return instances per second by receiver and number of associations."""
    rates: dict[str, dict[int, float]] = {"orthanc": {}, "hilum": {}}
    for associations, batch in films.items():
        with orthanc(folder / f"orthanc-{associations}", sync=True) as pacs:
            rates["orthanc"][associations] = drive(pacs.dicom_port, "ORTHANC", batch, associations)
    with embedded_server() as url, migrated(url) as engine:
        port = free_port()
        config = settings_file(
            folder,
            home=str(folder / "home"),
            database={"url": engine.url.render_as_string(hide_password=False)},
            node={"port": port, "study_quiet_seconds": 3600},
            log={"level": "warning"},
        )
        with hilum(config, "node"):
            time.sleep(8)  # it listens before its database is open
            for associations, batch in films.items():
                rates["hilum"][associations] = drive(port, "HILUM", batch, associations)
    return rates


def main() -> None:
    """Measure and print a table and one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--films", type=int, default=400, help="films per run")
    parser.add_argument("--associations", type=int, nargs="+", default=[1, 8])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        every = make_films(folder, arguments.films * len(arguments.associations))
        films = {
            associations: every[place * arguments.films : (place + 1) * arguments.films]
            for place, associations in enumerate(arguments.associations)
        }
        rates = measure(folder, films)
    print("associations  orthanc/s  hilum/s  hilum/orthanc")
    for associations in arguments.associations:
        peer, own = rates["orthanc"][associations], rates["hilum"][associations]
        print(f"{associations:>12}  {peer:>9.0f}  {own:>7.0f}  {own / peer:>13.2f}")
    print(json.dumps(rates))


if __name__ == "__main__":
    main()
