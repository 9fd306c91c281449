"""`hilum models compare`: what the shadow says beside what the active network says, source by source."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from hilum import bootstrap
from hilum.since import since_option

if TYPE_CHECKING:
    from collections.abc import Iterator

    from domain.agreement import Share
    from domain.pairs import PairedNetworks, SourcePairs, TargetPair
    from domain.quality import Drift
    from hilum.cli import Loaded
    from hilum.settings import Settings

_NONE = "No shadow has looked at a study whose result is of these days."
_SHARES = ("sensitivity", "specificity", "ppv")


@click.command()
@since_option("Results that are not older, as 30d or 12h.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def compare(loaded: Loaded, *, since: timedelta, as_json: bool) -> None:
    """Show what the shadow says beside what the active network says, for each source and for all.

    A source is the calling AE title and the Station Name of the study's first film. Of a study with several results the
    last one counts; only results of the two networks of the last one are looked at.

    Agreement: both name the same class, or name none for the same cause; with its 95 % interval (Wilson), and Cohen's
    kappa, which is 0 where they agree as by chance. Difference: the shadow's probability less the active network's.
    Drift: how far each network's scores of the last seven days are from those before, as on the page of quality
    (population stability index).

    Where studies have a report, for each disease: sensitivity, specificity and PPV of both, and how likely such a
    difference is by chance (McNemar's exact test). To name no class is not to name the disease.

    With --json: networks (null: no shadow), sources (the last one is of all).
    """
    end = datetime.now(UTC)
    show(loaded.settings(), end - since, end, as_json=as_json)


def show(settings: Settings, first: datetime, end: datetime, *, as_json: bool) -> None:
    """Print the comparison of results from `first` to before `end`.

    Raises:
        Misconfigured: the database has another schema.
        Transient: the database can't be reached.
    """
    from domain.pairs import compared

    with bootstrap.database(settings, role="compare") as engine:
        from db.engine import check_schema
        from db.trials import pairs

        check_schema(engine)
        found = pairs(engine, first, end)
    sources = () if found is None else compared(found[1])
    if as_json:
        networks = None if found is None else asdict(found[0])
        click.echo(json.dumps({"networks": networks, "sources": [_as_dict(source) for source in sources]}))
    else:
        click.echo(_NONE if found is None else "\n".join(_lines(found[0], sources)))


def share_as_dict(share: Share) -> dict[str, Any]:
    """Return a share for programs."""
    return {"value": share.value, "count": share.count, "of": share.of, "wilson_95": share.wilson_95}


def share_in_words(share: Share) -> str:
    """Return a share with its counts and interval."""
    if share.value is None or share.wilson_95 is None:
        return "- (0/0)"
    low, high = share.wilson_95
    return f"{share.value:.2f} ({share.count}/{share.of}; {low:.2f} to {high:.2f})"


def _as_dict(source: SourcePairs) -> dict[str, Any]:
    return {
        "scanner": None if source.scanner is None else source.scanner.ae_title,
        "station": None if source.scanner is None else source.scanner.station,
        "studies": source.studies,
        "skipped": source.skipped,
        "agreement": share_as_dict(source.agreement),
        "kappa": source.kappa,
        "differences": {str(label): asdict(found) for label, found in source.differences.items()},
        "drift": {"active": _drift_as_dict(source.active_drift), "shadow": _drift_as_dict(source.shadow_drift)},
        "targets": {str(target): _target_as_dict(found) for target, found in source.targets.items()},
    }


def _drift_as_dict(drift: Drift | None) -> dict[str, Any] | None:
    if drift is None:
        return None
    return {
        "last": drift.last,
        "before": drift.before,
        "indexes": {str(label): index for label, index in drift.indexes.items()},
        "by_chance": drift.by_chance,
        "reading": drift.reading.value,
    }


def _target_as_dict(found: TargetPair) -> dict[str, Any]:
    return {
        "active": {name: share_as_dict(getattr(found.active, name)) for name in _SHARES},
        "shadow": {name: share_as_dict(getattr(found.shadow, name)) for name in _SHARES},
        "only_active": found.only_active,
        "only_shadow": found.only_shadow,
        "p_sensitivity": found.p_sensitivity,
        "p_specificity": found.p_specificity,
    }


def _lines(networks: PairedNetworks, sources: tuple[SourcePairs, ...]) -> Iterator[str]:
    yield f"Active {networks.active}, SHA-256 {networks.active_sha256[:12]}…"
    yield f"Shadow {networks.shadow}, SHA-256 {networks.shadow_sha256[:12]}…"
    if networks.others:
        yield f"{networks.others} results of other networks are left out"
    for source in sources:
        skipped = f", {source.skipped} skipped" if source.skipped else ""
        yield f"{source.title}: {source.studies} studies{skipped}"
        chance = "-" if source.kappa is None else f"{source.kappa:.2f}"
        yield f"  agreement {share_in_words(source.agreement)}, kappa {chance}"
        for label, difference in source.differences.items():
            if difference.mean is not None:
                spread = "-" if difference.sd is None else f"{difference.sd:.3f}"
                yield f"  {label:<10} difference {difference.mean:+.3f}, SD {spread}"
        for name, drift in (("active", source.active_drift), ("shadow", source.shadow_drift)):
            if drift is not None:
                worst = "" if drift.worst is None else f" (index {drift.worst:.2f})"
                yield f"  drift of the {name}: {drift.reading}{worst}"
        for target, found in source.reported.items():
            yield from _target_lines(target, found)


def _target_lines(target: str, found: TargetPair) -> Iterator[str]:
    for name, accuracy in (("active", found.active), ("shadow", found.shadow)):
        shares = "  ".join(f"{share} {share_in_words(getattr(accuracy, share))}" for share in _SHARES)
        yield f"  {target:<10} {name} {shares}"
    yield f"  {'':<10} by chance: sensitivity p {found.p_sensitivity:.3f}, specificity p {found.p_specificity:.3f}"
