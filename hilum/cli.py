"""The command line. Each command loads only the rooms that it needs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from domain.duties import DutyName
from domain.ids import AeTitle
from hilum import __version__
from hilum.agreement import agreement
from hilum.backup_cli import backup, restore
from hilum.database_cli import db
from hilum.deidentify import deidentify
from hilum.doctor.command import doctor
from hilum.evaluate import evaluate
from hilum.final_reports import final_reports
from hilum.forget import forget
from hilum.install import install
from hilum.jobs import jobs
from hilum.keep import keep
from hilum.knowledge import knowledge
from hilum.models_cli import models
from hilum.papers_cli import conformance, papers
from hilum.peers import peers
from hilum.train import train
from hilum.train_lungs import train_lungs
from hilum.users import audit, users
from hilum.web_cli import token, web

if TYPE_CHECKING:
    from hilum.settings import Settings


class Loaded:
    """The settings of this call, read when a command asks for them."""

    def __init__(self, config: Path | None) -> None:
        self._config = config

    def settings(self) -> Settings:
        """Return the settings."""
        return self.with_source()[0]

    def with_source(self) -> tuple[Settings, Path | None]:
        """Return the settings and the file they came from."""
        from hilum import settings

        return settings.load(self._config)


def _ae_title(_: click.Context, __: click.Parameter, text: str) -> AeTitle:
    try:
        return AeTitle(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


supervised_option = click.option("--supervised", is_flag=True, hidden=True, help="End when the parent process ends.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="hilum")
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Settings file (TOML). Without it ./hilum.toml, then /etc/hilum/hilum.toml, else the defaults.",
)
@click.pass_context
def hilum(context: click.Context, config: Path | None) -> None:
    """Hilum takes chest X-rays from the PACS and gives a structured report back.

    Results are decision support, not a diagnosis.

    `hilum up` runs everything. Every setting can also be given in the environment, e.g. HILUM_NODE__PORT=104.
    """
    context.obj = Loaded(config)


@hilum.command()
@click.pass_obj
def up(loaded: Loaded) -> None:
    """Run everything: database, node, worker and scheduler, until Ctrl-C.

    And the web server, unless `web.port` is 0, and what takes final reports where `final_reports.port` is set. Applies
    missing migrations first; restarts what dies.
    """
    from hilum import supervise

    settings, source = loaded.with_source()
    sys.exit(supervise.run(settings, source))


@hilum.command()
@supervised_option
@click.pass_obj
def node(loaded: Loaded, *, supervised: bool) -> None:
    """Run the DICOM node, which receives films (C-ECHO, C-STORE of CR and DX)."""
    from hilum import node_processes

    node_processes.run(loaded.settings(), supervised=supervised)


@hilum.command()
@supervised_option
@click.pass_obj
def worker(loaded: Loaded, *, supervised: bool) -> None:
    """Run a worker, which classifies complete studies and delivers reports."""
    from hilum import roles

    roles.run_worker(loaded.settings(), supervised=supervised)


@hilum.command()
@supervised_option
@click.pass_obj
def scheduler(loaded: Loaded, *, supervised: bool) -> None:
    """Run a scheduler, which does the upkeep of the whole installation.

    Several may run, on several machines: one is active, the others stand by and take over within a few seconds.
    """
    from hilum import roles

    roles.run_scheduler(loaded.settings(), supervised=supervised)


@hilum.command()
@click.argument("name", required=False, metavar="NAME", type=click.Choice([name.value for name in DutyName]))
@click.option("--list", "as_list", is_flag=True, help="Show every duty: how often, when last, what came of it.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def upkeep(loaded: Loaded, name: str | None, *, as_list: bool, as_json: bool) -> None:
    """Do one duty of the scheduler's now, by hand, and say what was done.

    It does no harm while a scheduler runs, or does the same duty just then.

    Exit status 1 if it failed; with --list, if a duty failed last time, is overdue or never ran.
    """
    from hilum import upkeep as command

    if as_list == (name is not None):
        raise click.UsageError("name a duty, or say --list")
    if name is None:
        sys.exit(command.show(loaded.settings(), as_json=as_json))
    sys.exit(command.run(loaded.settings(), DutyName(name), as_json=as_json))


@hilum.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def status(loaded: Loaded, *, as_json: bool) -> None:
    """Show studies, queues, results, and what is held or failing and why.

    Exit status 1 when a job is held, but for those of a shadow.
    """
    from hilum import status as view

    sys.exit(view.show(loaded.settings(), as_json=as_json))


@hilum.command()
@click.argument("study", metavar="STUDY")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object; null for a study that never came.")
@click.pass_obj
def ledger(loaded: Loaded, study: str, *, as_json: bool) -> None:
    """Show what happened to STUDY, a Study Instance UID: each step with its time and who took it.

    From the reception of its films to the proof that each peer has the results, and keeps them where it is asked
    (`commits_results`). The same lines are in the view `ledger` of the database.

    Exit status 1 when no film of the study ever came.
    """
    from hilum import ledger as view

    sys.exit(view.show(loaded.settings(), study, as_json=as_json))


@hilum.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list.")
@click.pass_obj
def gaps(loaded: Loaded, *, as_json: bool) -> None:
    """Show studies that an archive has and of which films or a result are not here.

    As the last daily comparison found it, of peers with `reconciled`; `hilum upkeep archive-check` compares now.

    Exit status 1 when there is one that nobody works on.
    """
    from hilum import archive_check

    sys.exit(archive_check.show(loaded.settings(), as_json=as_json))


@hilum.command()
@click.argument("peer")
@click.pass_obj
def echo(loaded: Loaded, peer: str) -> None:
    """Send a C-ECHO to PEER, a name from the settings."""
    from hilum import bootstrap

    click.echo(bootstrap.echo(loaded.settings(), peer))


@hilum.group()
def config() -> None:
    """Look at the settings."""


@config.command("show")
@click.pass_obj
def config_show(loaded: Loaded) -> None:
    """Print the settings in force as TOML, with a password in the database's address hidden."""
    from hilum import config_file

    settings, source = loaded.with_source()
    click.echo(config_file.as_toml(settings, source), nl=False)


