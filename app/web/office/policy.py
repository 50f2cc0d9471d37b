"""When are customers told? The parameters in plain words, what was changed and by whom, and the way back."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from flask import render_template, request

from app import i18n
from app.errors import Problem
from app.operations.history import actor_names
from app.operations.policy import change_policy, current_policy, policy_changes, restore_policy
from app.rules.policy import Policy
from app.rules.terms import GROUPS, TERMS, Term
from app.web.forms import Form
from app.web.office.room import blueprint, saved
from app.web.visitor import locale, needs, now, session, signed_in

#: So many changes are shown; nobody goes back further by a click.
SHOWN = 20
#: A label that has quotes in it is quoted itself.
_WITHIN_QUOTES = str.maketrans("「」“”", "『』‘’")


@dataclass(frozen=True, slots=True)
class Line:
    """One parameter on the page: its name, what it counts in, what the product comes with (as it is typed)."""

    name: str
    term: Term
    usual: str


@blueprint.get("/policy")
@needs("settings")
def policy() -> Any:
    """Show when customers are told, to change it."""
    values = asdict(current_policy(session()))
    return policy_page(Form(begins={name: _typed(name, value) for name, value in values.items()}))


@blueprint.post("/policy")
@needs("settings")
def save_policy() -> Any:
    """Keep the parameters as a new version."""
    form = Form(request.form)
    values, version = typed_policy(form), form.row("version")
    done = form.submit(
        lambda: change_policy(session(), values, actor=signed_in().name, now=now(), version=version or 0)
    )
    return policy_page(form) if done is None else saved("office.policy")


@blueprint.post("/policy/versions/<int:number>")
@needs("settings")
def restore(number: int) -> Any:
    """Go back to a version; 0 is what the product comes with."""
    restore_policy(session(), number or None, actor=signed_in().name, now=now())
    return saved("office.policy")


def policy_page(form: Form) -> Any:
    """Return the page with the parameters as they are, or as they were typed."""
    changes = policy_changes(session(), SHOWN)
    form.problems = {name: _in_words(problem) for name, problem in form.problems.items()}
    page = render_template(
        "office/policy.html",
        form=form,
        groups=[(group, *_lines(group)) for group in GROUPS],
        changes=changes,
        names=actor_names(session(), {change.by for change in changes}),
        group_of={name: term.group for name, term in TERMS.items()},
        value_words=_value_words,
        same=_same,
    )
    return page, form.status


def _lines(group: str) -> tuple[Sequence[Line], Sequence[Line]]:
    """Return a group's parameters: the ones everybody may want to change, and those for who knows why."""
    own = asdict(Policy())
    lines = [Line(name, term, _typed(name, own[name])) for name, term in TERMS.items() if term.group == group]
    return [line for line in lines if not line.term.fine], [line for line in lines if line.term.fine]


def typed_policy(form: Form) -> dict[str, Any]:
    """Return the parameters that were typed; what cannot be read is noted with the form."""
    return {name: value for name in TERMS if (value := _value(form, name)) is not None}


def _value(form: Form, name: str) -> Any:
    term = TERMS[name]
    if term.unit == "yes":
        return form.ticked(name)
    if term.unit == "clock":
        at = form.clock(name)
        return f"{at:%H:%M}" if at else None
    typed = unicodedata.normalize("NFKC", form.text(name, needed=True, most=20))
    if not typed:
        return None
    try:
        number = int(typed) if term.whole else float(typed)
    except ValueError:
        form.wrong(name, "whole" if term.whole else "number")
        return None
    return round(number / 100, 6) if term.unit == "share" else number


def _typed(name: str, value: Any) -> str:
    """Return a value as somebody would type it: probabilities in percent."""
    unit = TERMS[name].unit
    if unit == "yes":
        return "1" if value else ""
    if unit == "clock":
        return str(value)
    return f"{100 * value if unit == 'share' else value:g}"


def _same(name: str, typed: str, usual: str) -> bool:
    """Return whether what a field shows means what the product comes with."""
    return _plain(typed) == usual or (TERMS[name].unit == "clock" and _plain(typed).zfill(5) == usual)


def _plain(typed: str) -> str:
    text = unicodedata.normalize("NFKC", typed).strip()
    try:
        return f"{float(text):g}"
    except ValueError:
        return text


def _value_words(name: str, value: Any) -> str:
    """Return a value with its unit: 60 %, 90 s, 21:00, on."""
    unit = TERMS[name].unit
    if unit == "yes":
        return i18n.t("policy.on" if value else "policy.off", locale())
    return i18n.t(f"policy.with_{unit}", locale(), value=_typed(name, value))


def _in_words(problem: Problem) -> Problem:
    """Return a problem with its figures as they are typed here, and another parameter by its label."""
    facts = dict(problem.facts)
    if "other" in facts:
        facts["other"] = i18n.t(f"policy.{facts['other']}", locale()).translate(_WITHIN_QUOTES)
    for bound in ("least", "most"):
        if bound in facts and problem.field in TERMS:
            facts[bound] = _typed(problem.field, facts[bound])
    return Problem(problem.field, problem.code, facts)
