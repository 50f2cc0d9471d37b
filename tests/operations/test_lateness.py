"""What is asked of a person while a technician is silent?"""

from __future__ import annotations

import pytest
from sqlalchemy import select

from app.models import Alarm, Company
from app.tick import deliver, sweep


@pytest.fixture
def silent_hour(parts, db, clock, world):
    """Return a function that lives through an hour around a promise without a sign, and returns the open alarms."""

    def live():
        world.visit(30)
        for _ in range(60):
            sweep(parts, clock.forward(minutes=1))
            deliver(parts)
        with db.read() as session:
            return set(session.scalars(select(Alarm.kind).where(Alarm.cleared_at.is_(None))))

    return live


def test_who_was_promised_news_and_has_none_is_called(silent_hour):
    assert silent_hour() == {"silent_near_promise", "word_promised"}


def test_a_notice_that_never_left_promised_nothing(silent_hour, db):
    with db.write() as session:
        session.delete(session.get(Company, 1))
    assert silent_hour() == {"silent_near_promise", "notice_held"}
