"""How long after its start does the node answer a C-ECHO, beside Orthanc in the same run?

The database is running already, as under systemd. Each is started several times; the times are from the start of the
process to the first answered C-ECHO of dcmtk's echoscu.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.conftest import embedded_server, migrated
from tests.peers import echoscu, free_port, hilum, orthanc, settings_file


def seconds_to_echo(start: Callable[[int], AbstractContextManager[object]]) -> float:
    """Start a node on a free port and return the seconds until it answers."""
    port = free_port()
    before = time.perf_counter()
    with start(port):
        while not echoscu(port):
            time.sleep(0.02)
        return time.perf_counter() - before


def main() -> None:
    """Measure and print the medians and one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as name, embedded_server() as url, migrated(url) as engine:
        folder = Path(name)

        def start_hilum(port: int) -> AbstractContextManager[object]:
            database = {"url": engine.url.render_as_string(hide_password=False)}
            config = settings_file(folder, home=str(folder / "home"), database=database, node={"port": port})
            return hilum(config, "node")

        def start_orthanc(port: int) -> AbstractContextManager[object]:
            return orthanc(folder / f"orthanc-{port}", dicom_port=port)

        times = {
            "orthanc": [seconds_to_echo(start_orthanc) for _ in range(runs)],
            "hilum": [seconds_to_echo(start_hilum) for _ in range(runs)],
        }
    for who, seconds in times.items():
        middle, worst = statistics.median(seconds), max(seconds)
        print(f"{who:<8} median {middle:.2f} s, slowest {worst:.2f} s of {runs} starts")
    print(f"hilum/orthanc {statistics.median(times['hilum']) / statistics.median(times['orthanc']):.2f}")
    print(json.dumps(times))


if __name__ == "__main__":
    main()
