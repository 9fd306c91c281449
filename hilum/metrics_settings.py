"""The settings for those who watch: the log, figures for Prometheus, traces for OpenTelemetry."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from hilum.section import Section

WORKER_PORTS = 16
"""Of a host: as many workers can be seen."""

_OptionalPort = Annotated[int, Field(ge=0, le=65535)]


class Log(Section):
    """What the processes write to standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="debug, info, warning or error")
    format: Literal["auto", "console", "json"] = Field(
        "auto", description="console, json, or auto: console on a terminal, else json"
    )


class Metrics(Section):
    """Where each process shows its figures to Prometheus; nothing in them names a patient."""

    host: str = Field(
        "127.0.0.1", min_length=1, description="the address to listen on; `0.0.0.0` for all, in a network you trust"
    )
    node_port: _OptionalPort = Field(0, description="a TCP port for the node, all of its processes; 0: none")
    worker_port: _OptionalPort = Field(
        0,
        le=65535 - WORKER_PORTS,
        description="a TCP port for the worker: it takes the first free one of this and the 15 that follow; 0: none",
    )
    scheduler_port: _OptionalPort = Field(0, description="a TCP port for the scheduler; 0: none")
    web_port: _OptionalPort = Field(0, description="a TCP port for the web server, beside `web.port`; 0: none")


class Traces(Section):
    """Where the steps of studies are told to, as spans of OpenTelemetry; nothing in them names a patient."""

    endpoint: str = Field(
        "",
        description="an http or https address that takes OTLP, as `http://127.0.0.1:4318/v1/traces`; empty: none. "
        "It is shown: no key may be in it",
    )

    @field_validator("endpoint")
    @classmethod
    def _is_http(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("no http or https address")
        return value
