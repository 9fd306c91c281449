"""The settings: one TOML file, overridden by `HILUM_…` variables, checked before anything starts.

This module is the only reader of the environment.
"""

from __future__ import annotations

import os
import re
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, BaseModel, Field, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from domain.errors import Misconfigured
from hilum import credentials
from hilum.metrics_settings import Log, Metrics, Traces
from hilum.node_settings import Node
from hilum.peer_settings import Peer, PriorityOfStudies, Ris, RouteOfResults, check_names
from hilum.report_settings import FinalReports, Report
from hilum.retention_settings import Retention, check_room
from hilum.section import Section
from hilum.store_settings import Store
from hilum.web_settings import Audit, Oidc, Web, WebClient
from hilum.work_settings import Alarm, Models, Upkeep, Worker, Worklist

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic_core import ErrorDetails
    from pydantic_settings import PydanticBaseSettingsSource

ENVIRONMENT_PREFIX = "HILUM_"
THREADS_VARIABLE = f"{ENVIRONMENT_PREFIX}WORKER__THREADS"
DECODERS_VARIABLE = f"{ENVIRONMENT_PREFIX}WORKER__DECODERS"
SEARCHED_FILES = (Path("hilum.toml"), Path("/etc/hilum/hilum.toml"))
EMBEDDED = "embedded"


def _database_url(text: str) -> str:
    if text != EMBEDDED and urlsplit(text).scheme not in {"postgresql", "postgresql+psycopg2"}:
        raise ValueError("neither embedded nor a postgresql+psycopg2 address")
    return text


def _absolute(path: Path) -> Path:
    return path.expanduser().absolute()


class Database(Section):
    """Where studies, jobs and results are kept."""

    url: Annotated[str, AfterValidator(_database_url)] = Field(
        EMBEDDED,
        description="`embedded`, or `postgresql+psycopg2://user:password@host:port/database` (server 14 or newer)",
    )


