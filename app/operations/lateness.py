"""Look at technicians' days again: forecast every stop, record what taps forgot, and tell who must be told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.orm import Session, joinedload

from app.models import DecisionEntry, ForecastEntry, Technician, Visit
from app.operations.alarm import Call, clear_alarms, raise_alarm, raise_alarms
from app.operations.day import (
    DAY_REACH,
    KnownDay,
    KnownNotice,
    KnownTechnician,
    KnownVisit,
    due_elsewhere,
    load_days,
)
from app.operations.field import note_inferred, withdraw_arrival
from app.operations.notice import GONE_OUT, Telling, add_notice
from app.operations.policy import current_policy
from app.operations.turn import lock_free_technicians, lock_technicians
from app.prepared import Prepared
from app.rules.board import LIKELY, RISKY
from app.rules.forecast import DayForecast, Forecast, Stop, forecast_day
from app.rules.hindsight import CONFIRMING, suspected_since
from app.rules.history import Noted, worth_noting
from app.rules.lateness import ALARMS, UNSUSPECTED, Decision, Told, Watch, decide
from app.rules.policy import Policy
from app.rules.quiet import hushed
from app.rules.visit import AWAITED, OPEN

#: When a rule fails on a day, the day is looked at again after this, so that it cannot block the others.
POSTPONED = timedelta(minutes=5)
#: An alarm that a person has dealt with comes back after this, if its cause is still there.
ALARM_RESTS = timedelta(minutes=15)
#: A day that could not be looked at; the alarm goes away with the next look that succeeds.
RULE_FAILED = "rule_failed"
#: However little time a decision leaves, a day is not looked at without pause.
NOT_AT_ONCE = timedelta(seconds=5)
#: A forecast that has moved by less than this is not written again: it would cost more than it says.
WORTH_WRITING = timedelta(seconds=60)


#: What a look writes on a visit. Nothing else writes these but a change of promise, plan or technician.
_WRITTEN = (
    "forecast_from_at",
    "forecast_until_at",
    "forecast_median_at",
    "late_probability",
    "forecast_as_of_at",
    "forecast_basis",
    "forecast_state",
    "noted_at",
    "noted_median_at",
    "noted_until_at",
    "watch",
    "decided_reason",
    "decided_alarm",
    "check_at",
)
_WRITE = Prepared(
    update(Visit.__table__)  # type: ignore[arg-type]
    .where(Visit.__table__.c.id == bindparam("visit"))
    .values({name: bindparam(f"new_{name}") for name in _WRITTEN}),
    ("visit", *(f"new_{name}" for name in _WRITTEN)),
)
_OF_VISIT = itemgetter(*(KnownVisit._fields.index(name) for name in ("id", *_WRITTEN)))
#: What a look writes on a technician.
_STATE = Prepared(
    update(Technician.__table__)  # type: ignore[arg-type]
    .where(Technician.__table__.c.id == bindparam("technician"))
    .values({name: bindparam(f"new_{name}") for name in ("state", "state_since_at", "state_why", "state_found_at")}),
    ("technician", "new_state", "new_state_since_at", "new_state_why", "new_state_found_at"),
)
#: Who is told something is told of these as well.
_TOLD_OF = [joinedload(asked) for asked in (Visit.customer, Visit.service, Visit.technician)]
_ENTRY = Prepared(
    insert(DecisionEntry.__table__),  # type: ignore[arg-type]
    ("visit_id", "at", "kind", "reason_code", "reason_facts"),
)
_NOTE = Prepared(
    insert(ForecastEntry.__table__),  # type: ignore[arg-type]
    ("visit_id", "at", "from_at", "median_at", "until_at", "late_probability", "basis", "state", "as_of_at"),
)


#: The values of a row, in the order in which its statement takes them.
_Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class _Findings:
    """What looks at several days found out, to be written together: whom to call, and rows of the statements above."""

    calls: list[Call] = field(default_factory=list)
    entries: list[_Row] = field(default_factory=list)
    notes: list[_Row] = field(default_factory=list)
    visits: list[_Row] = field(default_factory=list)
    technicians: list[_Row] = field(default_factory=list)

    def write(self, session: Session, now: datetime) -> None:
        session.flush()
        raise_alarms(session, self.calls, now)
        found = (_ENTRY, self.entries), (_NOTE, self.notes), (_WRITE, self.visits), (_STATE, self.technicians)
        for statement, rows in found:
            statement.run(session.connection(), rows)


def look_at_days(session: Session, technician_ids: Sequence[int], telling: Telling, now: datetime) -> int:
    """Forecast and decide for every open visit of technicians around now; return how many notices were added.

    Technicians whose days somebody else is changing at this moment are left out: they stay due.
    """
    found = _Findings()
    mine = lock_free_technicians(session, technician_ids)
    # Read when the turn is ours: who changes the policy waits for it, and has looked at again what went by the old one.
    policy = current_policy(session)
    days = load_days(session, mine, telling.zone, now)
    added = sum(_look(session, technician_id, day, telling, now, policy, found) for technician_id, day in days.items())
    found.write(session, now)
    return added


def _look(
    session: Session,
    technician_id: int,
    day: KnownDay,
    telling: Telling,
    now: datetime,
    policy: Policy,
    found: _Findings,
) -> int:
    if any(visit.decided_reason == RULE_FAILED for visit in day.visits):
        clear_alarms(session, f"technician:{technician_id}", [RULE_FAILED], now)
    if not any(_is_due(visit, now) for visit in day.visits):
        found.calls.extend(_set_aside(session, technician_id, now))
    outlook = forecast_day(day.stops, now)
    status = {visit.id: visit.status for visit in day.visits} | _correct(session, day, outlook, now)
    forecasts = {int(forecast.visit): forecast for forecast in outlook.forecasts}
    stops = {int(stop.visit): stop for stop in day.stops.stops}
    kept: dict[int, dict[str, Any]] = {}
    looks: list[datetime] = []
    added = 0
    for visit in day.visits:
        if status[visit.id] not in AWAITED:
            continue
        if visit.lat is None:
            found.calls.append(Call("site_not_located", f"visit:{visit.id}", visit.id))
        if visit.id not in forecasts:
            continue
        forecast, told = forecasts[visit.id], day.told.get(visit.id, [])
        decision = _decide(day, stops[visit.id], forecast, told, _watch(visit), now, policy)
        if decision.kind:
            row = session.get_one(Visit, visit.id, options=_TOLD_OF)
            if row.beside_id is not None:  # the customer hears of the visit once, by who comes first
                if decision.kind in ("late", "late_update", "holding"):
                    found.calls.append(Call("second_late", f"visit:{visit.id}", visit.id, rests=ALARM_RESTS))
                decision = decision._replace(kind=None)
        if decision.kind:
            wish = row.customer.notices
            decision = hushed(decision, stops[visit.id], forecast, wish, telling.zone, now, policy)
            if decision.kind:
                add_notice(session, row, decision, telling, now)
                added += 1
        if visit.decided_alarm not in (None, decision.alarm):
            clear_alarms(session, f"visit:{visit.id}", sorted(ALARMS), now)
        found.calls.extend(_calls(visit, decision, told, now))
        news = _is_news(visit, forecast, decision)
        if news:
            found.entries.append(_entry(visit, decision, now))
        kept[visit.id] = _to_keep(visit, forecast, decision, news)
        if news or _moved_on(visit, forecast, now):
            found.notes.append(_note(visit, forecast, now))
            kept[visit.id] |= _as_noted(forecast, now)
        looks += _moments(decision, told, now)
    waiting = [visit for visit in day.visits if status[visit.id] in OPEN]
    for visit, check_at in zip(waiting, _next_looks(waiting, looks, now), strict=True):
        found.visits.extend(_row(visit, {**kept.get(visit.id, {}), "check_at": check_at}))
    found.technicians.extend(_state_row(day.technician, outlook, now))
    return added


def postpone_day(session: Session, technician_id: int, now: datetime, error: str) -> None:
    """Push a technician's day forward because looking at it failed, and call a person."""
    lock_technicians(session, technician_id)
    due = (Visit.technician_id == technician_id, Visit.status.in_(OPEN), Visit.check_at <= now)
    free = select(Visit.id).where(*due).with_for_update(key_share=True, skip_locked=True)
    session.execute(
        update(Visit)
        .where(Visit.id.in_(session.scalars(free).all()))
        .values(check_at=now + POSTPONED, decided_reason=RULE_FAILED)
    )
    subject = f"technician:{technician_id}"
    raise_alarm(session, RULE_FAILED, subject, now, technician_id=technician_id, facts={"error": error})


