"""Why was something done, or not done? The commands that ask: `explain visit`, `explain day`, `explain technician`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from pathlib import Path

import click
from sqlalchemy.orm import Session

from app.i18n import LOCALES, day_words, t
from app.rules.calendar import can_be_shown
from app.shell import OutFile, joined, write_whole


@dataclass(frozen=True, slots=True)
class _Asked:
    session: Session
    now: datetime
    zone: tzinfo
    locale: str


@contextmanager
def _asked(language: str | None) -> Iterator[_Asked]:
    with joined() as parts, parts.db.read() as session:
        yield _Asked(session, parts.clock.now(), parts.settings.zone, language or parts.settings.locale)


def _say(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)


_language = click.option("--language", type=click.Choice(LOCALES), help="Default: the company's.")
_html = click.option("--html", type=OutFile(), help="Write one page with pictures instead.")


@click.group()
def explain() -> None:
    """Say why something was, or was not, done."""


@explain.command("visit")
@click.argument("visit_id", metavar="ID", type=click.IntRange(1, 2**31 - 1))
@_html
@_language
def explain_visit(visit_id: int, html: Path | None, language: str | None) -> None:
    """Print everything that happened to visit ID, with the reason of each decision."""
    from app.explain.day import explain_page, page_title
    from app.explain.visit import explain as lines_of
    from app.operations.history import read_history

    with _asked(language) as asked:
        history = read_history(asked.session, visit_id, asked.now)
        if html:
            title = page_title(history, asked.zone, asked.locale)
            write_whole(html, explain_page([history], title, asked.zone, asked.locale))
        else:
            _say(lines_of(history, asked.locale, asked.zone))


@explain.command("day")
@click.argument("day", metavar="[DATE]", type=click.DateTime(["%Y-%m-%d"]), required=False)
@_html
@_language
def explain_a_day(day: datetime | None, html: Path | None, language: str | None) -> None:
    """Print what was decided for each visit of DATE (as 2026-11-24; default: today), and why."""
    from app.explain.day import explain_day, explain_page, histories_of_day

    if day and not can_be_shown(day.date()):
        raise click.BadParameter(f"{day.date()} is not a day that visits are on", param_hint="[DATE]")
    with _asked(language) as asked:
        on: date = day.date() if day else asked.now.astimezone(asked.zone).date()
        if html:
            title = t("explain.day_title", asked.locale, day=day_words(on, asked.locale))
            histories = histories_of_day(asked.session, on, asked.zone, asked.now)
            write_whole(html, explain_page(histories, title, asked.zone, asked.locale))
        else:
            _say(explain_day(asked.session, on, asked.zone, asked.now, asked.locale))


@explain.command("technician")
@click.argument("technician_id", metavar="ID", type=click.IntRange(1, 2**31 - 1))
@_language
def explain_a_technician(technician_id: int, language: str | None) -> None:
    """Print what technician ID is doing, since when and how that is known, and what was decided for each visit."""
    from app.explain.day import explain_technician

    with _asked(language) as asked:
        _say(explain_technician(asked.session, technician_id, asked.zone, asked.now, asked.locale))
