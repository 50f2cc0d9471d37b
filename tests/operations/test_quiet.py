"""Does the sweep hold what can wait, say it in the morning if it is still true, and keep a customer's wish?"""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update

from app.explain.visit import answer
from app.models import Customer, DecisionEntry, Notice, Visit
from app.operations.customer import change_customer
from app.operations.customer_view import choose_notices
from app.operations.field import report_eta
from app.operations.history import read_history
from app.operations.policy import change_policy
from app.tick import sweep


@pytest.fixture
def siesta(parts, db, clock, world):
    """It is 16:00 and quiet until 18:00; the technician says that the visit of 18:30 begins at ten to eight."""
    visit_id = world.visit(150)
    with db.write() as session:
        quiet = {"quiet_from": "15:00", "quiet_until": "18:00", "quiet_near_min": 30.0}
        bold = {"vague_share": 0.0, "guess_share": 0.0, "stale_min": 180.0}
        change_policy(session, quiet | bold, actor="user:2", now=clock.now())

    def says(minutes):
        with db.write() as session:
            report_eta(session, visit_id, clock.now() + timedelta(minutes=minutes), now=clock.now(), actor="test")

    def live(minutes):
        for _ in range(minutes):
            sweep(parts, clock.forward(minutes=1))
        with db.read() as session:
            reasons = session.scalars(select(DecisionEntry.reason_code).order_by(DecisionEntry.id)).all()
            return (
                session.scalars(select(Notice.kind).order_by(Notice.id)).all(),
                reasons[-1],
                session.get_one(Visit, visit_id),
            )

    says(230)
    return SimpleNamespace(live=live, says=says)


def test_what_can_wait_waits_for_the_end_of_quiet_hours_and_is_then_said(siesta, db, clock):
    told, reason, visit = siesta.live(10)
    assert (told, reason) == ([], "quiet_hours")
    with db.read() as session:
        said = answer(read_history(session, visit.id, clock.now()), "en", ZoneInfo("Asia/Tokyo"))
    assert said.startswith("Nothing is sent")
    assert "decided anew at 18:00" in said
    assert visit.check_at == clock.now() + timedelta(minutes=110)
    assert siesta.live(109)[0] == []
    assert siesta.live(2)[0] == ["late"]


def test_what_is_no_longer_true_in_the_morning_was_never_said(siesta):
    siesta.live(10)
    siesta.says(140)
    assert siesta.live(112)[0] == []


@pytest.mark.parametrize("wish", ["all", "delays", "none"])
def test_who_wants_to_hear_nothing_hears_nothing_and_the_history_says_why(siesta, db, clock, wish):
    with db.write() as session:
        session.execute(update(Customer).values(notices=wish))
        change_policy(session, {"quiet_until": "15:00"}, actor="user:2", now=clock.now())
    told, reason, _ = siesta.live(5)
    assert (told == []) is (wish == "none")
    assert (reason == "wants_nothing") is (wish == "none")


def test_the_channel_a_customer_asked_for_comes_first(siesta, db, parts):
    with db.write() as session:
        session.execute(update(Customer).values(first_channel="email"))
    siesta.live(125)
    with db.read() as session:
        assert session.scalars(select(Notice.channels)).one() == sorted(
            parts.channels, key=lambda name: name != "email"
        )


@pytest.mark.parametrize("by", ["link", "office"])
def test_who_asks_to_be_told_after_all_is_told_with_the_next_sweep(siesta, db, clock, by):
    with db.write() as session:
        session.execute(update(Customer).values(notices="none"))
        change_policy(session, {"quiet_until": "15:00"}, actor="user:2", now=clock.now())
    assert siesta.live(10)[1] == "wants_nothing"
    with db.write() as session:
        visit = session.scalars(select(Visit)).one()
        if by == "link":
            choose_notices(session, visit.link_token, notices="all", first_channel="", now=clock.now())
        else:
            names = ("name", "kind", "language", "mobile", "phone", "email", "line_id", "first_channel")
            known = {name: getattr(visit.customer, name) for name in names}
            change_customer(session, visit.customer_id, **known, country="JP", notices="all", now=clock.now())
    assert siesta.live(1)[0] == ["late"]
