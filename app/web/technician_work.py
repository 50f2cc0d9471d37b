"""How does a technician add work at the customer's, and get her word on it where that is needed?"""

from __future__ import annotations

import secrets
from typing import Any

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.errors import Conflict, NotFound
from app.i18n import money_words
from app.models import Visit
from app.operations.added_work import Added, works_of
from app.operations.onsite import (
    MOST_MINUTES,
    MOST_PIECES,
    Agreed,
    Weighed,
    add_work,
    agreed_so_far,
    hand_over,
    handovers,
    own_visit,
    state_of_work,
    unanswered,
    weigh,
    withdraws_until,
)
from app.operations.price_words import own_name, part_name
from app.operations.quote_sending import send_quote, sent_quotes
from app.rules.price_book import PriceBook
from app.rules.pricing import PartUsed
from app.web.forms import Form
from app.web.technician import blueprint, me, own_day
from app.web.visitor import locale, now, parts, session, telling, zone

__all__ = ["blueprint"]

#: What the buttons for more minutes add.
MORE_MIN = (0, 15, 30, 45, 60, 90, 120)


@blueprint.get("/visits/<int:visit_id>/work")
@own_day
def work(visit_id: int) -> ResponseReturnValue:
    """Show what was agreed and added, and what can be added."""
    return _work(visit_id, Form(request.args if request.args.get("step") else None))


@blueprint.post("/visits/<int:visit_id>/work")
@own_day
def add(visit_id: int) -> ResponseReturnValue:
    """Note what is added; above what was agreed, the customer's page opens on this phone."""
    form = Form(request.form)
    added, seen = _added(form, visit_id), form.whole("seen", least=0, most=2**31 - 1)
    wish: dict[str, Any] = {"key": form.text("key", most=64), "sign": form.ticked("sign"), "technician_id": me()}
    wish["instead"] = form.ticked("instead")
    place: dict[str, Any] = {"zone": zone(), "country": parts().settings.country, "now": now()}
    made = form.submit(lambda: add_work(session(), visit_id, added, seen=seen or 0, **wish, **place))
    if made is None:
        return _work(visit_id, form)
    if made.quote is None:
        return redirect(url_for("technician.work", visit_id=visit_id, noted=made.id), 303)
    language = made.quote.visit.customer.language
    return redirect(url_for("quote.page", token=made.quote.token, at="door", lang=language), 303)


@blueprint.post("/visits/<int:visit_id>/work/<int:quote_id>/send")
@own_day
def send(visit_id: int, quote_id: int) -> ResponseReturnValue:
    """Send the customer the link to what is added, when somebody else lets the technician in."""
    form = Form(request.form)
    _own_quote(visit_id, quote_id)
    by = f"technician:{me()}"
    if form.submit(lambda: send_quote(session(), quote_id, telling(), now=now(), actor=by)) is None:
        return _work(visit_id, form)
    return redirect(url_for("technician.work", visit_id=visit_id), 303)


@blueprint.post("/visits/<int:visit_id>/work/<int:quote_id>/handed")
@own_day
def handed(visit_id: int, quote_id: int) -> ResponseReturnValue:
    """Write down that the customer has the document now."""
    form = Form(request.form)
    _own_quote(visit_id, quote_id)
    way, by = form.text("way"), f"technician:{me()}"
    if form.submit(lambda: hand_over(session(), quote_id, way, now=now(), actor=by)) is None:
        return _work(visit_id, form)
    return redirect(url_for("technician.work", visit_id=visit_id), 303)


def _own_quote(visit_id: int, quote_id: int) -> None:
    """Raise NotFound unless a quote belongs to work added to an own visit."""
    visit = own_visit(session(), visit_id, me())
    if not any(one.quote_id == quote_id for one in works_of(session(), visit.id)):
        raise NotFound("quote")


def _added(form: Form, visit_id: int) -> Added:
    """Return what was chosen: minutes, pieces of each part, other services."""
    book = _book(visit_id)
    pieces = {
        code: form.whole(f"part_{code}", least=0, most=MOST_PIECES, needed=False) or 0
        for code in (book.parts if book is not None else ())
    }
    return Added(
        minutes=form.whole("minutes", least=0, most=MOST_MINUTES, needed=False) or 0,
        parts=tuple(PartUsed(code, count) for code, count in pieces.items() if count),
        also=tuple(code for code in (book.services if book is not None else ()) if form.ticked(f"also_{code}")),
    )


def _book(visit_id: int) -> PriceBook | None:
    agreed = _agreed(own_visit(session(), visit_id, me()), Form())
    return agreed.book if agreed is not None else None


def _agreed(visit: Visit, form: Form) -> Agreed | None:
    """Return what was agreed; None, and why in the form, where no prices are kept or something has none."""
    try:
        return form.take(lambda: agreed_so_far(session(), visit))
    except Conflict as refusal:
        form.refusal = form.refusal or refusal
    return None


def _work(visit_id: int, form: Form) -> ResponseReturnValue:
    visit = own_visit(session(), visit_id, me())
    agreed = _agreed(visit, form)
    weighed: Weighed | None = None
    if agreed is not None and form.value("step") and not form.problems:
        added = _added(form, visit_id)
        instead = form.ticked("instead")
        weighed = form.take(lambda: weigh(session(), visit, added, instead=instead, now=now())) if added else None
        if not added:
            form.wrong("minutes", "nothing_added")
    book = agreed.book if agreed is not None else None
    every = works_of(session(), visit_id)
    works = [(one, state_of_work(session(), one, every, now())) for one in reversed(every)]
    page = render_template(
        "technician/work.html",
        visit=visit,
        form=form,
        agreed=agreed,
        weighed=weighed,
        asked=unanswered(session(), visit_id, agreed, now()) if agreed is not None else (),
        works=works,
        handed={one.quote_id: handovers(session(), one.quote_id) for one, _ in works if one.quote_id},
        until={one.quote_id: withdraws_until(session(), one.quote, zone()) for one, _ in works if one.quote},
        sent=sent_quotes(session(), [one.quote_id for one, _ in works if one.quote_id]),
        minutes=MORE_MIN,
        parts=_parts(book) if book is not None else [],
        services=_services(book, agreed.job.service) if book is not None and agreed is not None else [],
        money=lambda coins: money_words(coins, book.currency, book.exponent, locale()) if book is not None else "",
        key=form.value("key") or secrets.token_hex(16),
    )
    return page, form.status


def _parts(book: PriceBook) -> list[tuple[str, str, int]]:
    """Return the parts of the book: code, name, price."""
    return [(code, part_name(code, part.name, locale()), part.price) for code, part in book.parts.items()]


def _services(book: PriceBook, own: str) -> list[tuple[str, str, int, int]]:
    """Return what else can be done on the same visit: code, name, price, minutes in it."""
    return [
        (code, own_name(one.name, f"service_{code}", code, locale()), one.base, one.included_minutes)
        for code, one in book.services.items()
        if code != own
    ]