def _correct(session: Session, day: KnownDay, outlook: DayForecast, now: datetime) -> dict[int, str]:
    """Record what positions tell, and return the states it leads to.

    Arrivals that cannot be right are withdrawn, forgotten steps are noted.
    """
    changed: dict[int, Visit] = {}

    def found(visit_id: int | str) -> Visit:
        return changed.setdefault(int(visit_id), session.get_one(Visit, int(visit_id)))

    for visit in day.doubted:
        withdraw_arrival(session, found(visit.id), now, "silence_broken", now=now)
    for wrong in outlook.withdrawn:
        withdraw_arrival(session, found(wrong.visit), wrong.at, wrong.why, now=now)
    for seen in outlook.inferred:
        note_inferred(session, found(seen.visit), seen.kind, seen.at, seen.why, now=now)
    return {visit_id: visit.status for visit_id, visit in changed.items()}


def _decide(
    day: KnownDay,
    stop: Stop,
    forecast: Forecast,
    notices: Sequence[KnownNotice],
    watch: Watch,
    now: datetime,
    policy: Policy,
) -> Decision:
    told = [Told(n.kind, n.created_at, n.quoted_from_at, n.quoted_until_at) for n in notices]
    decision = decide(stop, forecast, told, watch, now, policy)
    if decision.reason.code == CONFIRMING:
        since_at = suspected_since(day.stops, stop, told, now, policy)
        if since_at is not None:
            return decide(stop, forecast, told, replace(decision.watch, late_since_at=since_at), now, policy)
    return decision


