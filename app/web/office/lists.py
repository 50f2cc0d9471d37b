"""How do lists of customers and visits come in from spreadsheets, and go out to them?"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from flask import Response, render_template, request

from app.clock import real_now
from app.operations.export import export_customers, export_visits
from app.operations.intake import CUSTOMER_COLUMNS, MOST_PROBLEMS, VISIT_COLUMNS
from app.operations.lease import is_watched
from app.operations.list_file import KINDS, WISHED, find_list, forget_list, send_list, sent_lists, take_list
from app.web.forms import Form
from app.web.office.room import blueprint, saved
from app.web.visitor import locale, needs, now, parts, session, signed_in, zone

#: So much is offered to be given away, by the promise, and at the most.
_OFFERED, _LONGEST = timedelta(days=31), timedelta(days=366)


@blueprint.get("/lists")
@needs("settings")
def lists() -> Any:
    """Show what was sent lately, with forms to send one more and to fetch."""
    return _lists(Form(begins={"kind": KINDS[0]}))


@blueprint.post("/lists")
@needs("settings")
def send_file() -> Any:
    """Take a file to be tried; nothing of it is kept before somebody says so."""
    form, file = Form(request.form), request.files.get("file")
    name, content = (file.filename or "", file.read()) if file is not None else ("", b"")
    if file is not None:
        file.close()
    kind, actor = form.text("kind"), signed_in().name
    sent = form.submit(lambda: send_list(session(), kind=kind, name=name, content=content, now=now(), actor=actor))
    return _lists(form) if sent is None else saved("office.list_sent", list_id=sent.id)


@blueprint.get("/lists/<int:list_id>")
@needs("settings")
def list_sent(list_id: int) -> Any:
    """Show how far one is, and what would come of it, or has."""
    known = find_list(session(), list_id)
    return render_template(
        "office/list.html",
        row=known,
        wished=WISHED,
        progress=parts().progress.get(list_id),
        watched=is_watched(session(), real_now(parts().clock)),
        problems=[_problem(*one) for one in known.problems],
        most_problems=MOST_PROBLEMS,
        columns=_columns(known.kind),
    )


@blueprint.post("/lists/<int:list_id>/take")
@needs("settings")
def take_file(list_id: int) -> Any:
    """Have one taken in."""
    take_list(session(), list_id)
    return saved("office.list_sent", list_id=list_id)


@blueprint.post("/lists/<int:list_id>/forget")
@needs("settings")
def forget_file(list_id: int) -> Any:
    """Forget one."""
    forget_list(session(), list_id)
    return saved("office.lists")


@blueprint.get("/lists/customers.csv")
@needs("settings")
def customers_csv() -> Any:
    """Give every customer away, one row a site."""
    return _file("customers", export_customers(session(), locale()))


@blueprint.get("/lists/visits.csv")
@needs("settings")
def visits_csv() -> Any:
    """Give the visits of some days away."""
    form = Form(request.args)
    from_on, until_on = form.day("from_on"), form.day("until_on")
    if from_on is not None and until_on is not None:
        if until_on < from_on:
            form.wrong("until_on", "before_start")
        elif until_on - from_on > _LONGEST:
            form.wrong("until_on", "span_too_long", days=_LONGEST.days)
    if form.problems or from_on is None or until_on is None:
        return _lists(form)
    return _file("visits", export_visits(session(), locale(), from_on=from_on, until_on=until_on, zone=zone()))


def _lists(form: Form) -> Any:
    today = now().astimezone(zone()).date()
    page = render_template(
        "office/lists.html",
        form=form,
        rows=sent_lists(session()),
        kinds=KINDS,
        columns={kind: _columns(kind) for kind in KINDS},
        from_on=form.value("from_on") or (today - _OFFERED).isoformat(),
        until_on=form.value("until_on") or today.isoformat(),
    )
    return page, form.status


def _columns(kind: str) -> dict[str, str]:
    """Return how the columns of a list are called on the page's language."""
    known = CUSTOMER_COLUMNS if kind == "customers" else VISIT_COLUMNS
    japanese = locale() == "ja"
    return {
        name: next((one for one in names if not one.isascii()), name) if japanese else name
        for name, names in known.items()
    }


def _problem(field: str, code: str, facts: dict[str, Any]) -> tuple[str, str, str, dict[str, Any]]:
    """Return the row and the column that a problem is about, its code and facts."""
    found = re.fullmatch(r"row (\d+)(?:, (.*))?", field)
    return (found[1], found[2] or "", code, facts) if found else ("", field, code, facts)


def _file(name: str, text: str) -> Response:
    on = now().astimezone(zone()).date()
    headers = {"Content-Disposition": f'attachment; filename="{name}-{on}.csv"'}
    return Response(text, mimetype="text/csv", headers=headers)
