"""Look at a technician's day again: forecast every stop, record what taps forgot, and tell who must be told."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session, joinedload

from app.models import Alarm, DecisionEntry, Notice, PositionFix, Visit
from app.operations.alarm import clear_alarms, raise_alarm
from app.operations.booking import lock_technicians
from app.operations.field import note_inferred, withdraw_arrival
from app.operations.notice import Telling, add_notice
from app.rules.forecast import Day, Forecast, Stop, forecast_day
from app.rules.hindsight import CONFIRMING, suspected_since
from app.rules.lateness import ALARMS, Decision, Told, Watch, decide
from app.rules.policy import Policy
from app.rules.position import Fix
from app.rules.visit import AWAITED, OPEN

#: Stops this far from now belong to the day that is looked at.
DAY_REACH = timedelta(hours=12)
#: Positions older than this say nothing about the pace now.
FIXES_REACH = timedelta(hours=3)
#: When a rule fails on a day, the day is looked at again after this, so that it cannot block the others.
POSTPONED = timedelta(minutes=5)

#: An alarm that a person has dealt with comes back after this, if its cause is still there.
ALARM_RESTS = timedelta(minutes=15)

#: Notices that a customer has not been and will not be told.
_NOT_TOLD = ("dropped",)


def due_technicians(session: Session, now: datetime) -> Sequence[int]:
    """Return the technicians with a visit that is due to be looked at, longest due first."""
    rows = session.execute(
        select(Visit.technician_id)
        .where(Visit.check_at <= now, Visit.status.in_(OPEN), Visit.technician_id.is_not(None))
        .order_by(Visit.check_at)
    )
    return list(dict.fromkeys(technician_id for (technician_id,) in rows if technician_id is not None))


def look_at_day(session: Session, technician_id: int, telling: Telling, now: datetime, policy: Policy) -> int:
    """Forecast and decide for every open visit of a technician around now; return how many notices were added."""
    lock_technicians(session, technician_id)
    _set_aside(session, technician_id, now)
    visits = _visits_around(session, technician_id, now)
    located = [visit for visit in visits if visit.site.lat is not None]
    fixes = _fixes(session, technician_id, now)
    doubted = [visit for visit in located if _silence_broken(visit, fixes)]
    day = Day(tuple(_stop(visit, arrived=visit not in doubted) for visit in located), fixes, telling.zone)
    outlook = forecast_day(day, now)
    by_id = {str(visit.id): visit for visit in located}
    for visit in doubted:
        withdraw_arrival(session, visit, now, "silence_broken", now=now)
    for wrong in outlook.withdrawn:
        withdraw_arrival(session, by_id[wrong.visit], wrong.at, wrong.why, now=now)
    for seen in outlook.inferred:
        note_inferred(session, by_id[seen.visit], seen.kind, seen.at, seen.why, now=now)
    notices = _notices(session, [visit.id for visit in located])
    standing = _standing_alarms(session, [visit.id for visit in located])
    stops = {stop.visit: stop for stop in day.stops}
    added = 0
    for forecast in outlook.forecasts:
        visit = by_id[forecast.visit]
        if visit.status not in AWAITED:
            continue
        earlier = [notice for notice in notices.get(visit.id, []) if _speaks_of(notice, visit)]
        told = [Told(n.kind, n.created_at, n.quoted_from_at, n.quoted_until_at) for n in earlier]
        stop = stops[forecast.visit]
        decision = decide(stop, forecast, told, _watch(visit), now, policy)
        if decision.reason.code == CONFIRMING:
            since_at = suspected_since(day, stop, told, now, policy)
            if since_at is not None:
                decision = decide(stop, forecast, told, replace(decision.watch, late_since_at=since_at), now, policy)
        if decision.kind:
            add_notice(session, visit, decision, earlier, telling, now)
            added += 1
        _remember(session, visit, forecast, decision, standing, now)
        if not decision.kind:
            _keep_word(session, visit, earlier, now)
    for visit in visits:
        if visit.is_open and (visit.check_at is None or visit.check_at <= now):
            visit.check_at = _last_look_at(visit)
        if visit.site.lat is None and visit.status in AWAITED:
            raise_alarm(session, "site_not_located", f"visit:{visit.id}", now, visit_id=visit.id)
    return added


def postpone_day(session: Session, technician_id: int, now: datetime, error: str) -> None:
    """Push a technician's day forward because looking at it failed, and call a person."""
    lock_technicians(session, technician_id)
    session.execute(
        update(Visit)
        .where(Visit.technician_id == technician_id, Visit.status.in_(OPEN), Visit.check_at <= now)
        .values(check_at=now + POSTPONED)
    )
    raise_alarm(
        session, "rule_failed", f"technician:{technician_id}", now, technician_id=technician_id, facts={"error": error}
    )


