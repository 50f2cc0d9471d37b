"""Does every visit have an answer to "what was decided, and why", in both languages?"""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import update

from app.errors import NotFound
from app.explain.day import explain_day, explain_page, explain_technician, histories_of_day
from app.explain.visit import answer
from app.models import Site, Visit
from app.operations.booking import cancel_visit
from app.operations.field import report_status
from app.operations.history import read_history
from app.operations.position import ReportedFix, record_fixes
from app.rules.position import Fix
from app.tick import deliver, sweep

TOKYO = ZoneInfo("Asia/Tokyo")


@pytest.fixture
def asked(db, clock):
    """Return a function that asks about a visit, in English or in Japanese."""

    def ask(visit_id, locale="en"):
        with db.read() as session:
            return answer(read_history(session, visit_id, clock.now()), locale, TOKYO)

    return ask


def test_a_visit_that_nobody_looked_at_says_why(asked, world, db, clock):
    nobody, far, due, over = (
        world.visit(60, technician_id=None),
        world.visit(24 * 60),
        world.visit(60),
        world.visit(200),
    )
    gone = world.visit(320)
    with db.write() as session:
        report_status(session, over, "completed", now=clock.now(), actor="test")
        cancel_visit(session, gone, now=clock.now(), actor="test")
    assert "Nobody is assigned" in asked(nobody)
    assert "too early" in asked(far)
    assert "Check that the jobs are running" in asked(due)
    assert "over before" in asked(over)
    assert "cancelled" in asked(gone)
    with db.write() as session:
        session.execute(update(Site).values(lat=None, lon=None))
    assert "position is unknown" in asked(due)
    with db.write() as session:
        session.execute(update(Site).values(lat=34.2, lon=135.1))
        session.execute(update(Visit).where(Visit.id == due).values(decided_reason="rule_failed"))
    assert "tried again" in asked(due)


def test_what_was_told_is_said_with_its_window_and_reason_and_what_did_not_get_out_too(asked, world, parts, db, clock):
    visit_id = world.visit(30)
    for _ in range(22):
        sweep(parts, clock.forward(minutes=1))
    assert "has not reached the customer" in asked(visit_id)
    deliver(parts)
    assert asked(visit_id).startswith("“Checking” was sent")
    assert "お届けしました" in asked(visit_id, "ja")


def test_a_technician_is_explained_with_the_visits_of_today(world, parts, db, clock):
    world.visit(60)
    for _ in range(3):
        with db.write() as session:
            fix = Fix(clock.forward(minutes=1), 34.19, 135.11, 10.0)
            record_fixes(session, world.technician, [ReportedFix(fix, {})], source="test", now=clock.now())
        sweep(parts, clock.now())
    with db.read() as session:
        lines = list(explain_technician(session, world.technician, TOKYO, clock.now(), "en"))
        with pytest.raises(NotFound):
            list(explain_technician(session, 999, TOKYO, clock.now(), "en"))
    assert lines[0].startswith("佐藤: ")
    assert lines[1].startswith("last position ")
    assert "Nothing needs to be said yet" in lines[3]


def test_an_empty_day_is_said_to_be_empty(db, clock):
    with db.read() as session:
        (line,) = explain_day(session, clock.now().date() + timedelta(days=400), TOKYO, clock.now(), "en")
    assert line.startswith("No visits on ")


def test_the_page_of_a_day_needs_nothing_else(world, parts, db, clock):
    world.visit(60)
    sweep(parts, clock.forward(minutes=1))
    with db.read() as session:
        today = clock.now().astimezone(TOKYO).date()
        page = explain_page(histories_of_day(session, today, TOKYO, clock.now()), "<A day>", TOKYO, "ja")
    assert "<h1>&lt;A day&gt;</h1>" in page
    assert page.count("<svg role=") == 1
    for needed in ("<link", "<script", " src=", "url(http"):
        assert needed not in page
