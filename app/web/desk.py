"""What may every page for people at a desk say? Who is here, and codes, numbers and evidence in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from flask import g
from sqlalchemy import select

from app import i18n
from app.models import Service, User
from app.operations.brake import is_holding
from app.operations.inbox import waiting
from app.operations.technician import DAYS
from app.rules.access import may
from app.rules.reach import PRINTED
from app.rules.replies import gist
from app.web.visitor import actor, locale, now, parts, session, zone


def desk_words() -> dict[str, Any]:
    """Return what the templates of the desk may call."""
    who = actor()
    role = who.role if who is not None else ""
    return {
        "may": lambda what: may(role, what),
        "my_name": _my_name,
        "phone_words": lambda number: i18n.phone_words(number, parts().settings.country) if number else "",
        "money_words": lambda amount, currency, exponent: i18n.money_words(amount, currency, exponent, locale()),
        "code_words": code_words,
        "reason_words": reason_words,
        "moment_words": moment_words,
        "service_name": service_name,
        "hours_words": hours_words,
        "gist": gist,
        "ways_words": ways_words,
        "inbox_waiting": lambda: waiting(session()),
        "brake_holds": lambda: is_holding(session()),
        "dry_run": lambda: parts().settings.dry_run,
        "prints_only": lambda: PRINTED in parts().channels,
    }


def service_name(service: Service | Any) -> str:
    """Return a service's name in the reader's language, of a row or of anything with both names."""
    return str(service.name_en if locale() == "en" else service.name_ja)


def code_words(area: str, code: str | None) -> str:
    """Return the words for a code of ours; a code that is newer than the words speaks for itself."""
    return i18n.word(area, code, locale())


def ways_words(channels: Iterable[str], between: str) -> str:
    """Return several ways to reach somebody as one text."""
    return between.join(code_words("inbox.channel_", name) for name in channels)


def reason_words(code: str, facts: Mapping[str, Any]) -> str:
    """Return why something was decided, as a sentence with its figures."""
    return i18n.reason_words(code, facts, locale())


def moment_words(at: datetime | str | None) -> str:
    """Return a time of day, with its date when that is not today's."""
    if at is None:
        return ""
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    on = moment.astimezone(zone()).date()
    clock = i18n.time_words(moment, zone())
    return clock if on == now().astimezone(zone()).date() else f"{i18n.day_words(on, locale())} {clock}"


def hours_words(hours: Mapping[str, Any]) -> list[str]:
    """Return a week's working hours, days in a row with the same hours as one line: Mon–Fri 09:00–18:00."""
    runs: list[tuple[str, str, list[Any]]] = []
    for before, day in zip(("", *DAYS), DAYS, strict=False):
        spans = hours.get(day) or []
        if runs and spans and runs[-1][1:] == (before, spans):
            runs[-1] = (runs[-1][0], day, spans)
        elif spans:
            runs.append((day, day, spans))
    return [
        f"{code_words('office.', first)}{'–' + code_words('office.', last) if last != first else ''} "
        + i18n.t("dispatch.comma", locale()).join(f"{begins}–{ends}" for begins, ends in spans)
        for first, last, spans in runs
    ]


def _my_name() -> str:
    who = actor()
    if who is None or who.user_id is None:
        return ""
    if "my_name" not in g:
        g.my_name = session().scalar(select(User.name).where(User.id == who.user_id)) or ""
    return str(g.my_name)
