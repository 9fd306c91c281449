"""`hilum models`: which networks there are, which is at work, and how to change that."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hilum.compare import compare
from hilum.replay import replay

if TYPE_CHECKING:
    from hilum.cli import Loaded
    from models.package import Package
    from models.registry import Entry

_RESTART = "Workers take it up when they are started again."
_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def models() -> None:
    """Install, check and change networks.

    MODEL is a network's name and version, for example chest-efficientnet-lite0-0.3.0, or its name alone: then the
    newest version is meant. One network is active: it classifies the films. The one that comes with Hilum is active
    until another is activated.
    """


@models.command("list")
@_as_json
@click.pass_obj
def list_models(loaded: Loaded, *, as_json: bool) -> None:
    """List the networks on this machine; the active one has a star."""
    from hilum import bootstrap

    entries = bootstrap.registry(loaded.settings()).entries()
    if as_json:
        click.echo(json.dumps([_entry(entry) for entry in entries], indent=1))
        return
    for entry in entries:
        told = (("shipped", entry.shipped), ("was active before", entry.previous), ("shadow", entry.shadow))
        notes = [note for note, holds in told if holds]
        click.echo(f"{'*' if entry.active else ' '} {entry.title}{'  (' + ', '.join(notes) + ')' if notes else ''}")


@models.command()
@click.argument("model", required=False)
@_as_json
@click.pass_obj
def show(loaded: Loaded, model: str | None, *, as_json: bool) -> None:
    """Check MODEL and show what it is: input, training data, figures, files. Without MODEL, the active one."""
    package = _package(loaded, model)
    if as_json:
        click.echo(json.dumps({**_summary(package), "manifest": package.manifest}, indent=1, default=str))
        return
    lines = _flat(_summary(package))
    for table in ("metrics", "training"):
        lines += _flat(package.manifest.get(table, {}), f"{table}.")
    width = max(len(key) for key, _ in lines)
    for key, value in lines:
        click.echo(f"{key:{width}}  {', '.join(map(str, value)) if isinstance(value, list) else value}")


@models.command()
@click.argument("model", required=False)
@click.pass_obj
def verify(loaded: Loaded, model: str | None) -> None:
    """Check every file of MODEL against its SHA-256, and its results on this machine. Without MODEL, the active one.

    MODEL may also be a package's folder. The exit status is 0 only if all is well.
    """
    from hilum import bootstrap
    from models.golden import check_golden

    package = _package(loaded, model)
    difference = check_golden(package, bootstrap.ready(loaded.settings(), package))
    click.echo(f"{package.title}: {len(package.parts) + 1} files unchanged, SHA-256 {package.model.sha256}")
    click.echo(f"Its own films give its own results here; largest difference of a probability: {difference:.1e}")


@models.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.pass_obj
def install(loaded: Loaded, source: Path) -> None:
    """Install a network from SOURCE, a package's folder or zip file. It is checked, but not activated."""
    from hilum import bootstrap

    package = bootstrap.registry(loaded.settings()).install(source)
    click.echo(f"{package.title} is installed in {package.folder}")
    click.echo(f"To put it to work: hilum models activate {package.title}")


@models.command()
@click.argument("model", required=False)
@click.option("--previous", is_flag=True, help="Go back to the network that was active before.")
@click.option(
    "--without-replay",
    "reason",
    metavar="REASON",
    help="Why it need not have passed a replay; kept in the audit trail.",
)
@click.pass_obj
def activate(loaded: Loaded, model: str | None, *, previous: bool, reason: str | None) -> None:
    """Make MODEL the active network, or with --previous go back to the one before.

    The network is checked, and must give its own results for its own films on this machine; otherwise nothing changes.
    Workers that run go on with the network they have until they are started again.

    MODEL should have passed `hilum models replay`: the setting `models.gate` says whether that is required, or missed
    with a warning. Going back is never held up.
    """
    from hilum import bootstrap
    from hilum.gate import pass_gate
    from hilum.shadowing import changing_the_shadow
    from models.package import load_package

    if previous == (model is not None):
        raise click.UsageError("Give a MODEL or --previous.")
    if reason is not None and (previous or not reason.strip()):
        raise click.UsageError("--without-replay takes a reason, and goes with a MODEL.")
    settings = loaded.settings()
    if model is not None:
        pass_gate(settings, load_package(bootstrap.registry(settings).find(model)), reason=reason)
    registry, ready = bootstrap.registry(settings), partial(bootstrap.ready, settings)
    with changing_the_shadow(settings):  # one that is activated is no longer on trial
        package, difference = registry.activate_previous(ready) if model is None else registry.activate(model, ready)
    click.echo(f"{package.title} is active; it gives its own results here (largest difference {difference:.1e}).")
    click.echo(_RESTART)


