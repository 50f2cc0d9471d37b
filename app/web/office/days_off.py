"""Who is away when, on which days is the company closed, and which booked visits stand in that time?"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import Any

from flask import redirect, render_template, request, url_for

from app import i18n
from app.errors import Conflict
from app.operations.days_off import days_off_ahead, holidays_ahead, keep_holidays
from app.operations.technician import DAYS, technician_choices
from app.operations.time_off import (
    LONGEST_REASON,
    NewAbsence,
    enter_absence,
    in_the_way,
    take_back,
)
from app.web.forms import Form, row_number
from app.web.office.room import blueprint, country, saved
from app.web.visitor import locale, needs, now, session, signed_in, zone

#: Of `who`, the choice that means everybody.
COMPANY = "company"
#: How often something comes again, as the form offers it, and the rule it makes; days follow from the first one.
AGAIN = {
    "weekly": "FREQ=WEEKLY",
    "fortnightly": "FREQ=WEEKLY;INTERVAL=2",
    "monthly": "FREQ=MONTHLY",
    "monthly_day": "FREQ=MONTHLY;BYDAY=",
    "yearly": "FREQ=YEARLY",
}
#: At which field of the form is told what is wrong with a fact.
_SHOWN_AT = {"technician": "who", "from": "begins", "until": "ends", "recurrence": "again_until"}


@blueprint.get("/days-off")
@needs("dispatch")
def days_off() -> Any:
    """Show who is away and when the company is closed, with a form for more."""
    begins = {"who": request.args.get("technician", "")}
    return _page(Form(begins=begins))


@blueprint.post("/days-off")
@needs("dispatch")
def add_day_off() -> Any:
    """Take time off; the booked visits that stand in it are shown first."""
    form = Form(request.form)
    if form.submit(lambda: _enter(form)) is None:
        for field in [field for field in form.problems if field in _SHOWN_AT]:
            problem = form.problems.pop(field)
            form.wrong(_SHOWN_AT[field], problem.code, **problem.facts)
        return _page(form)
    return saved("office.days_off", technician=request.args.get("technician"))


@blueprint.post("/days-off/<int:absence_id>/take-back")
@needs("dispatch")
def take_day_off_back(absence_id: int) -> Any:
    """Make time that was taken off working time again."""
    take_back(session(), absence_id, now=now(), actor=signed_in().name)
    return saved("office.days_off", technician=request.args.get("technician"))


@blueprint.post("/days-off/holidays")
@needs("settings")
def set_holidays() -> Any:
    """Work on public holidays, or not."""
    keep_holidays(session(), country() if Form(request.form).ticked("closed") else None)
    return redirect(url_for("office.days_off", saved=1), 303)


def _enter(form: Form) -> Any:
    new = _typed(form)
    form.check()
    assert new is not None
    seen = {number for typed in form.value("seen").split(",") if (number := row_number(typed))}
    return enter_absence(session(), new, zone=zone(), now=now(), actor=signed_in().name, seen=seen)


def _typed(form: Form) -> NewAbsence | None:
    """Return what was typed; the last day is meant with its evening, and so is a time that was left out."""
    technician_id = None if form.value("who") == COMPANY else form.row("who", needed=True)
    first, last = form.day("first"), form.day("last", needed=False)
    last = last or first
    whole = not form.text("begins") and not form.text("ends")
    from_at = form.instant("begins", first, zone(), needed=False)
    until_at = form.instant("ends", last, zone(), needed=False)
    again = form.value("again")
    if again:
        form.one_of("again", AGAIN)
    until = form.day("again_until", needed=False)
    if form.problems or first is None or last is None:
        return None
    if last < first:
        form.wrong("last", "before_start")
        return None
    return NewAbsence(
        technician_id,
        from_at or datetime.combine(first, time(), zone()),
        until_at or datetime.combine(last + timedelta(days=1), time(), zone()),
        whole,
        form.text("reason", most=LONGEST_REASON),
        _rule(again, first, until) if again else None,
    )


def _rule(again: str, first: date, until: date | None) -> str:
    week = (first.day - 1) // 7 + 1
    day = f"{week if week < 5 else -1}{DAYS[first.weekday()][:2].upper()}" if again == "monthly_day" else ""
    return f"{AGAIN[again]}{day}" + (f";UNTIL={until:%Y%m%d}" if until else "")


def again_words(recurrence: str | None, first_at: datetime) -> str:
    """Return how something comes again; a rule that the form does not make speaks for itself."""
    if recurrence is None:
        return ""
    rule, _, end = recurrence.partition(";UNTIL=")
    nth = re.fullmatch(r"FREQ=MONTHLY;BYDAY=(-?\d)([A-Z]{2})", rule)
    code = "monthly_day" if nth else next((name for name, known in AGAIN.items() if known == rule), "")
    first = first_at.astimezone(zone()).date()
    facts = {
        "day": i18n.t(f"days_off.{DAYS[first.weekday()]}", locale()),
        "on": first.day,
        "date": re.sub(r"^\d+年| \d+$", "", i18n.long_day_words(first, locale())),  # it comes every year
        "week": i18n.word("days_off.week_", nth[1].replace("-", "last"), locale()) if nth else "",
    }
    words = i18n.t(f"days_off.again_{code}", locale(), **facts) if code else rule
    if not end:
        return words
    until = i18n.long_day_words(date.fromisoformat(end[:8]), locale())
    return i18n.t("days_off.again_until", locale(), again=words, until=until)


def span_words(from_at: datetime, until_at: datetime, all_day: bool) -> str:
    """Return a time off in words: a day, several days, or times."""
    begins, ends = from_at.astimezone(zone()), until_at.astimezone(zone())
    days = [i18n.day_words(begins.date(), locale())]
    if all_day:
        last = (ends - timedelta(hours=12)).date()
        return days[0] if last == begins.date() else f"{days[0]}–{i18n.day_words(last, locale())}"
    if begins.date() == ends.date():
        return f"{days[0]} {begins:%H:%M}–{ends:%H:%M}"
    return f"{days[0]} {begins:%H:%M}–{i18n.day_words(ends.date(), locale())} {ends:%H:%M}"


def _page(form: Form) -> Any:
    asked = Form(request.args).row("technician")
    colliding = isinstance(form.refusal, Conflict) and form.refusal.code == "in_the_way"
    new = _typed(form) if colliding else None
    closed, ahead = holidays_ahead(session(), country(), now(), zone())
    page = render_template(
        "office/days_off.html",
        form=form,
        who=[(COMPANY, i18n.t("days_off.company", locale())), *technician_choices(session(), asked)],
        asked=asked,
        rows=days_off_ahead(session(), asked, now(), zone()),
        in_the_way=in_the_way(session(), new, zone(), now()) if new else [],
        again=[("", i18n.t("days_off.once", locale())), *((code, _choice(code)) for code in AGAIN)],
        again_words=again_words,
        span_words=span_words,
        closed_on_holidays=closed,
        holidays=ahead,
        country=country(),
    )
    return page, form.status


def _choice(code: str) -> str:
    return i18n.t(f"days_off.choose_{code}", locale())
