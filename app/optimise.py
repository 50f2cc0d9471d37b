"""How is a day planned anew in a shell? The command `optimise`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import TYPE_CHECKING
from unicodedata import east_asian_width

import click

from app.i18n import LOCALES, day_words, t, time_words, window_words
from app.rules.calendar import can_be_shown
from app.shell import joined

if TYPE_CHECKING:
    from app.operations.optimise import Proposal
    from app.parts import Parts

MOST_SECONDS = 600.0
_FIGURES = ("road_km", "road_min", "overtime_min", "kept", "broken", "unassigned")


class _Numbers(click.ParamType[frozenset[int]]):
    """Numbers with commas between them."""

    name = "NUMBERS"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> frozenset[int]:
        """Return the numbers. Raises BadParameter."""
        parts = [part.strip() for part in str(value).split(",")]
        if not all(part.isascii() and part.isdecimal() and 0 < int(part) < 2**31 for part in parts):
            self.fail(f"{value!r} is not a list of numbers, as 3,7,12", param, ctx)
        return frozenset(map(int, parts))


@click.command()
@click.argument("day", metavar="DATE", type=click.DateTime(["%Y-%m-%d"]))
@click.option("--technicians", type=_Numbers(), help="Only these technicians' visits, and those that nobody has.")
@click.option("--pin", type=_Numbers(), help="Visits that stay where they are.")
@click.option(
    "--seconds",
    default=10.0,
    show_default=True,
    type=click.FloatRange(1, MOST_SECONDS),
    help="What the solver may take; a larger day gains by more.",
)
@click.option("--apply", "booked", is_flag=True, help="Book what comes out, all of it or nothing.")
@click.option("--undo", is_flag=True, help="Bring back the plan from before the last --apply, while nothing changed.")
@click.option("--language", type=click.Choice(LOCALES), help="Default: the company's.")
def optimise(
    day: datetime,
    technicians: frozenset[int] | None,
    pin: frozenset[int] | None,
    seconds: float,
    booked: bool,
    undo: bool,
    language: str | None,
) -> None:
    """Plan the visits of DATE (as 2026-11-24) anew: who goes where, in which order.

    No promise is moved: everybody arrives within what the customer was told. Who is at work, on the way or about to set
    off stays. Nothing is changed without --apply.
    """
    if undo and (booked or technicians or pin):
        raise click.UsageError("--undo stands alone: it brings back the whole plan that was changed last")
    if not can_be_shown(day.date()):
        raise click.BadParameter(f"{day.date()} is not a day that visits are on", param_hint="DATE")
    with joined() as parts:
        locale, on = language or parts.settings.locale, day.date()
        if on < parts.clock.now().astimezone(parts.settings.zone).date():
            raise click.BadParameter(f"{on} is over: there is nothing to plan", param_hint="DATE")
        if undo:
            _undo(parts, on, locale)
            return
        proposal = _propose(parts, on, technicians or frozenset(), pin or frozenset(), seconds, locale)
        for line in _lines(proposal, locale):
            click.echo(line)
        if proposal.changes and booked:
            _book(parts, proposal, locale)
        elif proposal.changes:
            click.echo(t("optimise.how_to_apply", locale))


def _propose(
    parts: Parts, on: date, technicians: frozenset[int], pin: frozenset[int], seconds: float, locale: str
) -> Proposal:
    from app.errors import Conflict
    from app.operations.optimise import plan_day, read_day
    from app.providers.solver_vroom import SolverFailed, solve

    now, zone = parts.clock.now(), parts.settings.zone
    with parts.db.read() as session:
        day = read_day(session, on, now=now, zone=zone, only=technicians, pinned=pin)
    try:
        with _progress(t("optimise.planning", locale)) as progress:
            return plan_day(day, solve, seconds, progress, parts.router)
    except SolverFailed as failed:
        raise Conflict(f"solver_{failed.reason}") from failed


def _book(parts: Parts, proposal: Proposal, locale: str) -> None:
    from app.operations.notice import Telling
    from app.operations.optimise import book_proposal

    telling = Telling(parts.settings.base_url, parts.settings.zone, parts.channels)
    with parts.db.write() as session:
        n = book_proposal(session, proposal, now=parts.clock.now(), telling=telling, actor="system")
    click.echo(t("optimise.applied", locale, n=n))


def _undo(parts: Parts, on: date, locale: str) -> None:
    from app.operations.notice import Telling
    from app.operations.optimise import take_back

    zone = parts.settings.zone
    telling = Telling(parts.settings.base_url, zone, parts.channels)
    with parts.db.write() as session:
        n = take_back(session, on, now=parts.clock.now(), zone=zone, telling=telling, actor="system")
    click.echo(t("optimise.taken_back", locale, n=n))


def _lines(proposal: Proposal, locale: str) -> Iterator[str]:
    """Yield what a person decides by: the figures before and after, every change, and who is told."""
    day = proposal.day
    known, names, zone = day.visits, day.technicians, day.zone
    people = sum(bool(driver.shifts) for driver in day.problem.drivers)
    yield t("optimise.title", locale, day=day_words(day.on, locale), visits=len(known), technicians=people)
    if day.for_two:
        yield t("optimise.for_two", locale, n=len(day.for_two) // 2)
    if day.problem.roads.basis == "router_silent":
        yield t("optimise.router_silent", locale)
    rows = [("", t("optimise.now", locale), t("optimise.then", locale))]
    for figure in _FIGURES:
        before, after = (_figure(figure, getattr(one, figure)) for one in (proposal.before, proposal.after))
        rows.append((t(f"optimise.{figure}", locale), before, after))
    wide = [max(_width(row[n]) for row in rows) for n in range(3)]
    for label, now, then in rows:
        yield f"  {_padded(label, wide[0])}  {_padded(now, -wide[1])}  {_padded(then, -wide[2])}"
    if not proposal.changes:
        yield t("optimise.nothing", locale)
    for stop in proposal.changes:
        visit, had = known[stop.visit], known[stop.visit].seen[3]
        facts = {"time": time_words(stop.start_at, zone), "customer": visit.customer, "after": names[stop.technician]}
        if had == stop.technician:
            yield "  " + t("optimise.change_time", locale, **facts, was=time_words(visit.seen[4], zone))
        elif had is None:
            yield "  " + t("optimise.change_first", locale, **facts)
        else:
            yield "  " + t("optimise.change_technician", locale, **facts, before=names[had])
    given = {stop.visit for stop in proposal.changes}
    for work in day.problem.works:
        if work.technician is None and work.visit not in given:
            visit = known[work.visit]
            window = window_words(visit.promised_from_at, visit.promised_until_at, zone)
            yield t("optimise.left", locale, customer=visit.customer, window=window)
    if told := proposal.told():
        yield t("optimise.tells", locale, n=len(told))


def _figure(name: str, value: float) -> str:
    if name.endswith("_min"):
        return f"{round(value) // 60}:{round(value) % 60:02d}"
    return f"{value:.1f}" if name == "road_km" else f"{value:.0f}"


def _width(text: str) -> int:
    """Return how many columns a text takes in a terminal: a Japanese letter takes two."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def _padded(text: str, width: int) -> str:
    """Return a text filled up to a width, to the right side when that is negative."""
    space = " " * (abs(width) - _width(text))
    return space + text if width < 0 else text + space


@contextmanager
def _progress(label: str) -> Iterator[Callable[[float], None]]:
    """Show on standard error how far the planning is; nothing where that is no terminal."""
    with click.progressbar(length=1000, label=label, file=sys.stderr, show_eta=False) as bar:

        def show(share: float) -> None:
            bar.update(max(round(1000 * share) - bar.pos, 0))

        yield show
        bar.update(1000 - bar.pos)
