"""Does one notice that cannot be worked with stop the others?"""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from app import tick
from app.models import Alarm, Notice, Visit
from app.operations.notice import News, Telling, add_notice
from app.tick import climb, deliver


@pytest.fixture
def waiting(db, clock, world, parts):
    """Two notices that wait to leave; the first can be broken by its number."""
    telling = Telling("https://abpc.jp", parts.settings.zone, parts.channels)
    with db.write() as session:
        visits = [session.get_one(Visit, one) for one in (world.visit(30), world.visit(300))]
        news = [News("late", "late", quoted=(visit.promised_from_at,) * 2) for visit in visits]
        return [add_notice(session, *one, telling, clock.now()).id for one in zip(visits, news, strict=True)]


def test_a_notice_that_cannot_be_worked_with_stands_before_no_other(db, clock, parts, waiting):
    with db.write() as session:
        session.get_one(Notice, waiting[0]).channels = []
    deliver(parts)
    deliver(parts)
    with db.read() as session:
        broken, other = (session.get_one(Notice, one) for one in waiting)
        assert other.state == "sent"
        assert (broken.state, broken.next_attempt_at) == ("due", clock.now() + timedelta(minutes=1))


def test_a_notice_that_cannot_climb_calls_a_person_and_stops_no_other(db, clock, parts, waiting, monkeypatch):
    climb_ladder = tick.climb_ladder

    def refuse(session, notice_id, now):
        if notice_id == waiting[0]:
            raise RuntimeError("no such luck")
        climb_ladder(session, notice_id, now)

    monkeypatch.setattr(tick, "climb_ladder", refuse)
    with db.write() as session:
        session.execute(update(Notice).values(call_at=clock.now(), watch_at=clock.now()))
    for _ in range(2):
        climb(parts, clock.forward(minutes=10))
    with db.read() as session:
        broken, other = (session.get_one(Notice, one) for one in waiting)
        assert (broken.state, other.state) == ("due", "failed")
        assert broken.watch_at == clock.now() + timedelta(minutes=5)
        calls = session.scalars(select(Alarm).where(Alarm.kind == "call_customer").order_by(Alarm.visit_id)).all()
        assert [call.facts["notice"] for call in calls] == waiting
