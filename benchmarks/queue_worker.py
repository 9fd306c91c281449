"""A worker process of the benchmark of queues: `python benchmarks/queue_worker.py QUEUE URL BATCH`.

It says `ready` when everything is imported, and begins with the next line on its standard input.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from rival_queues import RIVALS


def main() -> None:
    """Work until the queue is empty."""
    name, url, batch = sys.argv[1:]
    rival = RIVALS[name](url)
    print("ready", flush=True)
    sys.stdin.readline()
    rival.work(int(batch))


if __name__ == "__main__":
    main()