class Settings(BaseSettings):
    """Everything that can be set."""

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT_PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True
    )

    home: Annotated[Path, AfterValidator(_absolute)] = Field(
        Path("~/.local/share/hilum"),
        validate_default=True,
        description="the folder for spool, installed networks and embedded database",
    )
    database: Database = Field(default_factory=Database, description="a table")
    store: Store = Field(default_factory=Store, description="a table")
    node: Node = Field(default_factory=Node, description="a table")
    worker: Worker = Field(default_factory=Worker, description="a table")
    models: Models = Field(default_factory=Models, description="a table")
    upkeep: Upkeep = Field(default_factory=Upkeep, description="a table")
    retention: Retention = Field(default_factory=Retention, description="a table")
    report: Report = Field(default_factory=Report, description="a table")
    web: Web = Field(default_factory=Web, description="a table")
    oidc: Oidc = Field(default_factory=Oidc, description="a table")
    audit: Audit = Field(default_factory=Audit, description="a table")
    worklist: Worklist = Field(default_factory=Worklist, description="a table")
    final_reports: FinalReports = Field(default_factory=FinalReports, description="a table")
    alarm: Alarm = Field(default_factory=Alarm, description="a table")
    log: Log = Field(default_factory=Log, description="a table")
    metrics: Metrics = Field(default_factory=Metrics, description="a table")
    traces: Traces = Field(default_factory=Traces, description="a table")
    peers: tuple[Peer, ...] = Field((), description="any number of `[[peers]]` tables; a JSON list in the environment")
    priorities: tuple[PriorityOfStudies, ...] = Field(
        (), description="any number of `[[priorities]]` tables, in order; without one that applies a study is ROUTINE"
    )
    ris: tuple[Ris, ...] = Field(
        (), description="any number of `[[ris]]` tables: systems that are told results by HL7, along routes"
    )
    routes: tuple[RouteOfResults, ...] = Field(
        (), description="any number of `[[routes]]` tables, each for itself: a result goes along all that apply"
    )
    web_clients: tuple[WebClient, ...] = Field(
        (), description="any number of `[[web_clients]]` tables: programs that may talk to the web server"
    )

    @model_validator(mode="after")
    def _names_are_known(self) -> Settings:
        check_names(self.peers, self.ris, self.priorities, self.routes)
        check_room(self.retention, reserve_megabytes=self.node.reserve_megabytes, is_bucket=self.store.is_bucket)
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take the environment before credentials, these before the file, and nothing else."""
        del init_settings, dotenv_settings, file_secret_settings
        folder = _credentials_folder()
        secrets = {} if folder is None else credentials.values(folder, Settings)
        return env_settings, InitSettingsSource(settings_cls, secrets), TomlConfigSettingsSource(settings_cls)

    @property
    def senders(self) -> tuple[Peer, ...]:
        """The peers that may open associations to us."""
        return tuple(peer for peer in self.peers if peer.may_send)

    @property
    def receivers(self) -> tuple[Peer, ...]:
        """The peers that may get results, along one route or another."""
        names = {name for route in self.routes for name in (*route.peers, route.instead)}
        is_asked = any(route.to_sender for route in self.routes)
        return tuple(
            peer for peer in self.peers if peer.receives_results or peer.name in names or (is_asked and peer.may_send)
        )

    @property
    def ris_receivers(self) -> tuple[Ris, ...]:
        """The information systems that may be told results."""
        names = {name for route in self.routes for name in (*route.peers, route.instead)}
        return tuple(one for one in self.ris if one.name in names)

    @property
    def has_readers(self) -> bool:
        """Whether anybody may ask for the reading worklist; without it there is none."""
        by_web = self.web.port and any("worklist" in client.may for client in self.web_clients)
        return bool(by_web) or any(peer.reads_worklist for peer in self.peers)

    @property
    def told(self) -> tuple[str, ...]:
        """The names of all that may be told results."""
        return (*(peer.name for peer in self.receivers), *(one.name for one in self.ris_receivers))

    @property
    def spool(self) -> Path:
        """The folder of received films; of those on their way, where the store is a bucket."""
        url = urlsplit(self.store.url)
        return Path(unquote(url.path)) if url.scheme == "file" else self.home / "spool"

    @property
    def installed_networks(self) -> Path:
        """The folder of installed networks."""
        return self.home / "models"

    @property
    def embedded_data(self) -> Path:
        """The data directory of the embedded PostgreSQL server."""
        return self.home / "postgresql"


_SECRET_KEYS = {"webhook", "client_secret", "token_sha256"}
_NO_SECRETS = {"store.url", "store.endpoint", "store.region", "store.timeout_seconds"}
_TABLES_OF_LISTS: dict[str, type[Section]] = {
    "peers": Peer,
    "priorities": PriorityOfStudies,
    "ris": Ris,
    "routes": RouteOfResults,
    "web_clients": WebClient,
}


def load(config: Path | None = None) -> tuple[Settings, Path | None]:
    """Read the settings and say which file they came from.

    Args:
        config: the file to read; without one `./hilum.toml`, then `/etc/hilum/hilum.toml`, else the defaults.

    Raises:
        Misconfigured: the file is missing or no TOML, or a key or value is not allowed; the text names each of them.
    """
    path = _find(config)
    _refuse_unknown_variables()
    source = type("FileSettings", (Settings,), {"model_config": {**Settings.model_config, "toml_file": path}})
    try:
        settings = source()
    except ValidationError as error:
        raise Misconfigured("\n".join(_explain(detail) for detail in error.errors())) from None
    except SettingsError as error:
        raise Misconfigured(f"environment: {error}; lists and tables are written as JSON") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{path}: this is not TOML: {error}") from None
    except OSError as error:
        raise Misconfigured(f"{path}: can't be read: {error.strerror}") from None
    assert isinstance(settings, Settings)  # noqa: S101 - tells mypy what the class above makes
    return settings, path


def reference() -> Iterator[tuple[str, str, str]]:
    """Yield key, default and meaning of every setting, in the order of the file."""
    for name, field in Settings.model_fields.items():
        section = field.annotation
        section = _TABLES_OF_LISTS.get(name, section)
        if isinstance(section, type) and issubclass(section, Section):
            yield from _section_reference(name, section)
        else:
            yield name, str(field.default), field.description or ""


def _section_reference(name: str, section: type[Section]) -> Iterator[tuple[str, str, str]]:
    for key, field in section.model_fields.items():
        default = "required" if field.is_required() else str(field.default)
        yield f"{name}.{key}", default, field.description or ""


def notification() -> tuple[str, float]:
    """Return where a service manager is told how we are, empty for nowhere, and the seconds of its watchdog, 0: none.

    Only once: no process that this one starts is to speak for it.
    """
    address, microseconds, pid = (
        os.environ.pop(name, "") for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")
    )
    is_watched = microseconds.isdigit() and pid in {"", str(os.getpid())}
    return address, int(microseconds) / 1e6 if address and is_watched else 0.0


def visible_gpus() -> str | None:
    """Return which GPUs this process was given, as NVIDIA's driver and TensorFlow understand it; None: all."""
    return os.environ.get("CUDA_VISIBLE_DEVICES")


