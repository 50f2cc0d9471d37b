"""Do a technician's own appointments keep bookings away, and does a person hear of visits that stand in them?"""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from app.errors import Conflict, Invalid, NotFound
from app.models import Absence, Alarm, CalendarSubscription
from app.operations.appointment import Message, cancel
from app.operations.calendar_subscription import read_calendars, subscribe, unsubscribe
from app.operations.notice import Telling
from app.operations.time_off import take_back
from app.providers.calendar_ical import Reading

TOKYO = ZoneInfo("Asia/Tokyo")


class Said:
    """A calendar that says what a test wants, and keeps what it was asked."""

    def __init__(self):
        self.reading = Reading(())
        self.asked = []

    def read(self, url, **asked):
        self.asked.append({"url": url, **asked})
        return self.reading


@pytest.fixture
def said():
    return Said()


@pytest.fixture
def reading(db, world, clock, said):
    """Subscribe to a calendar; return a function that reads it as saying that there is no time at some hours from now.

    A quarter of an hour passes before each reading; the hours count from the first.
    """
    begins_at = clock.now()
    with db.write() as session:
        subscribe(
            session, world.technician, "webcal://x.jp/own.ics", internal_hosts=[], now=clock.now(), actor="user:1"
        )

    def read(*hours):
        at = [(begins_at + timedelta(hours=a), begins_at + timedelta(hours=b)) for a, b in hours]
        said.reading = Reading(tuple(at), None, '"e"', "hash")
        clock.forward(minutes=17)
        assert read_calendars(db, said, clock, TOKYO) == 1

    return read


def absences(db):
    with db.read() as session:
        return list(session.scalars(select(Absence).where(Absence.source == "ical").order_by(Absence.from_at)))


def alarms(db):
    with db.read() as session:
        return list(session.scalars(select(Alarm).where(Alarm.cleared_at.is_(None)).order_by(Alarm.id)))


def test_busy_times_become_absences_and_vanish_with_the_appointment(db, world, clock, said, reading):
    reading((2, 3), (26, 28))
    assert said.asked[0]["url"] == "https://x.jp/own.ics"
    kept = absences(db)
    assert [one.technician_id for one in kept] == [world.technician] * 2
    with pytest.raises(Conflict) as refused:
        world.visit(2 * 60 - 17, zone=TOKYO)
    assert refused.value.code == "closed"
    with db.write() as session, pytest.raises(Conflict):
        take_back(session, kept[0].id, now=clock.now(), actor="user:1")
    reading((26, 28))
    assert [one.id for one in absences(db)] == [kept[1].id]
    world.visit(2 * 60)


def test_only_a_whole_day_is_shown_as_one(db, reading):
    reading((8, 32), (38, 40))
    assert [one.all_day for one in absences(db)] == [True, False]


def test_what_is_known_is_not_asked_for_again_until_the_next_day(db, clock, said, reading):
    reading((2, 3))
    reading((2, 3))
    assert [one["etag"] for one in said.asked] == [None, '"e"']
    clock.forward(hours=24)
    reading((2, 3))
    assert said.asked[-1]["etag"] is said.asked[-1]["content_hash"] is None
    said.reading = Reading(None, None, '"e"', "hash")
    clock.forward(minutes=20)
    assert read_calendars(db, said, clock, TOKYO) == 1
    assert len(absences(db)) == 1


def test_a_visit_in_the_way_calls_a_person_and_is_moved_by_nobody(db, world, clock, said, reading, parts):
    inside, outside = world.visit(90), world.visit(300)
    reading((1, 3))
    (call,) = alarms(db)
    assert (call.kind, call.visit_id, call.technician_id) == ("calendar_conflict", inside, world.technician)
    reading((1, 2.5))
    assert len(alarms(db)) == 1
    with db.write() as session:
        telling = Telling("https://a.jp", parts.settings.zone, parts.channels)
        cancel(session, inside, Message(telling, "no"), now=clock.now(), actor="user:1")
    assert alarms(db) == []
    reading((4, 6))
    assert [one.visit_id for one in alarms(db)] == [outside]
    reading()
    assert alarms(db) == []


def test_a_calendar_that_cannot_be_read_calls_a_person_after_a_day_and_its_times_stay(db, clock, said, reading):
    reading((2, 3))
    said.reading = Reading(None, "timeout")
    tries = 0
    for _ in range(200):
        clock.forward(minutes=10)
        tries += read_calendars(db, said, clock, TOKYO)
        if alarms(db):
            break
    assert 10 <= tries <= 25
    assert [one.kind for one in alarms(db)] == ["calendar_failing"]
    with db.read() as session:
        known = session.scalars(select(CalendarSubscription)).one()
        assert known.failure == "timeout"
        assert clock.now() - known.failing_since_at >= timedelta(hours=24)
    assert len(absences(db)) == 1
    clock.forward(hours=2)
    reading((2, 3))
    assert alarms(db) == []


def test_another_calendar_or_none_replaces_what_was_read(db, world, clock, said, reading):
    reading((2, 3))
    world.visit(130)
    reading((1.5, 3))
    assert alarms(db)
    with db.write() as session:
        unsubscribe(session, world.technician, clock.now(), "user:1")
        unsubscribe(session, world.technician, clock.now(), "user:1")
    assert (absences(db), alarms(db)) == ([], [])
    clock.forward(hours=1)
    assert read_calendars(db, said, clock, TOKYO) == 0


def test_what_was_read_while_another_was_chosen_is_not_kept(db, world, clock):
    def choose(url):
        with db.write() as session:
            subscribe(session, world.technician, url, internal_hosts=[], now=clock.now(), actor="user:1")

    class Slow(Said):
        def read(self, url, **asked):
            if "x.jp" in url:
                choose("https://y.jp/own.ics")
                return Reading(((clock.now(), clock.now() + timedelta(hours=1)),))
            return Reading(())

    choose("https://x.jp/own.ics")
    assert read_calendars(db, Slow(), clock, TOKYO) == 2
    assert absences(db) == []


@pytest.mark.parametrize(
    ("url", "code"), [("", "missing"), ("http://x.jp/a.ics", "not_https"), ("ftp://x.jp", "web_address")]
)
def test_an_address_that_cannot_be_read_is_refused(db, world, clock, url, code):
    with db.write() as session, pytest.raises(Invalid) as refused:
        subscribe(session, world.technician, url, internal_hosts=[], now=clock.now(), actor="user:1")
    assert (refused.value.problems[0].field, refused.value.problems[0].code) == ("calendar_url", code)
    with db.write() as session, pytest.raises(NotFound):
        subscribe(session, 4711, "https://x.jp", internal_hosts=[], now=clock.now(), actor="user:1")
