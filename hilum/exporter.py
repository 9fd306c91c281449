"""The figures of a process, shown to Prometheus over HTTP; the only module beside `web` that knows its library."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    make_wsgi_app,
    multiprocess,
    values,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import ThreadingWSGIServer
from prometheus_client.registry import Collector

from domain.measures import of_role
from domain.meters import MeterKind

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from prometheus_client.metrics import MetricWrapperBase
    from prometheus_client.metrics_core import Metric

    from domain.meters import Meter, Meters, Reading

    Read = Callable[[], Iterable[Reading]]

_READ_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Where the library looks for the files that processes count in together."""
_SILENCE_SECONDS = 5.0
"""For a caller to say what it wants."""

disable_created_metrics()  # type: ignore[no-untyped-call]  # twice as many lines, for what Prometheus knows without


class PrometheusMeters:
    """Implements `domain.meters.Meters` for the meters of one role."""

    def __init__(self, role: str, registry: CollectorRegistry, *, is_read: Callable[[Meter], bool]) -> None:
        """Begin at 0.

        Args:
            role: whose meters.
            registry: where they are shown.
            is_read: whether a meter is looked up when somebody asks, and so is not counted here.
        """
        self._made = {meter.name: _made(meter, registry) for meter in of_role(role) if not is_read(meter)}

    def add(self, meter: Meter, amount: float = 1.0, /, **labels: str) -> None:
        """Add to a counter or a gauge."""
        self._of(meter, labels).inc(amount)

    def observe(self, meter: Meter, value: float, /, **labels: str) -> None:
        """Put a value into a histogram."""
        self._of(meter, labels).observe(value)

    def _of(self, meter: Meter, labels: dict[str, str]) -> Any:  # noqa: ANN401 - a counter, a gauge or a histogram
        made = self._made[meter.name]
        return made.labels(**labels) if labels else made


class Readings(Collector):
    """Values that are looked up when somebody asks."""

    def __init__(self, read: Callable[[], Iterable[Reading]]) -> None:
        """`read` never raises."""
        self._read = read

    def collect(self) -> Iterator[Metric]:
        """Return what there is now."""
        families: dict[str, CounterMetricFamily | GaugeMetricFamily] = {}
        for reading in self._read():
            meter = reading.meter
            made = CounterMetricFamily if meter.kind is MeterKind.COUNTER else GaugeMetricFamily
            family = families.setdefault(meter.name, made(meter.name, meter.meaning, labels=meter.labels))
            family.add_metric([reading.labels[label] for label in meter.labels], reading.value)
        yield from families.values()


def meters(role: str, own: socket.socket, read: Read, reads: tuple[Meter, ...], is_ready: threading.Event) -> Meters:
    """Return the meters of a process, and show them on a listening socket.

    Args:
        role: whose meters.
        own: the socket.
        read: looks values up when somebody asks; never raises.
        reads: what it looks up.
        is_ready: set once the process can do its work.
    """
    registry = CollectorRegistry()
    made = PrometheusMeters(role, registry, is_read=lambda meter: meter in reads)
    registry.register(Readings(read))
    _serve(own, registry, is_ready)
    return made


def shared_meters(role: str, folder: Path, number: int, reads: tuple[Meter, ...]) -> Meters:
    """Return meters that count in files of a folder, where those of other processes are as well.

    A process that is started again under its number goes on where the one before it ended.
    """
    os.environ[_READ_FOLDER] = str(folder)
    values.ValueClass = values.MultiProcessValue(lambda: number)  # type: ignore[no-untyped-call]
    return PrometheusMeters(role, CollectorRegistry(), is_read=lambda meter: meter in reads)


def show_sum(own: socket.socket, folder: Path, read: Read, is_ready: threading.Event) -> None:
    """Show on a listening socket the sum of what was counted in a folder, and what `read` looks up."""
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry, path=str(folder))  # type: ignore[no-untyped-call]
    registry.register(Readings(read))
    _serve(own, registry, is_ready)


def _serve(own: socket.socket, registry: CollectorRegistry, is_ready: threading.Event) -> None:
    """Answer in threads for as long as the process lives."""
    metrics: Any = make_wsgi_app(registry)

    def application(environ: Any, start_response: Any) -> Any:  # noqa: ANN401 - WSGI's own
        match environ["PATH_INFO"]:
            case "/metrics":
                return metrics(environ, start_response)
            case "/health/live":
                return _said(start_response, "200 OK", "live")
            case "/health/ready" if is_ready.is_set():
                return _said(start_response, "200 OK", "ready")
            case "/health/ready":
                return _said(start_response, "503 Service Unavailable", "not ready")
        return _said(start_response, "404 Not Found", "there are /metrics, /health/live and /health/ready")

    server = ThreadingWSGIServer(own.getsockname()[:2], _Handler, bind_and_activate=False)
    server.socket.close()
    server.socket = own
    server.server_name, server.server_port = own.getsockname()[:2]
    server.setup_environ()
    server.set_app(application)
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()


class _Handler(WSGIRequestHandler):
    timeout = _SILENCE_SECONDS

    def address_string(self) -> str:
        """Return the caller's address; its name is nobody's business, and looking it up takes time."""
        return str(self.client_address[0])

    def log_message(self, *_: object) -> None:
        """Tell nobody: it happens every few seconds."""


def _said(start_response: Any, status: str, text: str) -> list[bytes]:  # noqa: ANN401 - WSGI's own
    start_response(status, [("Content-Type", "text/plain; charset=utf-8")])
    return [f"{text}\n".encode()]


def _made(meter: Meter, registry: CollectorRegistry) -> MetricWrapperBase:
    match meter.kind:
        case MeterKind.COUNTER:
            return Counter(meter.name, meter.meaning, meter.labels, registry=registry)
        case MeterKind.GAUGE:
            return Gauge(meter.name, meter.meaning, meter.labels, registry=registry)
    return Histogram(meter.name, meter.meaning, meter.labels, registry=registry, buckets=meter.buckets)