@hilum.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line instead of a table.")
@click.option(
    "--explain",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write to DIR, for each classified film, where the network found its evidence: a picture and its numbers.",
)
@click.pass_obj
def classify(loaded: Loaded, paths: tuple[Path, ...], *, as_json: bool, explain: Path | None) -> None:
    """Classify films: files or folders of DICOM, JPEG or PNG. Nothing is stored.

    A JPEG or PNG is taken for a frontal chest film; of a DICOM file the header must say so.
    Exit status 1 if a file could not be read; the others are done all the same.

    With --json each line has: file, eligible, reason (null if eligible), label (the most probable class),
    undetermined (true where the model does not stand by its label), probabilities, model, model_version.

    With --explain DIR each classified film gets NAME-LABEL.png, the film with the evidence for its label in colour and
    a legend below it, and NAME-LABEL.npy, the same as float32 values from 0 to 1 at the film's geometry. Files that
    exist are never overwritten: a name that is taken gets a number. DIR itself is not searched for films. A line of
    --json then has explanation (null if not classified): overlay, map, evidence_outside_lungs and area_outside_lungs,
    the shares, 0 to 1, of the evidence and of what the network was shown that lie outside the lungs.
    """
    from hilum import classify as command

    sys.exit(command.run(loaded.settings(), paths, as_json=as_json, explain=explain))


@hilum.command("import")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--source",
    default="IMPORT",
    show_default=True,
    metavar="AE",
    callback=_ae_title,
    help="AE title to record as the sender.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
@click.pass_obj
def import_films(loaded: Loaded, paths: tuple[Path, ...], *, source: AeTitle, as_json: bool) -> None:
    """Take films from PATHS, as if they had been received by C-STORE.

    A path is a file, a folder, a zip archive or a DICOMDIR. In folders, archives are those called *.zip. What is no CR
    or DX film is passed over and counted. A film that is here already changes nothing, so that it is safe to import
    again. What was taken survives a power cut; its studies are classified by the worker.

    Exit status 1 if something could not be read or taken; it is named. 130 after Ctrl-C: what was taken is taken.

    With --json: counts by outcome, failed (a list of file and reason), ended_early (why the rest was not looked at, or
    null), interrupted.
    """
    from hilum import importing

    sys.exit(importing.run(loaded.settings(), list(paths), source=source, as_json=as_json))


@hilum.command()
@click.argument("peer")
@click.option("--date", help="Study date: 20261125, 20261101-20261125, 20261101-, -20261125, or today.")
@click.option("--study", "studies", multiple=True, metavar="UID", help="Study Instance UID; may be given again.")
@click.option("--patient", metavar="ID", help="Patient ID.")
@click.option("--accession", metavar="NO", help="Accession number.")
@click.option("--modality", "modalities", default="CR,DX", show_default=True, help="Modalities of the series.")
@click.option("--method", type=click.Choice(["auto", "get", "move"]), default="auto", show_default=True)
@click.option(
    "--timeout",
    "patience_s",
    type=click.FloatRange(1, 86400),
    default=300,
    show_default=True,
    metavar="SECONDS",
    help="The longest silence of the peer.",
)
@click.option("--dry-run", is_flag=True, help="Only list what the peer has, and what of it is missing here.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def fetch(  # noqa: PLR0913 - one for each option
    loaded: Loaded,
    peer: str,
    *,
    date: str | None,
    studies: tuple[str, ...],
    patient: str | None,
    accession: str | None,
    modalities: str,
    method: str,
    patience_s: float,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Fetch films from PEER, a PACS of the settings, that are not here yet.

    Say which studies: by date, study, patient, accession number, or several of these. The films come by C-GET where the
    peer offers it, else by C-MOVE to our node, which must run. They are as if they had been received.

    Exit status 1 if a film could not be fetched; fetch again to go on. 130 after Ctrl-C: what was taken is taken.

    With --json: method, studies (a list of study, date, films and missing), missing, fetched, left, problems,
    interrupted.
    """
    from dicom_node.archive import Method
    from hilum import fetch as command

    try:
        asked = command.query(date=date, studies=studies, patient=patient, accession=accession, modalities=modalities)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    how = command.How(method=None if method == "auto" else Method(method), patience_s=patience_s, is_dry=dry_run)
    sys.exit(command.run(loaded.settings(), peer, asked, how, as_json=as_json))


@hilum.command()
@click.option("--home", type=click.Path(path_type=Path, file_okay=False), default=Path("var/demo"), show_default=True)
def demo(home: Path) -> None:
    """Show the main job on bundled films: C-STORE in, structured report back, in a throw-away installation."""
    from hilum.demo import run

    sys.exit(run.run(home))


hilum.add_command(doctor)
hilum.add_command(db)
hilum.add_command(backup)
hilum.add_command(restore)
hilum.add_command(train)
hilum.add_command(train_lungs)
hilum.add_command(evaluate)
hilum.add_command(models)
hilum.add_command(deidentify)
hilum.add_command(forget)
hilum.add_command(jobs)
hilum.add_command(keep)
hilum.add_command(peers)
hilum.add_command(conformance)
hilum.add_command(papers)
hilum.add_command(knowledge)
hilum.add_command(web)
hilum.add_command(token)
hilum.add_command(final_reports)
hilum.add_command(agreement)
hilum.add_command(users)
hilum.add_command(audit)
hilum.add_command(install)