def _is_due(visit: KnownVisit, now: datetime) -> bool:
    return visit.status in OPEN and (visit.check_at is None or visit.check_at <= now)


def _set_aside(session: Session, technician_id: int, now: datetime) -> Iterator[Call]:
    """Take visits of other days out of the sweep: coming ones until their day, forgotten ones to a person."""
    for visit in due_elsewhere(session, technician_id, now):
        if visit.planned_from_at > now:
            visit.check_at = visit.planned_from_at - DAY_REACH + timedelta(seconds=1)
        else:
            visit.check_at = None
            yield Call("visit_left_open", f"visit:{visit.id}", visit.id)


def _next_looks(waiting: Sequence[KnownVisit], looks: Sequence[datetime], now: datetime) -> list[datetime]:
    """Return when each open visit of a day is looked at again.

    One look sees the whole day, so the first visit carries the first of the moments that the visits ask for, and the
    others need no writing. At the latest a visit is looked at when it leaves its day, to be handed to a person.
    """
    last = [visit.planned_until_at + DAY_REACH for visit in waiting]
    if last and looks:
        last[0] = min(max(min(looks), now + NOT_AT_ONCE), last[0])
    return last


def _calls(visit: KnownVisit, decision: Decision, told: Sequence[KnownNotice], now: datetime) -> Iterator[Call]:
    """Yield what a person is called for: what the decision asks for, and news that the customer was promised by now."""
    subject = f"visit:{visit.id}"
    if decision.alarm:
        yield Call(decision.alarm, subject, visit.id, rests=ALARM_RESTS)
    word_at = None if decision.kind else _word_at(told)
    # What never left promised nothing; it stands on the attention list itself.
    if word_at is not None and word_at <= now and told[-1].state in GONE_OUT:
        # Who has dealt with it has given the word; a later promise of news is another hold, and another day.
        yield Call("word_promised", subject, visit.id, facts={"by": word_at.isoformat()}, rests=DAY_REACH)


def _moments(decision: Decision, told: Sequence[KnownNotice], now: datetime) -> Iterator[datetime]:
    """Yield when to look again: as decided, and when the customer was promised news."""
    if decision.look_again_at is not None:
        yield decision.look_again_at
    word_at = None if decision.kind else _word_at(told)
    if word_at is not None and word_at > now:
        yield word_at


def _word_at(told: Sequence[KnownNotice]) -> datetime | None:
    """Return by when the customer was promised news, if that was the last word."""
    promised = told[-1].reason_facts.get("next_at") if told and told[-1].kind == "holding" else None
    return None if promised is None else datetime.fromisoformat(str(promised))


def _watch(visit: KnownVisit) -> Watch:
    if not visit.watch:
        return UNSUSPECTED
    return Watch(**{name: datetime.fromisoformat(at) for name, at in visit.watch.items() if at})


