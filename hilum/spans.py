"""Steps of studies as spans of OpenTelemetry; the only module that knows its library."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING

from domain.errors import Misconfigured

try:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context
except ImportError as error:
    raise Misconfigured("traces.endpoint is set; install what it needs: pip install 'hilum[otel]'") from error

if TYPE_CHECKING:
    from opentelemetry.context import Context

    from hilum.settings import Settings

_TRACE_BYTES, _SPAN_BYTES = 16, 8
_SECONDS = 3.0
"""For the collector to take spans; they are sent by a thread of their own."""
_NANOSECONDS = 1_000_000_000


class StudySpans:
    """Implements `domain.traces.Tracer`.

    All processes give the steps of a study one trace id, since they make it of the same things: the AE title of the
    installation and the study's row number. So nothing has to be stored or handed on.
    """

    def __init__(self, settings: Settings, role: str) -> None:
        """Begin to send spans to the endpoint of the settings; while it is away they are dropped.

        Raises:
            Misconfigured: what it needs is not installed.
        """
        self._installation = settings.node.ae_title
        resource = Resource.create({"service.name": "hilum", "service.instance.id": role})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        exporter = OTLPSpanExporter(endpoint=settings.traces.endpoint, timeout=_SECONDS)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("hilum")

    def tell(self, step: str, study: int, seconds: float, /, **attributes: str | int) -> None:
        """Tell of a step that ended just now."""
        ended = time.time_ns()
        span = self._tracer.start_span(
            step,
            context=self._way_of(study),
            start_time=ended - int(seconds * _NANOSECONDS),
            attributes={"hilum.study": study, **{f"hilum.{name}": value for name, value in attributes.items()}},
        )
        span.end(end_time=ended)

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()

    def _way_of(self, study: int) -> Context:
        digest = hashlib.sha256(f"{self._installation}\n{study}".encode()).digest()
        whole = SpanContext(
            trace_id=int.from_bytes(digest[:_TRACE_BYTES]),
            span_id=int.from_bytes(digest[_TRACE_BYTES:][:_SPAN_BYTES]),
            is_remote=True,
            trace_flags=TraceFlags(TraceFlags.SAMPLED),
        )
        return set_span_in_context(NonRecordingSpan(whole))
