"""What would past days have looked like? A manager asks for them, sees how far they are, and reads what came out."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from flask import Response, render_template, request

from app.backtest import report
from app.clock import real_now
from app.models import Backtest
from app.operations.backtest import (
    first_playable_day,
    is_outdated,
    list_backtests,
    start_backtest,
)
from app.operations.backtest import use_backtest as use_tried
from app.operations.daylog import days_with_visits, really_told
from app.operations.history import actor_names
from app.operations.kept_run import cancel_run, find_run
from app.operations.lease import is_watched
from app.operations.policy import newest_version
from app.rules.backtest import Result
from app.rules.score import total
from app.web.forms import Form
from app.web.office.policy import policy_page, typed_policy
from app.web.office.room import blueprint, saved
from app.web.visitor import locale, needs, now, parts, session, signed_in, zone

#: So many past runs are listed, and what was really told is marked over so many days.
LISTED = 20
LOOKED_BACK = timedelta(days=30)


@blueprint.get("/backtest")
@needs("settings")
def backtests() -> Any:
    """Show what customers were really told lately, what can be played again, and what was."""
    first_on, last_on = _playable()
    return _backtests(Form(begins={"from_day": first_on.isoformat(), "until_day": last_on.isoformat()}))


@blueprint.post("/backtest")
@needs("settings")
def begin_backtest() -> Any:
    """Ask for past days under the policy in force."""
    form = Form(request.form)
    begun = _begin(form, {})
    return _backtests(form) if begun is None else saved("office.backtest", backtest_id=begun.id)


@blueprint.post("/policy/preview")
@needs("settings")
def preview_policy() -> Any:
    """Ask for what can be played of the last month, under the policy in force and under what was typed on its page."""
    form = Form(request.form)
    begun = _begin(form, typed_policy(form))
    return policy_page(form) if begun is None else saved("office.backtest", backtest_id=begun.id)


@blueprint.get("/backtest/<int:backtest_id>")
@needs("settings")
def backtest(backtest_id: int) -> Any:
    """Show one: how far it is, or what came out."""
    row = find_run(session(), Backtest, backtest_id)
    result = _result(row)
    return render_template(
        "office/backtest.html",
        row=row,
        shown=None if result is None else report.shown(result, locale()),
        values=report.changes(row.policy_values, locale()),
        outdated=is_outdated(row, newest_version(session())),
        watched=is_watched(session(), real_now(parts().clock)),
    )


@blueprint.get("/backtest/<int:backtest_id>/file")
@needs("settings")
def backtest_file(backtest_id: int) -> Any:
    """Hand a result out as one file that needs nothing else."""
    row = find_run(session(), Backtest, backtest_id)
    result = _result(row)
    if result is None:
        return saved("office.backtest", backtest_id=backtest_id)
    name = f"mamonaku-{row.first_on}-{row.last_on}.html"
    page = report.html_report(result, f"{row.first_on} – {row.last_on}", locale())
    return Response(page, headers={"Content-Disposition": f'attachment; filename="{name}"'})


@blueprint.post("/backtest/<int:backtest_id>/cancel")
@needs("settings")
def stop_backtest(backtest_id: int) -> Any:
    """Stop one that waits or runs."""
    cancel_run(session(), Backtest, backtest_id, now())
    return saved("office.backtest", backtest_id=backtest_id)


@blueprint.post("/backtest/<int:backtest_id>/use")
@needs("settings")
def use_backtest(backtest_id: int) -> Any:
    """Put the values that were tried into force."""
    use_tried(session(), backtest_id, actor=signed_in().name, now=now())
    return saved("office.policy")


def _begin(form: Form, values: dict[str, Any]) -> Backtest | None:
    first_on, last_on = _playable()
    from_day, until_day = (form.day(name, needed=False) for name in ("from_day", "until_day"))
    return form.submit(
        lambda: start_backtest(
            session(),
            from_day=from_day or first_on,
            until_day=until_day or last_on,
            policy_values=values,
            actor=signed_in().name,
            now=now(),
            zone=zone(),
            fixes_kept=_kept(),
        )
    )


def _backtests(form: Form) -> Any:
    rows = list_backtests(session(), LISTED)
    first_on = first_playable_day(session(), now(), zone(), _kept())
    marked, left_out = really_told(session(), now() - LOOKED_BACK, now())
    page = render_template(
        "office/backtests.html",
        form=form,
        rows=rows,
        names=actor_names(session(), {row.actor for row in rows}),
        first_on=first_on,
        playable=days_with_visits(session(), first_on, _today(), zone(), now()),
        kept_days=parts().settings.playable_days,
        raw_days=parts().settings.fixes_kept_days,
        marks=total(marked),
        in_short=report.in_short(total(marked), locale()),
        record=report.mark_rows([total(marked)], locale()),
        unmarked=sum(left_out.values()),
        looked_back=LOOKED_BACK.days,
    )
    return page, form.status


def _result(row: Backtest) -> Result | None:
    """Return what came out, or None when nothing has, or another release kept it otherwise."""
    try:
        return report.result_of_json(row.result) if row.result is not None else None
    except ValueError:
        return None


def _playable() -> tuple[date, date]:
    """Return the days that are offered: of the last month, all that are whole and over; on the first day, that one."""
    first_on = first_playable_day(session(), now(), zone(), _kept())
    return max(first_on, _today() - LOOKED_BACK), max(first_on, _today() - timedelta(days=1))


def _today() -> date:
    at: datetime = now().astimezone(zone())
    return at.date()


def _kept() -> timedelta:
    return timedelta(days=parts().settings.playable_days)
