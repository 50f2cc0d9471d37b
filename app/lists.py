"""The commands that take lists in and give them away: `mamonaku import` and `mamonaku export`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import click

from app.apart import MOST_TRIES, Changed, Take, carried_over, tried, worked_out
from app.i18n import LOCALES
from app.operations.export import export_customers, export_visits
from app.operations.intake import Imported, Known, Progress, import_customers, import_visits
from app.parts import Parts
from app.shell import joined


@click.group("import")
def import_() -> None:
    """Take rows in from CSV files (UTF-8 or Shift_JIS): every row, or none; a row that is known is no harm."""


def _import(file: Path, dry_run: bool, taking: Callable[[Parts, bytes, Progress], Take]) -> None:
    with joined() as parts, click.progressbar(length=1, label="rows", file=sys.stderr) as bar:

        def tell(done: int, of: int) -> None:
            bar.length = max(of, 1)
            bar.update(done - bar.pos)

        done = _done(parts, dry_run, taking(parts, file.read_bytes(), tell))
    for number in done.new_rows if dry_run else ():
        click.echo(f"row {number}: new")
    click.echo(f"{done.added} {'would be added' if dry_run else 'added'}, {done.known} known already")


def _done(parts: Parts, dry_run: bool, take: Take) -> Imported:
    """Try a list, or take it in without keeping everybody waiting."""
    if dry_run:
        return tried(parts.db, take)
    for _ in range(MOST_TRIES):
        now = parts.clock.now()
        staged = worked_out(parts.db, take, now, parts.settings.zone)
        try:
            with parts.db.write() as session:
                return carried_over(session, staged, take, now, parts.settings.zone)
        except Changed:
            continue
    with parts.db.write() as session:
        return take(session, None)


_csv = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
_dry = click.option("--dry-run", is_flag=True, help="Only say what would happen, row by row; nothing is kept.")


@import_.command("customers")
@_csv
@_dry
def import_customers_file(file: Path, dry_run: bool) -> None:
    """Add customers and their sites: one row a site, columns name, address and optionally kind, phone, e-mail …"""
    _import(
        file,
        dry_run,
        lambda parts, rows, tell: (
            lambda session, only: import_customers(
                session, rows, now=parts.clock.now(), country=parts.settings.country, progress=tell, only=only
            )
        ),
    )


def _visits(parts: Parts, rows: bytes, tell: Progress) -> Take:
    now, zone, known = parts.clock.now(), parts.settings.zone, Known()
    return lambda session, only: import_visits(
        session, rows, now=now, zone=zone, actor="system", progress=tell, only=only, known=known
    )


@import_.command("visits")
@_csv
@_dry
def import_visits_file(file: Path, dry_run: bool) -> None:
    """Book visits: columns customer, service, promised_from and optionally promised_until, technician …"""
    _import(
        file,
        dry_run,
        _visits,
    )


@click.group()
def export() -> None:
    """Write lists as CSV that spreadsheets read, and that `import` takes in again."""


_out = click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
_language = click.option("--language", type=click.Choice(LOCALES), default="ja", show_default=True, help="Of the head.")
_day = click.DateTime(formats=["%Y-%m-%d"])


@export.command("customers")
@_out
@_language
def export_customers_file(file: Path, language: str) -> None:
    """Write every customer, one row a site."""
    with joined() as parts, parts.db.read() as session:
        file.write_text(export_customers(session, language), encoding="utf-8", newline="")


@export.command("visits")
@_out
@_language
@click.option("--from", "from_on", type=_day, required=True, help="First day of promises.")
@click.option("--until", "until_on", type=_day, required=True, help="Last day of promises.")
def export_visits_file(file: Path, language: str, from_on: datetime, until_on: datetime) -> None:
    """Write the visits that were promised on some days."""
    with joined() as parts, parts.db.read() as session:
        rows = export_visits(
            session, language, from_on=from_on.date(), until_on=until_on.date(), zone=parts.settings.zone
        )
        file.write_text(rows, encoding="utf-8", newline="")
