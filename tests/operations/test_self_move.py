"""Do two customers who choose the same time at the same moment ever get the same technician?"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import select

from app.errors import Conflict
from app.models import Hold, Technician, Visit
from app.operations.notice import Telling
from app.operations.self_move import keep_time, kept_time, move_to
from app.operations.self_times import find_times

PEOPLE = 6


@pytest.fixture
def links(world, db):
    """The links of visits of six customers at different hours, two days ahead."""
    ids = [world.visit(2 * 24 * 60 - 90 * n) for n in range(PEOPLE)]
    with db.read() as session:
        return [session.get_one(Visit, one).link_token for one in ids]


def at_once(links, act):
    """Have everybody act at the same moment; return what came of it, None for a refusal."""
    start = Barrier(PEOPLE)

    def one(link):
        start.wait(10)
        try:
            return act(link)
        except Conflict:
            return None

    with ThreadPoolExecutor(PEOPLE) as threads:
        return list(threads.map(one, links))


@pytest.mark.parametrize("technicians", [1, 3])
def test_one_time_is_kept_for_as_many_customers_as_technicians_can_come(db, world, links, clock, settings, technicians):
    with db.write() as session:
        for number in range(technicians - 1):
            session.add(Technician(name=f"T{number}", base_lat=34.2, base_lon=135.1, created_at=clock.now()))
    zone, now = settings.zone, clock.now()
    with db.read() as session:
        at = (
            find_times(session, links[0], None, zone, now).times(None).days[-1][1][-1].starts_at
        )  # when nobody is still driving in

    def keep(link):
        with db.write() as session:
            return keep_time(session, link, at, zone, now)

    kept = [hold for hold in at_once(links, keep) if hold]
    with db.read() as session:
        holds = session.scalars(select(Hold)).all()
    assert len(kept) == technicians
    assert len({one.technician_id for one in holds}) == len(holds) == technicians

    def confirm(link):
        with db.read() as session:
            own = [hold for hold in kept if kept_time(session, link, hold, now)]
        if own:
            with db.write() as session:
                telling = Telling("http://test", zone, {})
                move_to(session, link, own[0], at, version=1, telling=telling, now=now)
        return bool(own)

    assert sum(at_once(links, confirm)) == technicians
    with db.read() as session:
        there = session.scalars(select(Visit).where(Visit.planned_from_at == at)).all()
    assert len({visit.technician_id for visit in there}) == len(there) == technicians


def test_other_people_s_time_is_not_taken_however_late_she_confirms(db, world, links, clock, settings):
    zone = settings.zone
    with db.read() as session:
        at = find_times(session, links[0], None, zone, clock.now()).times(None).days[-1][1][0].starts_at
    with db.write() as session:
        hold = keep_time(session, links[0], at, zone, clock.now())
    clock.forward(minutes=11)
    with db.write() as session:
        keep_time(session, links[1], at, zone, clock.now())
    with db.write() as session, pytest.raises(Conflict, match="taken"):
        move_to(session, links[0], hold, at, version=1, telling=Telling("", zone, {}), now=clock.now())
    assert clock.now() < at - timedelta(days=1)
