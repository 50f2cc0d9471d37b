"""Learn from the company's own days how long its roads and its work take, and how well its windows hold."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, tzinfo
from typing import Any

from sqlalchemy import delete, exists, func, insert, or_, select
from sqlalchemy.orm import Session

from app.models import Learning, Lesson, Notice, Site, Visit, VisitEvent
from app.operations.turn import look_at_all_again
from app.prepared import Prepared
from app.rules.experience import ELSEWHERE_M, SEEN, Past, experience
from app.rules.habits import PRIORS, Habits, Key, Quoted, Window, learned
from app.rules.messages import HANDED_OVER
from app.rules.policy import Policy
from app.rules.ratio import Ratios
from app.rules.travel import AS_USUAL
from app.rules.work import AS_PLANNED

#: Roads and people change: what is older is not learned from.
LEARNED_FROM = timedelta(days=90)
#: When a night's learning may begin, local time: after the last visits, before the first.
NIGHT_HOUR = 3
#: So many windows say enough; the newest count.
MOST_WINDOWS = 20_000
_AT_A_TIME = 1000
_PRIORS = {"travel": AS_USUAL, "work": AS_PLANNED}

_DOUBTFUL = exists().where(
    VisitEvent.visit_id == Visit.id,
    or_(
        VisitEvent.kind.in_(("undone", "reopened")),
        VisitEvent.facts["away_m"].as_integer() > ELSEWHERE_M,
    ),
)
# Who waits at the door for the promised minute taps then, but the drive was over when the phone came to rest there.
_FIRST_THERE = (
    select(func.min(VisitEvent.at))
    .where(VisitEvent.visit_id == Visit.id, VisitEvent.kind == "arrived", VisitEvent.at <= Visit.arrived_at)
    .scalar_subquery()
)
_LEARNING = Learning.__table__.c
_STATE = Prepared(select(_LEARNING.digest, _LEARNING.learned_at, _LEARNING.anew_at))
#: Digest of lessons → the habits they mean: a tick does not read them again.
_at_hand: dict[str, Habits] = {}


def current_habits(session: Session) -> Habits:
    """Return what has been learned; what every company starts with before the first night, or after beginning anew."""
    state = _STATE.rows(session.connection())
    digest, learned_at, anew_at = state[0] if state else ("", None, None)
    if not _in_force(learned_at, anew_at):
        return PRIORS
    habits = _at_hand.get(digest)
    if habits is None:
        habits = _read(session)
        _at_hand.clear()
        _at_hand[digest] = habits
    return habits


def _in_force(learned_at: datetime | None, anew_at: datetime | None) -> bool:
    return learned_at is not None and (anew_at is None or anew_at < learned_at)


def learning_due(session: Session, now: datetime, zone: tzinfo) -> bool:
    """Return whether a night has come since the last time; it begins at three in the morning of `zone`."""
    local = now.astimezone(zone)
    night = local.replace(hour=NIGHT_HOUR, minute=0, second=0, microsecond=0)
    if local < night:
        night -= timedelta(days=1)
    learned_at = session.scalar(select(Learning.learned_at))
    return learned_at is None or learned_at < night


def learn(session: Session, now: datetime, zone: tzinfo) -> Habits:
    """Return what the visits of the last 90 days teach, local hours counted in `zone`; nothing is kept yet.

    Rows come in a stream, so that memory depends on the number of areas and services, not of visits.
    """
    since = max(filter(None, (now - LEARNED_FROM, session.scalar(select(Learning.anew_at)))))
    return learned(experience(past_visits(session, since, now), zone), _quoted(session, since, now))


def keep_habits(session: Session, habits: Habits, now: datetime) -> None:
    """Replace what was learned before; days that are watched now are looked at again when it says something new."""
    rows = list(_rows(habits))
    session.execute(delete(Lesson))
    if rows:
        session.execute(insert(Lesson), rows)
    state = session.get(Learning, 1) or Learning()
    before = state.digest if _in_force(state.learned_at, state.anew_at) else None
    state.learned_at = now
    state.digest = hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()
    session.add(state)
    if state.digest != before:
        look_at_all_again(session, now)


def begin_anew(session: Session, *, actor: str, now: datetime) -> None:
    """Forecast as in the beginning, and learn only from visits from now on: after a move, or a wrong setting."""
    state = session.get(Learning, 1) or Learning(digest="")
    state.anew_at, state.anew_by = now, actor
    session.add(state)
    look_at_all_again(session, now)


def take_back_anew(session: Session, *, now: datetime) -> None:
    """Learn from all visits again: what was known before is back at once, or with the next night."""
    state = session.get(Learning, 1)
    if state is not None:
        state.anew_at = state.anew_by = None
        look_at_all_again(session, now)


def past_visits(session: Session, since: datetime, now: datetime) -> Iterator[Past]:
    """Yield what happened at each visit promised since then, each technician's in the order they were made."""
    made_at = func.coalesce(Visit.arrived_at, Visit.completed_at, Visit.planned_from_at)
    rows = session.execute(
        select(
            Visit.technician_id,
            Visit.service_id,
            Site.lat,
            Site.lon,
            Visit.promised_from_at,
            Visit.duration_min,
            Visit.en_route_at,
            func.coalesce(_FIRST_THERE, Visit.arrived_at),
            Visit.arrived_by,
            Visit.completed_at,
            Visit.completed_by,
            _DOUBTFUL,
        )
        .join(Site, Site.id == Visit.site_id)
        .where(
            Visit.technician_id.is_not(None),
            Visit.status != "cancelled",
            Visit.promised_from_at >= since,
            Visit.promised_from_at < now,
        )
        .order_by(Visit.technician_id, made_at, Visit.id)
        .execution_options(yield_per=_AT_A_TIME)
    )
    for row in rows:
        yield Past(*tuple(row))


