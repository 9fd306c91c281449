"""`hilum agreement`: what radiologists reported beside what the network said, for each scanner and week."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from domain.agreement import Grouping
from hilum import bootstrap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from domain.agreement import GroupAgreement, Share, TargetAgreement
    from hilum.cli import Loaded
    from hilum.settings import Settings

_WEEKS = 12
_COUNTS = (
    "true_positive",
    "false_positive",
    "false_negative",
    "true_negative",
    "not_said_positive",
    "not_said_other",
    "reader_undetermined",
    "present_without_answer",
    "absent_without_answer",
)
_SHARES = ("sensitivity", "ppv", "agreement")
_DATE = click.DateTime(["%Y-%m-%d", "%Y%m%d"])


@click.command()
@click.option(
    "--from",
    "first",
    type=_DATE,
    metavar="DATE",
    help=f"First day of the reports, as 2026-11-25; without it {_WEEKS} weeks before --to.",
)
@click.option("--to", "last", type=_DATE, metavar="DATE", help="Last day of the reports; without it today.")
@click.option(
    "--by",
    "grouping",
    type=click.Choice([grouping.value for grouping in Grouping]),
    default=Grouping.BOTH.value,
    show_default=True,
    help="What is put together.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def agreement(loaded: Loaded, *, first: datetime | None, last: datetime | None, grouping: str, as_json: bool) -> None:
    """Show how often final reports and the network agree, for each scanner and week, each disease on its own.

    A scanner is the calling AE title and the Station Name of the study's first film, a week the ISO week of the report.
    Days and weeks are those of UTC. The network's answer is the last result that was there when the report came.

    Sensitivity: of what readers saw, what the network named. PPV: of what the network named and readers spoke of, what
    they saw. Agreement: both said the same. Each with its counts and its 95 % interval (Wilson). Studies without an
    answer of the network, and reports that do not speak of a disease, are counted beside, not within: not said is not
    absent. Readers who saw the result before they reported agree more than they would.

    With --json: from, to, by, groups (the last one is of all), each with scanner, station and week (null: of all),
    studies, undetermined, not_processed, no_result, and targets: by disease the counts and each share with value,
    count, of and wilson_95; unmatched (reports whose study is unknown here, or ambiguous).
    """
    end = (last or datetime.now(UTC)).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=UTC) + timedelta(days=1)
    start = first.replace(tzinfo=UTC) if first is not None else end - timedelta(weeks=_WEEKS)
    if start >= end:
        raise click.UsageError("--from lies after --to")
    show(loaded.settings(), start, end, Grouping(grouping), as_json=as_json)


def show(settings: Settings, first: datetime, end: datetime, grouping: Grouping, *, as_json: bool) -> None:
    """Print the agreement of the reports from `first` to before `end`.

    Raises:
        Misconfigured: the database has another schema.
        Transient: the database can't be reached.
    """
    from domain.agreement import agreement as reckon

    with bootstrap.database(settings, role="agreement") as engine:
        from db.assessments import comparisons, unmatched
        from db.engine import check_schema

        check_schema(engine)
        groups = reckon(comparisons(engine, first, end), grouping)
        without = unmatched(engine, first, end)
    if as_json:
        found = {
            "from": f"{first:%Y-%m-%d}",
            "to": f"{end - timedelta(days=1):%Y-%m-%d}",
            "by": grouping.value,
            "groups": [_as_dict(group) for group in groups],
            "unmatched": without,
        }
        click.echo(json.dumps(found))
        return
    click.echo("\n".join(_lines(groups, without)))


def _as_dict(group: GroupAgreement) -> dict[str, Any]:
    return {
        "scanner": None if group.scanner is None else group.scanner.ae_title,
        "station": None if group.scanner is None else group.scanner.station,
        "week": group.week,
        "studies": group.studies,
        "undetermined": group.undetermined,
        "not_processed": group.not_processed,
        "no_result": group.no_result,
        "targets": {str(target): _target_as_dict(found) for target, found in group.targets.items()},
    }


def _target_as_dict(found: TargetAgreement) -> dict[str, Any]:
    shares: dict[str, Share] = {name: getattr(found, name) for name in _SHARES}
    return {
        **{name: getattr(found, name) for name in _COUNTS},
        **{
            name: {"value": share.value, "count": share.count, "of": share.of, "wilson_95": share.wilson_95}
            for name, share in shares.items()
        },
    }


def _lines(groups: tuple[GroupAgreement, ...], without: dict[str, int]) -> Iterator[str]:
    if not groups[-1].studies:
        yield "No final report of a study that is here came in these days."
    for group in groups if groups[-1].studies else ():
        yield f"{_title(group)}: {group.studies} studies with a report{_silences(group)}"
        for target, found in group.targets.items():
            yield f"  {target:<10} " + "  ".join(f"{name} {_share(getattr(found, name))}" for name in _SHARES)
            yield f"  {'':<10} {_counts(found)}"
    if any(without.values()):
        yield "Reports without a study: {unknown} unknown here, {ambiguous} ambiguous".format(**without)


def _title(group: GroupAgreement) -> str:
    if group.scanner is None and group.week is None:
        return "All"
    name = "" if group.scanner is None else " ".join(filter(None, (group.scanner.ae_title, group.scanner.station)))
    return " ".join(filter(None, (name, group.week)))


def _silences(group: GroupAgreement) -> str:
    told = (
        (group.undetermined, "undetermined by the network"),
        (group.not_processed, "not processed"),
        (group.no_result, "without a result in time"),
    )
    return "".join(f", {count} {what}" for count, what in told if count)


def _share(share: Share) -> str:
    if share.value is None or share.wilson_95 is None:
        return "- (0/0)"
    low, high = share.wilson_95
    return f"{share.value:.2f} ({share.count}/{share.of}; {low:.2f} to {high:.2f})"


def _counts(found: TargetAgreement) -> str:
    return (
        f"both {found.true_positive}, network only {found.false_positive}, reader only {found.false_negative}, "
        f"neither {found.true_negative}; reader undetermined {found.reader_undetermined}; not said "
        f"{found.not_said_positive + found.not_said_other}, of these named by the network {found.not_said_positive}; "
        f"no answer of the network to {found.present_without_answer} present, {found.absent_without_answer} absent"
    )