def _set_aside(session: Session, technician_id: int, now: datetime) -> None:
    """Take visits of other days out of the sweep: coming ones until their day, forgotten ones to a person."""
    elsewhere = session.scalars(
        select(Visit).where(
            Visit.technician_id == technician_id,
            Visit.check_at <= now,
            Visit.status.in_(OPEN),
            or_(Visit.planned_from_at >= now + DAY_REACH, Visit.planned_until_at <= now - DAY_REACH),
        )
    )
    for visit in elsewhere:
        if visit.planned_from_at > now:
            visit.check_at = visit.planned_from_at - DAY_REACH + timedelta(seconds=1)
        else:
            visit.check_at = None
            raise_alarm(session, "visit_left_open", f"visit:{visit.id}", now, visit_id=visit.id)


def _last_look_at(visit: Visit) -> datetime:
    """Return when a visit that nothing happens to leaves its day, and so is handed to a person."""
    return visit.planned_until_at + DAY_REACH


def _visits_around(session: Session, technician_id: int, now: datetime) -> Sequence[Visit]:
    return session.scalars(
        select(Visit)
        .where(
            Visit.technician_id == technician_id,
            Visit.status != "cancelled",
            Visit.planned_from_at < now + DAY_REACH,
            Visit.planned_until_at > now - DAY_REACH,
        )
        .options(joinedload(Visit.site), joinedload(Visit.customer))
        .order_by(Visit.planned_from_at, Visit.id)
        .with_for_update(of=Visit, key_share=True)
    ).all()


def _speaks_of(notice: Notice, visit: Visit) -> bool:
    """Return whether a notice is about the promise as it stands, not about one that was moved since."""
    return (notice.promised_from_at, notice.promised_until_at) == (visit.promised_from_at, visit.promised_until_at)


def _keep_word(session: Session, visit: Visit, told: Sequence[Notice], now: datetime) -> None:
    """Call a person when the customer was promised news by now and has had none since; else look again then."""
    promised = told[-1].reason_facts.get("next_at") if told and told[-1].kind == "holding" else None
    if promised is None:
        return
    word_at = datetime.fromisoformat(str(promised))
    if word_at <= now:
        # Who has dealt with it has given the word; a later promise of news is another hold, and another day.
        subject, facts = f"visit:{visit.id}", {"by": promised}
        raise_alarm(session, "word_promised", subject, now, visit_id=visit.id, facts=facts, rests=DAY_REACH)
    else:
        visit.check_at = min(visit.check_at or word_at, word_at)


def _silence_broken(visit: Visit, fixes: Sequence[Fix]) -> bool:
    """Return whether an arrival was concluded from silence alone, and the phone has been heard since."""
    arrived_at = visit.arrived_at if visit.arrived_by == "silence" and visit.completed_at is None else None
    return arrived_at is not None and any(fix.fixed_at > arrived_at for fix in fixes)


def _stop(visit: Visit, *, arrived: bool) -> Stop:
    assert visit.site.lat is not None
    assert visit.site.lon is not None
    return Stop(
        visit=str(visit.id),
        lat=visit.site.lat,
        lon=visit.site.lon,
        promised_from_at=visit.promised_from_at,
        promised_until_at=visit.promised_until_at,
        duration_min=visit.duration_min,
        en_route_at=visit.en_route_at,
        arrived_at=visit.arrived_at if arrived else None,
        completed_at=visit.completed_at,
        eta_reported=visit.eta_reported,
        eta_reported_at=visit.eta_reported_at,
    )