def _quoted(session: Session, since: datetime, now: datetime) -> Iterator[Quoted]:
    """Yield the windows that customers were told before the technician came, of the promise as it stood then."""
    rows = session.execute(
        select(
            Notice.kind,
            Notice.created_at,
            Notice.quoted_from_at,
            Notice.quoted_until_at,
            Visit.arrived_at,
            Notice.reason_facts,
        )
        .join(Visit, Visit.id == Notice.visit_id)
        .where(
            Notice.created_at >= since,
            Notice.created_at < now,
            Notice.reach.in_(HANDED_OVER),
            Notice.quoted_from_at.is_not(None),
            Notice.promised_from_at == Visit.promised_from_at,
            Notice.technician_id == Visit.technician_id,
            Visit.arrived_at > Notice.created_at,
            Visit.arrived_by.in_(SEEN),
        )
        .order_by(Notice.id.desc())
        .limit(MOST_WINDOWS)
        .execution_options(yield_per=_AT_A_TIME)
    )
    for kind, told_at, from_at, until_at, arrived_at, facts in rows:
        from_s, until_s, arrived_s = ((at - told_at).total_seconds() for at in (from_at, until_at, arrived_at))
        claimed = facts.get("holds_percent", 100 * Policy().quote_share) / 100
        shift, widen = facts.get("shift", 1.0), facts.get("widen", 1.0)
        yield Quoted(kind, from_s, until_s, arrived_s, claimed, shift, widen)


def _rows(habits: Habits) -> Iterator[dict[str, Any]]:
    for kind, known in (("travel", habits.ways), ("work", habits.works)):
        for key, ratios in known.items():
            figures = [round(q, 4) for q in ratios.quantiles]
            yield {"kind": kind, "key": ":".join(map(str, key)), "n": ratios.n, "figures": figures}
    for name, window in habits.windows.items():
        figures = [round(one, 4) for one in (window.shift, window.widen, window.claimed, window.kept)]
        yield {"kind": "window", "key": name, "n": window.n, "figures": figures}


def _read(session: Session) -> Habits:
    ratios: Mapping[str, dict[Key, Ratios]] = {"travel": {}, "work": {}}
    windows = {}
    for kind, key, n, figures in session.execute(select(Lesson.kind, Lesson.key, Lesson.n, Lesson.figures)):
        if kind == "window":
            shift, widen, claimed, kept = figures
            windows[key] = Window(shift, widen, n, claimed, kept)
        else:
            group = tuple(int(part) for part in key.split(":") if part)
            ratios[kind][group] = Ratios.of(_PRIORS[kind], figures, n)
    return Habits(ratios["travel"], ratios["work"], windows)
