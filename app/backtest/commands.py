"""What can be asked about past days in a shell? The commands `replay` and `backtest`."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app import logs
from app.i18n import LOCALES, t
from app.shell import OutFile, joined, write_whole

if TYPE_CHECKING:
    from app.backtest.days import PlayDay
    from app.rules.backtest import Result
    from app.rules.policy import Policy
    from app.rules.terms import Term

_days = click.Path(exists=True, dir_okay=False, path_type=Path)
_date = click.DateTime(["%Y-%m-%d"])
_language = click.option(
    "--language", type=click.Choice(LOCALES), default="en", show_default=True, help="Of the report."
)


@click.command()
@click.argument("daylog", type=_days)
@click.option("--notices", type=OutFile(), help="Write each notice as a JSON line.")
@click.option("--report", type=OutFile(), help="Write the day as one HTML page.")
@_language
def replay(daylog: Path, notices: Path | None, report: Path | None, language: str) -> None:
    """Play a recorded DAYLOG through the product in simulated time, and say what customers would have been told."""
    from app.backtest.play import run_backtest
    from app.rules.policy import Policy

    lines: list[str] = []
    days = _logs([daylog])
    with _progress("replaying") as progress:
        result = run_backtest(
            days, 1, [Policy()], progress, lambda line: lines.append(json.dumps(line, ensure_ascii=False))
        )
    for refusal in result.refused:
        click.echo(f"left out: {refusal}", err=True)
    day = result.days[0]
    click.echo(f"{_counted(day.visits, 'visit')} of {_counted(day.technicians, 'technician')} replayed")
    if notices:
        write_whole(notices, "".join(f"{line}\n" for line in lines))
    if report:
        _write_report(report, result, daylog.stem, language)


@click.command()
@click.argument("daylogs", nargs=-1, type=_days, metavar="[DAYLOG]...")
@click.option("--from", "first", type=_date, help="First of your own days; default: the first that can be played.")
@click.option("--until", "last", type=_date, help="Last of your own days; default: yesterday.")
@click.option("--policy", "edits", multiple=True, metavar="KEY=VALUE", help="Try another value beside the present one.")
@click.option("--html", type=OutFile(), help="Write the result as one HTML page.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON instead of a table.")
@click.option(
    "--export",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write your own days as day logs into this folder instead, without names and addresses.",
)
@_language
def backtest(
    daylogs: Sequence[Path],
    first: datetime | None,
    last: datetime | None,
    edits: Sequence[str],
    html: Path | None,
    as_json: bool,
    export: Path | None,
    language: str,
) -> None:
    """Play past days again and mark what customers would have been told: your own days, or the DAYLOGs given.

    Days of your own go back as far as positions are kept (MAMONAKU_REPLAY_KEPT_DAYS). With --policy, each day is played
    under the policy in force (for DAYLOGs: the one the product comes with) and under the edited one.
    """
    from app.rules.policy import Policy

    logs.configure(logging.WARNING)
    wanted = _edits(edits)
    if daylogs:
        if first or last or export:
            raise click.UsageError("--from, --until and --export are for your own days: give them, or day logs")
        days = _logs(daylogs)
        result = _run(days, len(daylogs), Policy(), wanted)
        _tell(result, ", ".join(path.stem for path in daylogs), html, language, as_json=as_json)
        return
    with joined() as parts:
        from app.backtest.days import load_own_day, own_days
        from app.operations.backtest import first_playable_day
        from app.operations.policy import current_policy

        now, zone, kept_days = parts.clock.now(), parts.settings.zone, parts.settings.playable_days
        with parts.db.read() as session:
            oldest_on = first_playable_day(session, now, zone, timedelta(days=kept_days))
            policy = current_policy(session)
        first_on, last_on = _span(first, last, oldest_on, now.astimezone(zone).date(), kept_days)
        found = own_days(parts, first_on, last_on, now)
        if not found:
            raise click.ClickException(f"no visit was promised from {first_on} to {last_on}: there is nothing to play")
        loaded = (load_own_day(parts, on, now) for on in found)
        if export:
            _export(loaded, len(found), export)
            return
        result = _run(loaded, len(found), policy, wanted)
    _tell(result, f"{first_on} – {last_on}", html, language, as_json=as_json)


def _edits(edits: Sequence[str]) -> dict[str, Any]:
    """Return the policy's values that were typed as KEY=VALUE."""
    from app.rules.terms import TERMS

    values: dict[str, Any] = {}
    for edit in edits:
        name, equals, text = edit.partition("=")
        if not equals or name not in TERMS:
            known = ", ".join(sorted(TERMS))
            raise click.BadParameter(
                f"{edit!r} is not KEY=VALUE with one of these keys: {known}", param_hint="--policy"
            )
        try:
            values[name] = _value(TERMS[name], text)
        except ValueError:
            raise click.BadParameter(f"{name}: {text!r} has the wrong form", param_hint="--policy") from None
    return values


