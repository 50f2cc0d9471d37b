"""Can a manager change when customers are told, see who did, and go back?"""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta
from threading import Thread

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.errors import Invalid, NotFound
from app.models import PolicyVersion, Visit
from app.operations.lateness import look_at_days
from app.operations.notice import Telling
from app.operations.policy import change_policy, current_policy, policy_of, policy_versions, restore_policy
from app.rules.policy import Policy
from app.rules.terms import GROUPS, TERMS, UNITS
from app.tick import sweep


@pytest.fixture
def change(db, clock):
    """Return a function that changes the policy as a manager does."""

    def changed(**values):
        with db.write() as session:
            return change_policy(session, values, actor="user:2", now=clock.forward(minutes=1))

    return changed


def test_a_new_installation_has_the_policy_the_product_comes_with(db):
    with db.read() as session:
        assert current_policy(session) == Policy()
        assert policy_versions(session, 10) == []


def test_a_change_is_kept_with_who_and_when_and_holds_only_what_differs(db, clock, change):
    change(last_share=0.5, most_late=1)
    after = change(most_late=Policy().most_late)
    with db.read() as session:
        assert current_policy(session) == after == Policy(last_share=0.5)
        newest, first = policy_versions(session, 10)
        assert (newest.by, newest.at, newest.values) == ("user:2", clock.now(), {"last_share": 0.5})
        assert first.values == {"last_share": 0.5, "most_late": 1}


def test_none_means_the_products_own_value_and_saving_the_same_adds_nothing(db, change):
    change(last_share=0.5)
    change(last_share=0.5)
    assert change(last_share=None) == Policy()
    with db.read() as session:
        assert [version.values for version in policy_versions(session, 10)] == [{}, {"last_share": 0.5}]


def test_going_back_is_a_new_version_that_says_what_the_old_one_did(db, clock, change):
    change(last_share=0.5)
    change(last_share=0.4, persist_s=60.0)
    with db.write() as session:
        old = policy_versions(session, 10)[-1]
        assert restore_policy(session, old.id, actor="user:3", now=clock.now()) == Policy(last_share=0.5)
        assert restore_policy(session, None, actor="user:3", now=clock.now()) == Policy()
        assert len(policy_versions(session, 10)) == 4
        with pytest.raises(NotFound):
            restore_policy(session, 999, actor="user:3", now=clock.now())


@pytest.mark.parametrize(
    ("values", "field", "code"),
    [
        ({"nobody": 1}, "nobody", "extra"),
        ({"nobody": None}, "nobody", "extra"),
        ({"last_share": "half"}, "last_share", "type"),
        ({"last_share": True}, "last_share", "type"),
        ({"last_share": 50.0}, "last_share", "range"),
        ({"last_share": float("nan")}, "last_share", "range"),
        ({"most_late": 1.5}, "most_late", "type"),
        ({"arriving_soon": 1}, "arriving_soon", "type"),
        ({"driving_lead_min": 6.0}, "driving_lead_min", "more_than"),
        ({"quote_max_min": 10, "quote_min_min": 20}, "quote_max_min", "no_less_than"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name_and_nothing_is_kept(db, change, values, field, code):
    with pytest.raises(Invalid) as refused:
        change(**values)
    assert [(problem.field, problem.code) for problem in refused.value.problems] == [(field, code)]
    with db.read() as session:
        assert policy_versions(session, 10) == []


def test_what_an_older_release_kept_never_stops_the_watch():
    assert policy_of({"forgotten": 1, "last_share": 0.5}) == Policy(last_share=0.5)
    assert policy_of({"last_share": 7.0, "persist_s": 60.0}) == Policy(persist_s=60.0)
    assert policy_of({"quote_max_min": 10, "quote_min_min": 20}).quote_max_min >= Policy().quote_min_min


def test_versions_are_evidence(db, change):
    change(last_share=0.5)
    with pytest.raises(DBAPIError, match="evidence is only added to"), db.write() as session:
        session.execute(text("UPDATE policy_version SET \"by\" = 'somebody else'"))
    with db.read() as session:
        assert session.get_one(PolicyVersion, 1).by == "user:2"


def test_the_sweep_follows_the_policy_of_its_database(parts, db, world, clock, change):
    world.visit(11)
    change(unheard_lead_min=5.0)
    assert sweep(parts, clock.now()) == 0
    change(unheard_lead_min=15.0)
    world.visit(80)
    assert sweep(parts, clock.now()) == 1


class Meanwhile:
    """A database on which something happens just before the next transaction that writes."""

    def __init__(self, db, happens):
        self.read, self._write, self._happens = db.read, db.write, [happens]

    def write(self):
        while self._happens:
            self._happens.pop()()
        return self._write()


def test_a_change_counts_for_looks_that_are_queued_already(parts, world, clock, change):
    world.visit(11)
    change(unheard_lead_min=5.0)
    slow = replace(parts, db=Meanwhile(parts.db, lambda: change(unheard_lead_min=15.0)))
    assert sweep(slow, clock.now()) == 1


@pytest.mark.parametrize("db", ["postgresql"], indirect=True)  # SQLite has one writer at a time
def test_a_change_waits_for_a_look_under_way_and_has_the_day_looked_at_again(parts, db, world, clock, change):
    visit_id = world.visit(300)
    telling = Telling("https://a.jp", parts.settings.zone, parts.channels)
    with db.write() as session:
        look_at_days(session, [world.technician], telling, clock.now())
        changer = Thread(target=change, kwargs={"last_share": 0.5})
        changer.start()
        waits = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
        with db.read() as other:
            while changer.is_alive() and not other.scalar(waits):
                other.rollback()
    changer.join()
    with db.read() as session:
        assert session.get_one(Visit, visit_id).check_at <= clock.now()


def test_a_change_counts_at_once_for_every_day_that_is_watched(db, world, clock, change):
    today, next_week = world.visit(300), world.visit(7 * 24 * 60)
    with db.write() as session:
        session.get_one(Visit, today).check_at = clock.now() + timedelta(hours=4)
    change(last_share=0.5)
    with db.read() as session:
        assert session.get_one(Visit, today).check_at == clock.now()
        assert session.get_one(Visit, next_week).check_at > clock.now() + timedelta(days=6)
    with db.write() as session:
        session.get_one(Visit, today).check_at = clock.now() + timedelta(hours=4)
    change(last_share=0.5)
    with db.read() as session:
        assert session.get_one(Visit, today).check_at > clock.now()


def test_every_parameter_has_its_unit_range_and_heading():
    assert [one.name for one in fields(Policy) if one.name not in TERMS] == [], "give it a Term in rules/terms.py"
    assert {term.group for term in TERMS.values()} <= set(GROUPS)
    assert {term.unit for term in TERMS.values()} <= set(UNITS)
