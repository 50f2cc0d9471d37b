"""Is a day too long for anybody refused unless somebody insists, and is a short rest shown?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update

from app.errors import Conflict
from app.models import Company, Technician, Visit, VisitEvent
from app.operations.plan import rest_of
from app.operations.slots import find_slots

TOKYO = ZoneInfo("Asia/Tokyo")
ALL_DAY = {day: [["06:00", "24:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}


def local(hour, day=25):
    return datetime(2026, 11, day, tzinfo=TOKYO).astimezone(UTC) + timedelta(hours=hour)


@pytest.fixture
def book(db, world):
    with db.write() as session:
        session.execute(update(Technician).values(working_hours=ALL_DAY))

    def at(hour, day=25, **changes):
        begins_at = local(hour, day)
        return world.visit(**{"promised_from_at": begins_at, "promised_until_at": begins_at, "zone": TOKYO, **changes})

    return at


def slots(db, world, clock, **asked):
    with db.read() as session:
        return find_slots(
            session, service_id=world.service, lat=34.2261, lon=135.1675, from_at=local(0), until_at=local(24),
            now=clock.now(), zone=TOKYO, most=100, **asked,
        )  # fmt: skip


def test_a_day_too_long_is_refused_and_booked_by_who_insists(db, book):
    book(7)
    with pytest.raises(Conflict) as refused:
        book(20)
    assert (refused.value.code, refused.value.facts) == ("closed", {"why": "length", "note": "13"})
    insisted = book(20, insist=True)
    with db.read() as session:
        (facts,) = session.scalars(select(VisitEvent.facts).where(VisitEvent.visit_id == insisted))
        assert facts["insisted"] == "length"
    book(7, day=26)


def test_a_technician_may_have_another_limit_than_the_company_and_none_is_none(db, book):
    with db.write() as session:
        session.execute(update(Company).values(most_day_min=480))
    book(9)
    with pytest.raises(Conflict):
        book(17)
    with db.write() as session:
        session.execute(update(Technician).values(most_day_min=720))
    book(17)
    with db.write() as session:
        session.execute(update(Technician).values(most_day_min=0))
    book(22)


def test_nothing_is_offered_that_makes_a_day_too_long_and_a_short_rest_is_told(db, world, clock, book):
    free = slots(db, world, clock)
    book(7)
    some = slots(db, world, clock)
    assert max(slot.ends_at for slot in some) <= local(20) < max(slot.ends_at for slot in free)
    assert all(slot.short_rest_min is None for slot in some)
    book(6, day=26)
    late = slots(db, world, clock, hours=(18.0, 24.0))
    assert late
    assert all(slot.short_rest_min is not None and slot.short_rest_min < 660 for slot in late)


def test_a_short_rest_is_shown_at_the_visit(db, clock, book):
    evening, morning = book(20), book(7, day=26)
    with db.read() as session:
        for visit_id in (evening, morning):
            rest = rest_of(session, session.get_one(Visit, visit_id), TOKYO, clock.now())
            assert timedelta(hours=9) < rest <= timedelta(hours=10)