def _value(term: Term, text: str) -> Any:
    if term.unit == "clock":
        return text
    if term.unit == "yes":
        return {"yes": True, "true": True, "no": False, "false": False}.get(text, text)
    return int(text) if term.whole else float(text)


def _edited(policy: Policy, values: Mapping[str, Any]) -> Policy:
    from app.rules.policy import Policy
    from app.rules.terms import faults

    whole = {**asdict(policy), **values}
    found = faults(whole)
    if found:
        said = "; ".join(f"{fault.field}: {t(f'problem.{fault.code}', 'en', **fault.facts)}" for fault in found)
        raise click.BadParameter(said, param_hint="--policy")
    return Policy(**whole)


def _logs(paths: Sequence[Path]) -> list[PlayDay]:
    from app.backtest.days import EmptyDay, log_day
    from app.replay import DayLogError

    logs.configure(logging.WARNING)
    try:
        return [log_day(path) for path in paths]
    except DayLogError as error:
        raise click.ClickException(str(error)) from None
    except EmptyDay as error:
        raise click.ClickException(f"{error}: nothing is recorded in it") from None


def _counted(n: int, noun: str) -> str:
    """Return a number of things: 1 visit, 2 visits."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def _span(
    first: datetime | None, last: datetime | None, oldest_on: date, today_on: date, kept_days: int
) -> tuple[date, date]:
    """Return the first and the last day that are wanted, or say which can be had."""
    first_on = first.date() if first else oldest_on
    last_on = last.date() if last else max(today_on - timedelta(days=1), first_on)
    if first_on < oldest_on:
        raise click.BadParameter(
            f"positions before {oldest_on} have been deleted, after {kept_days} days (MAMONAKU_REPLAY_KEPT_DAYS)",
            param_hint="--from",
        )
    if last_on > today_on:
        raise click.BadParameter(f"{last_on} has not come yet", param_hint="--until")
    if last_on < first_on:
        raise click.BadParameter(f"{last_on} is before {first_on}", param_hint="--until")
    return first_on, last_on


def _run(days: Any, count: int, policy: Policy, values: Mapping[str, Any]) -> Result:
    from app.backtest.play import run_backtest

    policies = [policy, _edited(policy, values)] if values else [policy]
    with _progress("playing past days") as progress:
        return run_backtest(days, count, policies, progress)


@contextmanager
def _progress(label: str) -> Iterator[Callable[[float], None]]:
    with click.progressbar(length=1000, label=label, file=sys.stderr) as bar:
        yield lambda share: bar.update(int(1000 * share) - bar.pos)


def _tell(result: Result, title: str, html: Path | None, language: str, *, as_json: bool) -> None:
    from app.backtest.report import result_as_json, table

    # Said before the file is written: a full disk does not take away what was waited for.
    if as_json:
        click.echo(json.dumps(result_as_json(result), ensure_ascii=False))
    else:
        for line in table(result, "en"):
            click.echo(line)
        for refusal in result.refused:
            click.echo(f"left out: {refusal}", err=True)
    if html:
        _write_report(html, result, title, language)


def _write_report(file: Path, result: Result, title: str, language: str) -> None:
    from app.backtest.report import html_report

    write_whole(file, html_report(result, title, language))


def _export(days: Iterator[PlayDay], count: int, folder: Path) -> None:
    from app.backtest.days import Veil

    folder.mkdir(parents=True, exist_ok=True)
    veil = Veil()
    with _progress("writing day logs") as progress:
        for number, day in enumerate(days, 1):
            write_whole(folder / f"{day.name}.jsonl", "".join(f"{line}\n" for line in veil.lines(day)))
            progress(number / count)
    click.echo(
        f"{count} days written to {folder}; positions are moved east or west, but they are real ways: share with care"
    )
