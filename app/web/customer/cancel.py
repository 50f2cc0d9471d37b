"""How does a customer call her visit off by herself? She sees what it costs, and says so once more."""

from __future__ import annotations

from collections.abc import Mapping

from flask import request
from flask.typing import ResponseReturnValue

from app import i18n
from app.errors import Conflict, Invalid, Problem
from app.operations.self_cancel import LONGEST_WORDS, REASONS, call_off, call_off_terms
from app.operations.self_service import doable
from app.web.customer.room import back, blueprint, load, page, presses
from app.web.visitor import end_session, now, parts, session, telling


@blueprint.get("/<token>/cancel")
def cancel(token: str) -> ResponseReturnValue:
    """Show what calling off costs, and ask."""
    return _terms(token)


@blueprint.post("/<token>/cancel")
@presses
def do_cancel(token: str) -> ResponseReturnValue:
    """Call the visit off; when the fee has risen meanwhile, or the visit was changed, ask again with what is true."""
    load(token)
    try:
        _call_off(token)
    except Invalid as error:
        end_session(commit=False)
        return _terms(token, problems={p.field: p for p in error.problems}), 422
    except Conflict as error:
        end_session(commit=False)
        return _terms(token, changed=error.code), 409
    return back(token)


def _call_off(token: str) -> None:
    reason = request.form.get("reason", "")
    call_off(
        session(),
        token,
        version=_number("version") or 0,
        seen=_number("fee"),
        reason=reason,
        reason_words=i18n.t(f"self_service.reason_{reason}", parts().settings.locale) if reason in REASONS else "",
        words=request.form.get("words", ""),
        telling=telling(),
        now=now(),
    )


def _number(name: str) -> int | None:
    typed = request.form.get(name, "")
    return int(typed) if typed.isascii() and typed.isdecimal() and len(typed) < 10 else None


def _terms(token: str, *, changed: str = "", problems: Mapping[str, Problem] | None = None) -> str:
    return page(
        "cancel",
        view=load(token),
        token=token,
        terms=call_off_terms(session(), token, now()),
        can=doable(session(), token, now()),
        changed=changed,
        reasons=REASONS,
        typed=request.form,
        problems=problems or {},
        most=LONGEST_WORDS,
    )
