"""Is nobody offered, asked or booked while away, and does nothing happen silently to what was booked before?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from app.errors import Conflict, Invalid, NotFound
from app.models import Company, Technician, Visit, VisitEvent
from app.operations.booking import book_visit, change_visit
from app.operations.optimise import read_day
from app.operations.recurrence import kept_rule, occurrences
from app.operations.repair import _crew
from app.operations.slots import find_slots
from app.operations.time_off import NewAbsence, enter_absence, in_the_way, list_absences, take_back, time_off

TOKYO = ZoneInfo("Asia/Tokyo")
NINE_TO_SIX = {day: [["09:00", "18:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}


def local(day, hour=0, minute=0, month=11):
    return datetime(2026, month, day, hour, minute, tzinfo=TOKYO)


@pytest.fixture
def off(db, world, clock):
    """Return a function that takes time off: from and until, of the technician unless told otherwise."""

    def enter(from_at, until_at, technician="own", **facts):
        new = NewAbsence(world.technician if technician == "own" else technician, from_at, until_at, **facts)
        with db.write() as session:
            return enter_absence(session, new, zone=TOKYO, now=clock.now(), actor="user:1").id

    return enter


@pytest.fixture
def book(world):
    """Return a function that books for an hour at a local time, as somebody at the desk does."""

    def at(begins_at, **changes):
        wish = {"promised_from_at": begins_at, "promised_until_at": begins_at, "zone": TOKYO, **changes}
        return world.visit(**wish)

    return at


def slots(db, world, clock, day=25, **asked):
    with db.read() as session:
        return find_slots(
            session, service_id=world.service, lat=34.2261, lon=135.1675, from_at=local(day),
            until_at=local(day + 1), now=clock.now(), zone=TOKYO, most=100, **asked,
        )  # fmt: skip


def test_no_slot_lies_in_time_off(db, world, clock, off):
    assert slots(db, world, clock)
    off(local(25, 9), local(25, 14))
    assert min(slot.starts_at for slot in slots(db, world, clock)) >= local(25, 14)
    off(local(25), local(26), all_day=True)
    assert slots(db, world, clock) == []


def test_a_closed_company_offers_nobody(db, world, clock, off):
    off(local(25), local(26), technician=None, all_day=True, reason="棚卸し")
    assert slots(db, world, clock) == []
    assert slots(db, world, clock, 26)


def test_public_holidays_are_kept_only_by_who_says_so(db, world, clock, book):
    clock.at = local(20, 9, month=11).astimezone(UTC)
    assert slots(db, world, clock, 23)
    with db.write() as session:
        session.get_one(Company, 1).holidays_of = "JP"
    assert slots(db, world, clock, 23) == []
    with pytest.raises(Conflict) as refused:
        book(local(23, 10))
    assert refused.value.facts == {"why": "holiday", "note": "勤労感謝の日"}


def test_time_off_that_comes_again_is_off_each_time(db, world, clock, off):
    off(local(25, 9), local(25, 12), recurrence="FREQ=WEEKLY;INTERVAL=2;BYDAY=WE")
    clock.at = local(1, 9, month=12).astimezone(UTC)
    with db.read() as session:
        away = time_off(session, local(1, month=12), local(31, month=12), TOKYO).of(world.technician)
    assert [one.from_at.astimezone(TOKYO) for one in away] == [local(9, 9, month=12), local(23, 9, month=12)]


def test_what_comes_again_stays_at_its_hour_where_clocks_are_changed():
    berlin = ZoneInfo("Europe/Berlin")
    begins = datetime(2026, 10, 23, 9, tzinfo=berlin)
    spans = occurrences(begins, begins + timedelta(hours=1), "FREQ=WEEKLY", begins, begins + timedelta(days=8), berlin)
    assert [since.astimezone(berlin).isoformat() for since, _ in spans] == [
        "2026-10-23T09:00:00+02:00",
        "2026-10-30T09:00:00+01:00",
    ]


@pytest.mark.parametrize(
    "rule",
    ["FREQ=SECONDLY", "FREQ=DAILY;BYHOUR=3", "FREQ=DAILY;INTERVAL=0", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
     "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "FREQ=WEEKLY;BYDAY=XX", "FREQ=WEEKLY;UNTIL=20200101", "BYDAY=MO", "😀",
     "FREQ=WEEKLY;UNTIL=20269999", "FREQ=WEEKLY;BYMONTH=13", "FREQ=WEEKLY;COUNT=2;UNTIL=20270101"],
)  # fmt: skip
def test_a_rule_that_means_no_day_or_no_end_of_work_is_refused(rule):
    assert kept_rule(rule, datetime(2026, 11, 25), TOKYO) is None  # noqa: DTZ001


def test_the_end_of_a_rule_is_its_local_day():
    begins = datetime(2026, 11, 25, 9)  # noqa: DTZ001
    assert kept_rule("rrule:freq=weekly;until=20261209", begins, TOKYO) == "FREQ=WEEKLY;UNTIL=20261209T235959"
    assert kept_rule("FREQ=WEEKLY;UNTIL=20261209T145959Z", begins, TOKYO) == "FREQ=WEEKLY;UNTIL=20261209T235959"
    assert kept_rule("FREQ=WEEKLY;COUNT=3", begins, TOKYO) == "FREQ=WEEKLY;COUNT=3"


def test_a_booking_in_time_off_is_refused_unless_somebody_insists(db, world, off, book):
    off(local(25, 13), local(25, 15), reason="通院")
    with pytest.raises(Conflict) as refused:
        book(local(25, 14))
    assert (refused.value.code, refused.value.facts) == ("closed", {"why": "absent", "note": "通院"})
    visit_id = book(local(25, 14), insist=True)
    with db.read() as session:
        booked = session.scalars(select(VisitEvent).where(VisitEvent.visit_id == visit_id)).one()
        assert booked.facts["insisted"] == "absent"
        assert session.get_one(Visit, visit_id).planned_from_at == local(25, 14)


def test_who_insists_is_still_booked_in_working_time_where_the_promise_allows(db, off, book):
    off(local(25, 13), local(25, 15))
    visit_id = book(local(25, 14), promised_until_at=local(25, 16), insist=True)
    with db.read() as session:
        assert session.get_one(Visit, visit_id).planned_from_at == local(25, 15)
        assert "insisted" not in session.scalars(select(VisitEvent)).one().facts


def test_stated_hours_are_kept_and_unstated_ones_are_not_invented(db, world, book):
    book(local(24, 22))
    with db.write() as session:
        session.get_one(Technician, world.technician).working_hours = NINE_TO_SIX
    with pytest.raises(Conflict, match="closed"):
        book(local(25, 22))
    with pytest.raises(Conflict, match="closed"):
        book(local(28, 12))
    book(local(25, 12))


def test_a_visit_of_nobody_yet_asks_for_the_company_alone(off, book):
    off(local(25), local(26), all_day=True)
    book(local(25, 10), technician_id=None)
    off(local(26), local(27), technician=None, all_day=True)
    with pytest.raises(Conflict, match="closed"):
        book(local(26, 10), technician_id=None)


def test_a_visit_is_not_moved_into_time_off_unless_somebody_insists(db, world, clock, off, book):
    visit_id = book(local(25, 10))
    off(local(26), local(27), all_day=True)
    there = {"promised_from_at": local(26, 10), "now": clock.now(), "actor": "user:1", "zone": TOKYO}
    with pytest.raises(Conflict, match="closed"), db.write() as session:
        change_visit(session, visit_id, **there)
    with db.write() as session:
        change_visit(session, visit_id, insist=True, **there)
    with db.read() as session:
        changed = session.scalars(select(VisitEvent).where(VisitEvent.kind == "changed")).one()
        assert changed.facts["insisted"] == "absent"


def test_a_recorded_day_is_booked_as_it_was(db, world, clock, off):
    off(local(25), local(26), all_day=True)
    world.visit(promised_from_at=local(25, 10), promised_until_at=local(25, 10))


def test_an_overlap_is_told_before_the_hours(book, off):
    book(local(25, 10))
    off(local(25), local(26), all_day=True)
    with pytest.raises(Conflict, match="overlap"):
        book(local(25, 10), insist=True)


def test_visits_in_the_way_are_named_and_stay(db, world, clock, off, book):
    inside, again = book(local(25, 10)), book(local(26, 10) + timedelta(days=6))
    book(local(25, 15))
    new = NewAbsence(world.technician, local(25, 9), local(25, 12), recurrence="FREQ=WEEKLY;BYDAY=WE")
    with db.read() as session:
        assert [one.visit_id for one in in_the_way(session, new, TOKYO, clock.now())] == [inside, again]
    off(local(25, 9), local(25, 12))
    with db.read() as session:
        assert session.get_one(Visit, inside).status == "booked"


def test_time_off_that_is_taken_back_is_working_time_again(db, world, clock, off, book):
    absence_id = off(local(25), local(26), all_day=True)
    with db.write() as session:
        take_back(session, absence_id, now=clock.now(), actor="user:1")
    book(local(25, 10))
    with db.read() as session:
        assert not list_absences(session, technician_id=None, from_at=None, limit=9, cursor=None).items
    with pytest.raises(NotFound), db.write() as session:
        take_back(session, absence_id, now=clock.now(), actor="user:1")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [({"until_at": local(24)}, "until"), ({"until_at": local(24) + timedelta(days=2000)}, "until"),
     ({"technician": 99}, "technician"), ({"reason": "x" * 101}, "reason"), ({"reason": "a\x00b"}, "reason"),
     ({"recurrence": "FREQ=HOURLY"}, "recurrence"), ({"all_day": True, "until_at": local(25, 12)}, "from"),
     ({"until_at": local(25) + timedelta(days=40), "recurrence": "FREQ=YEARLY"}, "until")],
)  # fmt: skip
def test_what_is_wrong_is_named(off, wrong, field):
    wish = {"from_at": local(25), "until_at": local(26), **wrong}
    with pytest.raises(Invalid) as refused:
        off(**wish)
    assert [problem.field for problem in refused.value.problems] == [field]


def test_booking_without_a_zone_is_the_same_as_ever(db, world, clock, off):
    off(local(25), local(26), all_day=True)
    with db.write() as session:
        visit = book_visit(
            session, customer_id=world.customer, site_id=world.site, service_id=world.service,
            promised_from_at=local(25, 3), promised_until_at=local(25, 3), duration_min=60,
            technician_id=world.technician, now=clock.now(), actor="test",
        )  # fmt: skip
        assert visit.planned_from_at == local(25, 3)


def test_who_is_away_is_not_asked_to_help(db, world, clock, off):
    off(local(24, 12), local(24, 20))
    with db.read() as session:
        crew, _ = _crew(session, clock.now(), TOKYO)
    assert not crew[world.technician].works(clock.now(), clock.now() + timedelta(hours=1))
    assert crew[world.technician].works(local(24, 20), local(24, 21))


def test_a_visit_can_be_taken_from_who_is_away_on_a_closed_day(db, clock, off, book):
    visit_id = book(local(25, 10))
    off(local(25), local(26), technician=None, all_day=True)
    with db.write() as session:
        change_visit(session, visit_id, unassign=True, now=clock.now(), actor="user:1", zone=TOKYO)


def test_a_day_is_planned_anew_around_time_off(db, clock, off):
    off(local(25, 9), local(25, 14))
    with db.read() as session:
        (driver,) = read_day(session, local(25).date(), now=clock.now(), zone=TOKYO).problem.drivers
    assert driver.shifts == ((local(25, 14), local(25, 18)),)
