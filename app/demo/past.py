"""What did the firm's last weeks look like? So that the demo has days to play again and something learned.

The days are lived through as the demo's own is (demo.world), but written down as they were, not played through the
engine: that would take minutes. What customers were told is as the product tells it on such days, mostly in time.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from app.demo.cast import Cast
from app.demo.company import Person, Stop, Trouble
from app.demo.world import Happening, World
from app.models import Notice, PositionFix, Visit, VisitEvent
from app.operations.learning import keep_habits, learn
from app.rules.visit import GRACE

#: So many weeks, working days only, of the firm's first technicians.
WEEKS, TECHNICIANS = 4, 3
#: How often something holds a technician up on the way, and how often the customer hears of a delay too late.
TROUBLED, UNTOLD = 0.15, 0.08
#: Half the width of the windows that customers were told, and how well they hit.
WINDOW = timedelta(minutes=12)
MISSES_BY_MIN = 8.0
#: What a visit keeps the moment of.
_TAPS = ("en_route", "arrived", "completed")


def add_past(session: Session, people: Sequence[Person], cast: Cast, today: date, zone: tzinfo) -> None:
    """Add the weeks before a day, with positions of every one, and what they teach."""
    chance = random.Random("past")
    for back in range(7 * WEEKS, 0, -1):
        on = today - timedelta(days=back)
        if on.weekday() < 5:
            _add_day(session, people, cast, on, zone, chance)
    session.flush()
    # As the night before would have: the demo's day is forecast with it.
    night_at = datetime.combine(today, time(4), zone)
    keep_habits(session, learn(session, night_at, zone), night_at)


def _add_day(
    session: Session, people: Sequence[Person], cast: Cast, on: date, zone: tzinfo, chance: random.Random
) -> None:
    turn = on.toordinal()
    whose = [(n + turn) % len(people) for n in range(min(TECHNICIANS, len(people)))]
    crew = [
        replace(
            people[n],
            stops=tuple(_usual(stop, chance) for stop in people[k].stops),
            pace=people[n].pace * chance.lognormvariate(0.0, 0.15),
        )
        for n, k in enumerate(whose)
    ]
    world = World(crew, on, zone, seed=turn)
    visits: list[list[Visit]] = []
    for n, person in enumerate(crew):
        visits.append([_visit(cast, n, whose[n], m, stop, on, zone) for m, stop in enumerate(person.stops)])
        session.add_all(visits[n])
    session.flush()
    fixes: list[dict[str, Any]] = []
    for one in world.step(world.ends_at):
        technician_id = cast.technicians[one.person]
        if one.kind == "fixes":
            fixes += _rows(one, technician_id)
        elif one.status in _TAPS:
            _tap(visits[one.person][one.stop], one)
    session.execute(insert(PositionFix), fixes)
    for row in visits:
        for visit in row:
            visit.status = "completed"
            session.add_all(_events(visit, cast.dispatcher))
            session.add_all(_told(visit, chance))


def _usual(stop: Stop, chance: random.Random) -> Stop:
    """Return a stop as it is on an ordinary day: work that varies, and now and then a jam."""
    takes_min = max(round(stop.plan_min * chance.lognormvariate(-0.05, 0.15)), 10)
    jam = Trouble("jam", chance.randint(12, 35)) if chance.random() < TROUBLED else None
    return replace(stop, takes_min=takes_min, trouble=jam, reports=None, nobody_in=False, early_min=8)


def _visit(cast: Cast, n: int, k: int, m: int, stop: Stop, on: date, zone: tzinfo) -> Visit:
    from_at = datetime.combine(on, time.fromisoformat(stop.promised_from), zone)
    until_at = datetime.combine(on, time.fromisoformat(stop.promised_until or stop.promised_from), zone)
    return Visit(
        customer_id=cast.customers[k][m], site_id=cast.sites[k][m], service_id=cast.services[stop.service],
        technician_id=cast.technicians[n], link_token=f"past-{on}-{n}-{m}", created_at=from_at - timedelta(days=3),
        promised_from_at=from_at, promised_until_at=until_at, planned_from_at=from_at,
        planned_until_at=from_at + timedelta(minutes=stop.plan_min), duration_min=stop.plan_min, watch={},
    )  # fmt: skip


def _rows(one: Happening, technician_id: int) -> list[dict[str, Any]]:
    return [
        {
            "technician_id": technician_id, "fixed_at": fix.fixed_at, "received_at": one.at, "lat": round(fix.lat, 6),
            "lon": round(fix.lon, 6), "accuracy_m": fix.accuracy_m, "speed_mps": fix.speed_mps, "moved": True,
            "source": "owntracks",
        }
        for fix in one.fixes
    ]  # fmt: skip


def _tap(visit: Visit, one: Happening) -> None:
    setattr(visit, f"{one.status}_at", one.at)
    setattr(visit, f"{one.status}_by", "tap")


def _events(visit: Visit, dispatcher: int) -> list[VisitEvent]:
    facts = {
        "promised_from": visit.promised_from_at.isoformat(), "promised_until": visit.promised_until_at.isoformat(),
        "planned_from": visit.planned_from_at.isoformat(), "technician": visit.technician_id,
        "duration_min": visit.duration_min,
    }  # fmt: skip
    booked_at, actor = visit.created_at, f"technician:{visit.technician_id}"
    return [
        VisitEvent(
            visit_id=visit.id, at=booked_at, recorded_at=booked_at, kind="booked", actor=f"user:{dispatcher}",
            facts=facts,
        ),
        *(
            VisitEvent(visit_id=visit.id, at=at, recorded_at=at, kind=kind, actor=actor, facts={"by": "tap"})
            for kind in _TAPS
            if (at := getattr(visit, f"{kind}_at")) is not None
        ),
    ]  # fmt: skip


def _told(visit: Visit, chance: random.Random) -> list[Notice]:
    """Return what the customer of a late visit was told, about a quarter of an hour before the promise ended."""
    arrived_at = visit.arrived_at
    if arrived_at is None or arrived_at <= visit.promised_until_at + GRACE or chance.random() < UNTOLD:
        return []
    at = visit.promised_until_at - timedelta(minutes=chance.uniform(8, 25))
    middle_at = max(arrived_at + timedelta(minutes=chance.gauss(0, MISSES_BY_MIN)), visit.promised_until_at + WINDOW)
    return [
        Notice(
            visit_id=visit.id, kind="late", language="ja", dedupe_key=f"{visit.id}:late:1", created_at=at,
            quoted_from_at=middle_at - WINDOW, quoted_until_at=middle_at + WINDOW, reason_code="late_expected",
            reason_facts={}, promised_from_at=visit.promised_from_at, promised_until_at=visit.promised_until_at,
            technician_id=visit.technician_id, channels=["console"], state="delivered", sent_at=at, delivered_at=at,
            expires_at=middle_at + WINDOW, attempts_made=1,
        )
    ]  # fmt: skip