def _fixes(session: Session, technician_id: int, now: datetime) -> tuple[Fix, ...]:
    rows = session.execute(
        select(
            PositionFix.fixed_at,
            PositionFix.lat,
            PositionFix.lon,
            PositionFix.accuracy_m,
            PositionFix.speed_mps,
            PositionFix.moved,
        )
        .where(
            PositionFix.technician_id == technician_id,
            PositionFix.fixed_at > now - FIXES_REACH,
            PositionFix.moved,  # a ping is an old place under the present time: it would look like standing there
        )
        .order_by(PositionFix.fixed_at)
    )
    return tuple(Fix(*row) for row in rows)


def _notices(session: Session, visit_ids: Sequence[int]) -> dict[int, list[Notice]]:
    found: dict[int, list[Notice]] = {}
    for notice in session.scalars(
        select(Notice).where(Notice.visit_id.in_(visit_ids), Notice.state.not_in(_NOT_TOLD)).order_by(Notice.id)
    ):
        found.setdefault(notice.visit_id, []).append(notice)
    return found


def _standing_alarms(session: Session, visit_ids: Sequence[int]) -> Set[tuple[str, str]]:
    """Return kind and subject of the alarms that earlier looks raised."""
    rows = session.execute(
        select(Alarm.kind, Alarm.subject).where(
            Alarm.visit_id.in_(visit_ids), Alarm.kind.in_(ALARMS), Alarm.cleared_at.is_(None)
        )
    )
    return {(kind, subject) for kind, subject in rows}


def _watch(visit: Visit) -> Watch:
    return Watch(**{name: datetime.fromisoformat(at) if at else None for name, at in visit.watch.items()})


def _remember(
    session: Session,
    visit: Visit,
    forecast: Forecast,
    decision: Decision,
    standing: Set[tuple[str, str]],
    now: datetime,
) -> None:
    """Keep the forecast on the visit, the decision in the history when it says something new, and the next look."""
    before = (visit.decided_reason, visit.forecast_basis, visit.forecast_state)
    visit.forecast_from_at, visit.forecast_until_at = forecast.arrives_from_at, forecast.arrives_until_at
    visit.forecast_median_at, visit.late_probability = forecast.arrives_median_at, forecast.late_probability
    visit.forecast_as_of_at, visit.forecast_basis = forecast.as_of, forecast.basis
    visit.forecast_state = forecast.state
    watch = {name: at.isoformat() if at else None for name, at in asdict(decision.watch).items()}
    if watch != visit.watch:
        visit.watch = watch
    visit.check_at = min(decision.look_again_at or _last_look_at(visit), _last_look_at(visit))
    visit.decided_reason = decision.reason.code
    if decision.kind or before != (decision.reason.code, forecast.basis, forecast.state):
        session.add(
            DecisionEntry(
                visit_id=visit.id,
                at=now,
                kind=decision.kind,
                reason_code=decision.reason.code,
                reason_facts=dict(decision.reason.facts),
                forecast=_shown(forecast),
            )
        )
    subject = f"visit:{visit.id}"
    if decision.alarm and (decision.alarm, subject) not in standing:
        raise_alarm(session, decision.alarm, subject, now, visit_id=visit.id, rests=ALARM_RESTS)
    over = [kind for kind in ALARMS if kind != decision.alarm and (kind, subject) in standing]
    if over:
        clear_alarms(session, subject, over, now)


def _shown(forecast: Forecast) -> dict[str, Any]:
    return {
        "from": forecast.arrives_from_at.isoformat(),
        "until": forecast.arrives_until_at.isoformat(),
        "late": round(forecast.late_probability, 3),
        "as_of": forecast.as_of.isoformat() if forecast.as_of else None,
        "basis": forecast.basis,
        "state": forecast.state,
    }
