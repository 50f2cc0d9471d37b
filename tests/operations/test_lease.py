"""Does one process lead at a time, and does what runs once run once?"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from app.models import Lease
from app.operations.lease import LEASE_LASTS, first_in_slot, give_lease_back, take_lease


def take(db, clock, holder):
    with db.write() as session:
        return take_lease(session, "jobs", holder, clock.now())


def number(db):
    with db.read() as session:
        return session.get_one(Lease, "jobs").number


def test_one_leads_and_keeps_leading_while_it_shows_itself(db, clock):
    assert (take(db, clock, "a"), take(db, clock, "b")) == (True, False)
    clock.at += LEASE_LASTS * 0.9
    assert (take(db, clock, "a"), take(db, clock, "b")) == (True, False)
    assert number(db) == 1


def test_a_leader_that_falls_silent_is_followed_and_its_successor_is_numbered(db, clock):
    take(db, clock, "a")
    clock.at += LEASE_LASTS
    assert take(db, clock, "b")
    assert not take(db, clock, "a"), "a sleeper that wakes does not lead beside its successor"
    assert number(db) == 2


def test_a_leader_that_stops_lets_the_next_one_lead_at_once(db, clock):
    take(db, clock, "a")
    with db.write() as session:
        give_lease_back(session, "jobs", "a", clock.now())
    assert take(db, clock, "b")


def test_of_many_processes_that_start_together_one_leads(db, clock):
    with ThreadPoolExecutor(8) as pool:
        led = list(pool.map(lambda name: take(db, clock, f"p{name}"), range(8)))
    assert sum(led) == 1


def test_what_runs_once_a_slot_runs_once(db, clock):
    with db.write() as session:
        assert first_in_slot(session, "purge", clock.now(), clock.now())
        assert not first_in_slot(session, "purge", clock.now(), clock.now())
        assert first_in_slot(session, "purge", clock.forward(days=1), clock.now())
