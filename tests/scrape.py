"""What Prometheus would see of a running process."""

from __future__ import annotations

import urllib.request
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families


@dataclass
class Scrape:
    """The figures of one process at one moment."""

    names: frozenset[str]
    """Of all samples, and of meters that have none yet."""
    values: dict[tuple[str, str], float]
    """By the sample's name, and the values of its labels in the order of their names."""
    labels: frozenset[str]

    def of(self, name: str, *labels: str) -> float:
        """Return a value, 0 if there is none."""
        return self.values.get((name, " ".join(labels)), 0.0)


def fetched(port: int, path: str) -> str:
    """Return what a process answers."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return str(answer.read().decode())


def scrape(port: int) -> Scrape:
    """Ask a process for its figures."""
    names, values, labels = set(), {}, set()
    for family in text_string_to_metric_families(fetched(port, "/metrics")):
        names.add(family.name if family.type != "counter" else f"{family.name}_total")
        if family.type == "histogram":
            names |= {f"{family.name}_{part}" for part in ("bucket", "sum", "count")}
        for sample in family.samples:
            labels |= set(sample.labels)
            values[sample.name, " ".join(sample.labels[label] for label in sorted(sample.labels))] = sample.value
    return Scrape(names=frozenset(names), values=values, labels=frozenset(labels))