@models.command()
@click.argument("model", required=False)
@click.option("--stop", is_flag=True, help="End the shadow; what it has said is kept.")
@click.pass_obj
def shadow(loaded: Loaded, model: str | None, *, stop: bool) -> None:
    """Make MODEL the shadow: workers have it look at live studies too, after the active network, and keep that aside.

    What it says gets into no report, message, list or flag; `hilum models compare` shows it. Workers take the shadow up
    and drop it within seconds; they need not be started again. There is one at a time.

    The network is checked, and must give its own results for its own films on this machine; otherwise nothing changes.
    """
    from hilum import bootstrap
    from hilum.shadowing import changing_the_shadow

    if stop == (model is not None):
        raise click.UsageError("Give a MODEL or --stop.")
    settings = loaded.settings()
    registry = bootstrap.registry(settings)
    with changing_the_shadow(settings):
        if model is not None:
            package = registry.appoint_shadow(model, partial(bootstrap.ready, settings, device="cpu"))
            click.echo(f"{package.title} is the shadow; workers take it up within seconds.")
        else:
            ended = registry.dismiss_shadow()
            click.echo("There is no shadow." if ended is None else f"{ended} is no longer the shadow.")


@models.command()
@click.argument("model")
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "kind",
    type=click.Choice(["zip", "onnx", "keras"]),
    default="zip",
    show_default=True,
    help="zip: the whole package, as `install` takes it; onnx, keras: a folder with the two networks.",
)
@click.pass_obj
def export(loaded: Loaded, model: str, path: Path, kind: str) -> None:
    """Write MODEL to PATH, which must not be there yet. The format keras needs TensorFlow: hilum[train]."""
    package = _package(loaded, model)
    _export(package, path, kind)
    click.echo(f"{package.title} is written to {path}")


models.add_command(compare)
models.add_command(replay)


def _export(package: Package, path: Path, kind: str) -> None:
    from models import parcel

    if kind == "zip":
        parcel.pack(package, path)
    elif kind == "onnx":
        parcel.copy_graphs(package, path)
    else:
        from hilum.training_packages import training_packages

        with training_packages():
            from models.networks.keras_networks import save_keras
        save_keras(package, path)


def _package(loaded: Loaded, model: str | None) -> Package:
    from hilum import bootstrap

    return bootstrap.package(loaded.settings(), model)


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        "model": entry.title,
        "folder": str(entry.folder),
        "shipped": entry.shipped,
        "active": entry.active,
        "previous": entry.previous,
        "shadow": entry.shadow,
    }


def _summary(package: Package) -> dict[str, Any]:
    return {
        "name": package.model.name,
        "version": package.model.version,
        "sha256": package.model.sha256,
        "architecture": package.architecture,
        "looks": list(package.looks),
        "size": package.size,
        "temperature": package.temperature,
        "undetermined_below": package.model.undetermined_below,
        "covid19_from": package.model.covid19_from,
        "folder": str(package.folder),
        "card": str(package.card),
    }


def _flat(table: dict[str, Any], above: str = "") -> list[tuple[str, Any]]:
    """Return the values of a table and of the tables in it, by their whole name."""
    found: list[tuple[str, Any]] = []
    for key, value in table.items():
        found += _flat(value, f"{above}{key}.") if isinstance(value, dict) else [(f"{above}{key}", value)]
    return found
