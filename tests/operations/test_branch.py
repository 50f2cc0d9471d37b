"""Do days begin and end where they should: at home, or at a branch?"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import update

from app.errors import Invalid, NotFound
from app.models import Technician
from app.operations.branch import all_branches, branch_choices, save_branch
from app.operations.optimise import read_day
from app.operations.slots import find_slots
from app.operations.technician import change_technician, create_technician
from app.rules.optimise import NOWHERE

TOKYO = ZoneInfo("Asia/Tokyo")
AT_HOME, AT_BRANCH = (34.25, 135.1675), (34.30, 135.1675)
WEEK = {day: [["09:00", "18:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
FACTS = {
    "name": "鈴木", "language": "ja", "skills": [], "travels_by": "car", "base_lat": AT_HOME[0], "base_lon": AT_HOME[1],
    "working_hours": WEEK,
}  # fmt: skip


@pytest.fixture
def branch(db, clock):
    with db.write() as session:
        place = {"lat": AT_BRANCH[0], "lon": AT_BRANCH[1]}
        return save_branch(session, None, name="難波", address="難波1-1", now=clock.now(), **place).id


@pytest.fixture
def person(db, world, clock, branch):
    """Return a function that hires somebody, and one who works here already is on leave for good."""
    with db.write() as session:
        session.execute(update(Technician).values(active=False))

    def hire(**facts):
        with db.write() as session:
            return create_technician(session, now=clock.now(), **{**FACTS, "branch_id": branch, **facts})[0].id

    return hire


def only_slot(db, world, clock):
    """Return the first slot of a free day, right beside the branch."""
    begins_at = datetime(2026, 11, 25, tzinfo=TOKYO)
    with db.read() as session:
        return find_slots(
            session, service_id=world.service, lat=AT_BRANCH[0], lon=AT_BRANCH[1], from_at=begins_at,
            until_at=begins_at + timedelta(hours=12), now=clock.now(), zone=TOKYO, most=1,
        )[0]  # fmt: skip


@pytest.mark.parametrize(
    ("starts_from", "returns_to"), [(a, b) for a in ("home", "branch") for b in ("home", "branch")]
)
def test_the_first_and_the_last_way_of_a_day_are_from_and_to_where_it_begins_and_ends(
    db, world, clock, person, starts_from, returns_to
):
    person(starts_from=starts_from, returns_to=returns_to)
    slot = only_slot(db, world, clock)
    assert (slot.travel_before_min < 2) == (starts_from == "branch")
    assert (slot.travel_after_min < 2) == (returns_to == "branch")
    with db.read() as session:
        (driver,) = read_day(session, date(2026, 11, 25), now=clock.now(), zone=TOKYO).problem.drivers
    places = {"home": AT_HOME, "branch": AT_BRANCH}
    assert (driver.start, driver.end) == (places[starts_from], places[returns_to])


def test_who_comes_from_the_branch_to_a_home_that_nobody_knows_goes_back_to_the_branch(db, world, clock, person):
    person(starts_from="branch", base_lat=None, base_lon=None)
    assert only_slot(db, world, clock).travel_after_min < 2
    with db.read() as session:
        (driver,) = read_day(session, date(2026, 11, 25), now=clock.now(), zone=TOKYO).problem.drivers
    assert driver.start == driver.end == AT_BRANCH != NOWHERE


def test_a_day_begins_at_no_branch_without_one(db, person, branch):
    with pytest.raises(Invalid) as refused:
        person(branch_id=None, starts_from="branch", returns_to="pub")
    assert {(one.field, one.code) for one in refused.value.problems} == {
        ("starts_from", "no_branch"), ("returns_to", "choice"),
    }  # fmt: skip
    with pytest.raises(Invalid) as unknown:
        person(branch_id=branch + 7)
    assert unknown.value.problems[0].field == "branch"


def test_a_branch_with_people_is_not_given_up_and_one_given_up_is_not_chosen(db, clock, person, branch):
    who = person()
    facts = {"name": "難波", "address": "難波1-1", "lat": 34.3, "lon": 135.2, "now": clock.now()}
    with pytest.raises(Invalid) as refused, db.write() as session:
        save_branch(session, branch, active=False, **facts)
    assert (refused.value.problems[0].field, refused.value.problems[0].facts) == ("active", {"count": 1})
    with db.write() as session:
        change_technician(session, who, active=True, **FACTS)
        save_branch(session, branch, active=False, **facts)
        assert branch_choices(session) == []
        assert [(one.name, count) for one, count in all_branches(session)] == [("難波", 0)]
    with pytest.raises(Invalid):
        person()
    with pytest.raises(NotFound), db.write() as session:
        save_branch(session, 77, **facts)