def _memory(watch: Watch) -> dict[str, str]:
    """Return a watch as it is kept; `_watch` reads it."""
    if watch is UNSUSPECTED:
        return {}
    return {one.name: at.isoformat() for one in fields(Watch) if (at := getattr(watch, one.name))}


def _is_news(visit: KnownVisit, forecast: Forecast, decision: Decision) -> bool:
    said = (decision.reason.code, forecast.basis, forecast.state, _how_likely(forecast.late_probability))
    before = (visit.decided_reason, visit.forecast_basis, visit.forecast_state, _how_likely(visit.late_probability))
    return bool(decision.kind) or said != before


def _how_likely(late_probability: float | None) -> int:
    """Return in which of the board's bands a chance lies: why nothing is said must not speak of another one."""
    share = late_probability or 0.0
    return (share >= RISKY) + (share >= LIKELY)


def _entry(visit: KnownVisit, decision: Decision, now: datetime) -> _Row:
    """Return the row that the history keeps of a decision that says something new."""
    return visit.id, now, decision.kind, decision.reason.code, dict(decision.reason.facts)


def _noted(visit: KnownVisit) -> Noted | None:
    if visit.noted_at is None or visit.noted_median_at is None or visit.noted_until_at is None:
        return None
    return Noted(visit.noted_at, visit.noted_median_at, visit.noted_until_at)


def _moved_on(visit: KnownVisit, forecast: Forecast, now: datetime) -> bool:
    middle_at, until_at = forecast.arrives_median_at, forecast.arrives_until_at
    return worth_noting(_noted(visit), middle_at, until_at, visit.promised_until_at, now)


def _as_noted(forecast: Forecast, now: datetime) -> dict[str, Any]:
    """Return what the visit remembers of an entry; `_noted` reads it."""
    return {
        "noted_at": now,
        "noted_median_at": forecast.arrives_median_at,
        "noted_until_at": forecast.arrives_until_at,
    }


def _note(visit: KnownVisit, forecast: Forecast, now: datetime) -> _Row:
    """Return the row that the history keeps of a forecast that says something new."""
    return (
        visit.id,
        now,
        forecast.arrives_from_at,
        forecast.arrives_median_at,
        forecast.arrives_until_at,
        forecast.late_probability,
        forecast.basis,
        forecast.state,
        forecast.as_of,
    )


def _to_keep(visit: KnownVisit, forecast: Forecast, decision: Decision, news: bool) -> dict[str, Any]:
    """Return what to keep on the visit."""
    kept: dict[str, Any] = {"watch": _memory(decision.watch), "decided_alarm": decision.alarm}
    if news or forecast.next_stop or _has_moved(visit, forecast):
        kept |= {
            "decided_reason": decision.reason.code,
            "forecast_basis": forecast.basis,
            "forecast_state": forecast.state,
            "forecast_from_at": forecast.arrives_from_at,
            "forecast_until_at": forecast.arrives_until_at,
            "forecast_median_at": forecast.arrives_median_at,
            "late_probability": forecast.late_probability,
            "forecast_as_of_at": forecast.as_of,
        }
    return kept


def _has_moved(visit: KnownVisit, forecast: Forecast) -> bool:
    """Return whether a later stop's forecast says something else than the one that is kept."""
    kept = (visit.forecast_from_at, visit.forecast_until_at, visit.forecast_as_of_at)
    made = (forecast.arrives_from_at, forecast.arrives_until_at, forecast.as_of)
    return any(
        old != new and (old is None or new is None or abs(new - old) >= WORTH_WRITING)
        for old, new in zip(kept, made, strict=True)
    )


def _state_row(known: KnownTechnician, outlook: DayForecast, now: datetime) -> list[_Row]:
    """Return the row to write for a technician who does something else than before, or for another reason."""
    same_since = known.state_since_at == outlook.since or (
        known.state_since_at is not None
        and outlook.since is not None
        and abs(known.state_since_at - outlook.since) < WORTH_WRITING
    )
    if same_since and (known.state, known.state_why) == (outlook.state, outlook.why):
        return []
    return [(known.id, outlook.state, outlook.since, outlook.why, now)]


def _row(visit: KnownVisit, kept: dict[str, Any]) -> list[_Row]:
    """Return the row to write for a visit, if a look found something new about it."""
    after = visit._replace(**kept)
    return [] if after == visit else [_OF_VISIT(after)]