def writes_to_journal() -> bool:
    """Whether our standard error is a stream of systemd's journal, and not one that somebody put in its place."""
    try:
        own = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{own.st_dev}:{own.st_ino}"


def environment_without_settings() -> dict[str, str]:
    """Return the environment without our settings, which may hold passwords: for processes that need none of them."""
    ours = (ENVIRONMENT_PREFIX, "CREDENTIALS_DIRECTORY")
    return {name: value for name, value in os.environ.items() if not name.upper().startswith(ours)}


def without_password(url: str) -> str:
    """Return a database address with its passwords, before the host or among its parameters, replaced by `***`."""
    return re.sub(r"([?&]\w*password=)[^&]*", r"\1***", re.sub(r"(://[^:/@]*):.*@", r"\1:***@", url))


def _credentials_folder() -> Path | None:
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    return Path(folder) if folder else None


def _find(config: Path | None) -> Path | None:
    if config is not None:
        if not config.is_file():
            raise Misconfigured(f"{config}: there is no such settings file")
        return config.absolute()
    return next((path.absolute() for path in SEARCHED_FILES if path.is_file()), None)


def _refuse_unknown_variables() -> None:
    allowed = [f"{ENVIRONMENT_PREFIX}{name}".upper() for name in Settings.model_fields]
    for variable in os.environ:
        name = variable.upper()
        if name.startswith(ENVIRONMENT_PREFIX) and name.split("__")[0] not in allowed:
            raise Misconfigured(
                f"environment: unknown variable {variable}; allowed: {', '.join(allowed)} (`__` for a table's keys)"
            )


def _explain(detail: ErrorDetails) -> str:
    location = detail["loc"]
    key = ".".join(str(part) for part in location) or "settings"
    if detail["type"] == "extra_forbidden":
        allowed = ", ".join(_keys_beside(location))
        return f"{key}: unknown key (value {_shown(key, detail['input'])}); allowed here: {allowed}"
    if detail["type"] == "missing":
        return f"{key}: missing; it must be {_allowed(location)}"
    if not location or (isinstance(detail["input"], dict) and "ctx" in detail):  # values that do not go together
        return f"{key}: {detail['ctx']['error']}" if location else str(detail["ctx"]["error"])
    return f"{key}: {_shown(key, detail['input'])} is not allowed; it must be {_allowed(location)}"


def _shown(key: str, value: Any) -> str:  # noqa: ANN401 - whatever the file held
    if key.rpartition(".")[2] in _SECRET_KEYS or _is_of_a_credential(key):
        return "***"
    if key.startswith("store.") and key not in _NO_SECRETS:  # a mistyped key may hold the secret
        return "***"
    if key.startswith("store.") and "@" in str(value):  # keys where they do not belong
        return "***"
    return repr(without_password(value)) if key == "database.url" and isinstance(value, str) else repr(value)


def _is_of_a_credential(key: str) -> bool:
    folder = _credentials_folder()
    return folder is not None and any(f"{key}.".startswith(f"{given}.") for given in credentials.keys(folder))


def _section_of(location: tuple[int | str, ...]) -> type[BaseModel]:
    if len(location) < 2:  # noqa: PLR2004 - a key of the file's top level
        return Settings
    if location[0] in _TABLES_OF_LISTS:
        return _TABLES_OF_LISTS[str(location[0])]
    annotation = Settings.model_fields[str(location[0])].annotation
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else Settings


def _keys_beside(location: tuple[int | str, ...]) -> list[str]:
    return list(_section_of(location).model_fields)


def _allowed(location: tuple[int | str, ...]) -> str:
    key = next((part for part in reversed(location) if isinstance(part, str)), "")
    field = _section_of(location).model_fields.get(key)
    return (field.description if field is not None else None) or "of another type"
