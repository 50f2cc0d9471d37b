"""Is what was offered done as shown, once, only while it holds, and is nobody told of a delay that was averted?"""

from __future__ import annotations

import threading
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event, select, text, update

from app.errors import Conflict, Invalid, NotFound, Stale
from app.models import Alarm, Notice, Technician, Visit, VisitEvent
from app.operations import repair
from app.operations.alarm import clear_alarm, read_alarms
from app.operations.booking import cancel_visit, change_visit
from app.operations.field import report_status
from app.operations.notice import Telling
from app.operations.position import ReportedFix, record_fixes
from app.operations.repair import accept_offer, offers_for
from app.rules.messages import UNSETTLING
from app.rules.position import Fix
from app.rules.repair import SAFE_SHARE
from app.tick import deliver, offer_repairs, sweep
from tests.late_day import north, overrun, read, stand

TOKYO = ZoneInfo("Asia/Tokyo")


@pytest.fixture
def late(world, db, clock, parts):
    return overrun(world, db, clock, parts)


@pytest.fixture
def search(db, clock):
    def call(visit_id):
        with db.read() as session:
            return offers_for(session, visit_id, clock.at, TOKYO)

    return call


@pytest.fixture
def telling(parts):
    return Telling(parts.settings.base_url, TOKYO, parts.channels)


@pytest.fixture
def accept(db, clock, telling):
    def call(visit_id, key, **more):
        with db.write() as session:
            return accept_offer(session, visit_id, key, now=clock.at, telling=telling, actor="user:1", **more)

    return call


def events(db, visit_id, kind):
    with db.read() as session:
        found = session.scalars(select(VisitEvent).where(VisitEvent.visit_id == visit_id, VisitEvent.kind == kind))
        return found.all()


def notices(db, visit_id):
    with db.read() as session:
        return session.scalars(select(Notice).where(Notice.visit_id == visit_id).order_by(Notice.id)).all()


def standing(db):
    with db.read() as session:
        return [line for line in read_alarms(session) if line.kind == "repair_offered"]


# Offers


def test_a_free_colleague_near_by_is_offered_with_what_it_changes_for_everybody(late, search, db):
    assert read(db, late.next).late_probability > 0.5
    (line, *_) = search(late.next).offers
    assert (line.offer.kind, line.offer.technician, line.technician) == ("reassign", late.helper, "鈴木")
    assert line.seen_at is not None
    first = line.effects[0]
    assert (first.effect.visit, first.customer, first.technician) == (str(late.next), "井上 正男", "鈴木")
    assert first.effect.before.late_probability > 0.5
    assert first.effect.after.late_probability <= SAFE_SHARE


def test_a_visit_in_time_an_unknown_and_an_arrived_one(late, search, db, clock):
    assert list(search(late.later).offers) == []
    with pytest.raises(NotFound):
        search(999)
    with db.write() as session:
        report_status(session, late.next, "arrived", now=clock.at, actor="user:1", by="office")
    assert list(search(late.next).offers) == []


@pytest.mark.parametrize(
    ("about", "why"),
    [
        ({"skills": ["printer"]}, {"skill": 1}),
        ({"working_hours": {"mon": [["09:00", "18:00"]]}}, {"off_duty": 1}),
        ({"working_hours": {"tue": [["09:00", "17:00"]]}}, {"off_duty": 1}),
        ({"active": False}, {}),
    ],
)
def test_who_cannot_go_is_said_with_the_reason(world, db, clock, parts, search, about, why):
    late = overrun(world, db, clock, parts, **about)
    found = search(late.next)
    assert [line for line in found.offers if line.offer.kind == "reassign"] == []
    assert (found.refused, found.others) == (why, sum(why.values()))


def test_everybody_is_counted_who_is_not_offered(late, world, search, db, clock):
    with db.write() as session:
        for number in range(12):
            free = Technician(name=f"担当{number}", base_lat=34.22, base_lon=135.16, created_at=clock.at)
            session.add(free)
    found = search(late.next)
    offered = sum(line.offer.kind == "reassign" for line in found.offers)
    assert offered
    assert sum(found.refused.values()) + offered == found.others == 13


def test_who_has_a_visit_then_is_busy(late, world, search):
    world.visit(15, technician_id=late.helper)
    assert search(late.next).refused == {"busy": 1}


def test_a_colleague_at_home_without_a_phone_is_sent_from_the_base(world, db, clock, parts, search):
    late = overrun(world, db, clock, parts, helpers=0)
    with db.write() as session:
        session.add(Technician(name="高橋", skills=["wifi"], base_lat=34.27, base_lon=135.1675, created_at=clock.at))
    (line, *_) = search(late.next).offers
    assert (line.technician, line.seen_at) == ("高橋", None)


def test_a_search_is_as_many_queries_for_many_colleagues_as_for_one(world, db, clock, parts, search):
    late = overrun(world, db, clock, parts, helpers=2)
    count = []
    event.listen(db.engine, "before_cursor_execute", lambda *_: count.append(1))
    search(late.next)
    few = len(count)
    with db.write() as session:
        session.add_all(
            Technician(name=f"増員{n}", skills=["wifi"], base_lat=34.25, base_lon=135.17, created_at=clock.at)
            for n in range(30)
        )
    count.clear()
    assert search(late.next).others == 32
    assert len(count) - 1 <= few + 1  # the insert's own statements are not counted: they came before


# Accepted


def test_who_is_sent_instead_has_the_visit_and_the_customer_hears_of_no_delay(late, accept, db, clock, parts):
    accept(late.next, f"reassign-{late.helper}")
    visit = read(db, late.next)
    assert (visit.technician_id, visit.promised_from_at) == (late.helper, clock.at + timedelta(minutes=15))
    (entry,) = events(db, late.next, "repair")
    assert (entry.actor, entry.facts["kind"], entry.facts["effects"][0]["visit"]) == ("user:1", "reassign", late.next)
    for minute in range(1, 8):
        clock.forward(minutes=1)
        stand(db, clock, late.helper, 5 + minute / 8)
        sweep(parts, clock.at)
        assert not {notice.kind for notice in notices(db, late.next)} & {*UNSETTLING}, minute
    assert read(db, late.next).late_probability < 0.3


def test_two_dispatchers_who_press_at_once_are_one_change(late, db, clock, telling):
    start, outcomes = threading.Barrier(4), []

    def press(version):
        start.wait()
        try:
            with db.write() as session:
                key = f"reassign-{late.helper}"
                accept_offer(session, late.next, key, now=clock.at, telling=telling, actor="user:1", version=version)
            outcomes.append("done")
        except Conflict as error:
            outcomes.append(error.code)

    threads = [threading.Thread(target=press, args=(1 if n % 2 else None,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("done") == 1, outcomes
    assert set(outcomes) <= {"done", "visit_changed", "repair_gone"}
    assert len(events(db, late.next, "repair")) == 1


def test_an_offer_that_holds_no_longer_changes_nothing(late, accept, search, world, db):
    key = search(late.next).offers[0].offer.key
    world.visit(15, technician_id=late.helper)
    with pytest.raises(Conflict, match="repair_gone"):
        accept(late.next, key)
    assert read(db, late.next).technician_id == world.technician
    assert events(db, late.next, "repair") == []


@pytest.mark.parametrize(
    "key", ["", "reassign-", "reassign-999999", "reassign-99999999999", "reorder-1-2", "move-0-1-2"]
)
def test_an_offer_that_never_was_is_refused(late, accept, key):
    with pytest.raises(Conflict, match="repair_gone"):
        accept(late.next, key)


def test_a_visit_that_was_changed_or_is_over_is_not_mended(late, accept, db, clock):
    with db.write() as session:
        change_visit(session, late.next, now=clock.at, actor="user:2", note="犬に注意")
    with pytest.raises(Stale):
        accept(late.next, f"reassign-{late.helper}", version=1)
    with db.write() as session:
        cancel_visit(session, late.next, now=clock.at, actor="user:2")
    with pytest.raises(Conflict, match="not_awaited"):
        accept(late.next, f"reassign-{late.helper}")


def test_a_promise_moves_only_with_the_customer_s_consent_and_then_holds(world, db, clock, parts, accept, search):
    late = overrun(world, db, clock, parts, helpers=0)
    with db.write() as session:  # the next customer has been moved already: the day after it is still wrong
        begins_at = clock.at + timedelta(minutes=120)
        change_visit(
            session, late.next, now=clock.at, actor="user:1",
            promised_from_at=clock.at + timedelta(minutes=25), duration_min=90,
        )  # fmt: skip
        change_visit(session, late.later, now=clock.at, actor="user:1", promised_from_at=begins_at)
    sweep(parts, clock.at)
    (line,) = [line for line in search(late.later).offers if line.offer.kind == "move"]
    effect = next(one.effect for one in line.effects if one.effect.visit == str(late.later))
    with pytest.raises(Invalid) as refused:
        accept(late.later, line.offer.key)
    assert [(p.field, p.code) for p in refused.value.problems] == [("agreed", "consent")]
    assert read(db, late.later).promised_from_at == begins_at
    clock.forward(minutes=2)  # the call
    accept(late.later, line.offer.key, agreed=True)
    visit = read(db, late.later)
    assert (visit.promised_from_at, visit.promised_until_at) == (effect.promised_from_at, effect.promised_until_at)
    (entry,) = events(db, late.later, "repair")
    assert entry.facts["agreed"] is True
    sweep(parts, clock.at)
    assert read(db, late.later).late_probability <= SAFE_SHARE


# Called


def test_a_dispatcher_is_called_once_with_a_deadline_and_no_longer_when_it_is_done(late, accept, db, clock, parts):
    offer_repairs(parts, clock.at)
    (line,) = standing(db)
    assert (line.visit_id, line.due, line.facts["kind"], line.facts["technician"]) == (
        late.next, "offer", "reassign", "鈴木",
    )  # fmt: skip
    assert clock.at < line.deadline_at <= clock.at + timedelta(minutes=20)
    clock.forward(seconds=15)
    offer_repairs(parts, clock.at)
    assert len(standing(db)) == 1
    accept(late.next, f"reassign-{late.helper}")
    assert standing(db) == []
    sweep(parts, clock.at)
    offer_repairs(parts, clock.at)
    assert standing(db) == []


def test_a_visit_that_cannot_be_searched_loses_no_other(late, db, clock, parts, monkeypatch):
    with db.write() as session:
        session.get_one(Visit, late.later).late_probability = 1.0
    search = repair._search

    def stumbling(session, visit, *rest, **more):
        if visit.id == late.later:
            raise ZeroDivisionError
        return search(session, visit, *rest, **more)

    monkeypatch.setattr(repair, "_search", stumbling)
    offer_repairs(parts, clock.at)
    assert [line.visit_id for line in standing(db)] == [late.next]


def test_the_call_ends_when_nothing_can_be_done_any_more(late, world, db, clock, parts):
    offer_repairs(parts, clock.at)
    assert standing(db)
    world.visit(15, technician_id=late.helper)
    offer_repairs(parts, clock.at)
    assert standing(db) == []


def test_an_offer_that_stands_as_it_was_is_not_written_again(late, db, clock, parts):
    offer_repairs(parts, clock.at)
    written = []
    event.listen(db.engine, "before_cursor_execute", lambda *seen: written.append(seen[2]))
    offer_repairs(parts, clock.at)
    assert [words for words in written if words != "BEGIN" and not words.startswith("SELECT")] == []


@pytest.mark.parametrize("db", ["postgresql"], indirect=True)  # SQLite has one writer at a time
def test_no_line_of_the_attention_list_is_held_while_another_is_waited_for(late, db, clock, parts):
    with db.write() as session:
        for visit_id in (late.later, late.next):  # offers for both have gone
            session.add(Alarm(kind="repair_offered", subject=f"visit:{visit_id}", visit_id=visit_id,
                              raised_at=clock.at, facts={}))  # fmt: skip
        session.execute(update(Visit).values(late_probability=0.0))
    lines = select(Alarm.subject).where(Alarm.cleared_at.is_(None)).order_by(Alarm.visit_id)
    with db.write() as session:
        first, second = session.scalars(lines).all()
        session.execute(update(Alarm).where(Alarm.subject == second).values(facts={"by": "hand"}))
        clearing = threading.Thread(target=offer_repairs, args=(parts, clock.at))
        clearing.start()
        waits = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
        with db.read() as other:
            while clearing.is_alive() and not other.scalar(waits):
                other.rollback()
        session.execute(update(Alarm).where(Alarm.subject == first).values(facts={"by": "hand"}))
    clearing.join()
    assert standing(db) == []


def test_an_offer_that_was_put_aside_does_not_call_again_at_once(late, db, clock, parts):
    offer_repairs(parts, clock.at)
    (line,) = standing(db)
    with db.write() as session:
        clear_alarm(session, line.id, clock.at, "user:1")
    clock.forward(minutes=1)
    offer_repairs(parts, clock.at)
    assert standing(db) == []


def test_a_change_of_plan_alone_answers_no_call_about_the_customer(world, db, clock):
    visit_id = world.visit(60, window_min=120)
    with db.write() as session:
        session.add(Alarm(kind="call_customer", subject=f"visit:{visit_id}", visit_id=visit_id, raised_at=clock.at))
    with db.write() as session:
        change_visit(session, visit_id, now=clock.at, actor="user:1", planned_from_at=clock.at + timedelta(minutes=90))
    with db.read() as session:
        assert session.scalar(select(Alarm.cleared_at).where(Alarm.kind == "call_customer")) is None


def test_who_was_told_of_a_delay_that_was_averted_is_told_that_it_has_gone(late, accept, db, clock, parts):
    for _ in range(3):  # a delay is said when it has held a moment
        clock.forward(minutes=1)
        stand(db, clock, parts_technician(db, late), 0)
        sweep(parts, clock.at)
    assert [notice.kind for notice in notices(db, late.next)] == ["late"]
    with db.write() as session:
        (word,) = session.scalars(select(Notice).where(Notice.visit_id == late.next))
        word.state, word.sent_at = "delivered", clock.at
    accept(late.next, f"reassign-{late.helper}")
    told = notices(db, late.next)
    # The customer was told of another technician before: who comes, and when, is one message and not two.
    assert [(one.kind, one.reason_code) for one in told][1:] == [
        ("tech_changed", "tech_changed"),
        ("on_time_again", "mended"),
    ]
    assert told[2].quoted_until_at <= clock.at + timedelta(minutes=25)
    assert "鈴木(変更前 佐藤)" in told[2].body
    assert "直前のご連絡となり、誠に申し訳ございません" in told[2].body
    deliver(parts)
    assert [one.state for one in notices(db, late.next)][1:] == ["dropped", "sent"]
    for half in range(1, 16):
        clock.forward(seconds=30)
        drive(db, clock, late.helper, 5 + half / 18)
        sweep(parts, clock.at)
    assert len(notices(db, late.next)) == 3


def parts_technician(db, late):
    return read(db, late.begun).technician_id


def drive(db, clock, technician_id, km):
    with db.write() as session:
        fix = Fix(clock.at, *north(km), 8.0)
        record_fixes(session, technician_id, [ReportedFix(fix, {})], source="owntracks", now=clock.at)


# Two who meet at the door


@pytest.fixture
def pair(world, db, clock, parts, late):
    """The late visit with a second technician, who is not far and in time."""
    with db.write() as session:
        other = Technician(name="高橋", skills=["wifi"], created_at=clock.at)
        session.add(other)
        session.flush()
        late.other = other.id
        change_visit(session, late.next, second_technician_id=other.id, now=clock.at, actor="user:1")
        late.along = session.scalars(select(Visit.id).where(Visit.beside_id == late.next)).one()
    stand(db, clock, late.other, 4)
    sweep(parts, clock.at)
    return late


def people(db, visit_id):
    with db.read() as session:
        visit = session.get_one(Visit, visit_id)
        standing = select(Visit).where(Visit.beside_id == visit_id, Visit.status != "cancelled")
        along = session.scalars(standing).one()
        assert (along.planned_from_at, along.promised_from_at) == (visit.planned_from_at, visit.promised_from_at)
        assert along.technician_id == visit.second_technician_id
        return visit.technician_id, visit.second_technician_id


def test_of_two_who_meet_another_is_sent_or_who_is_in_time_begins_alone(pair, search, accept, db, world, clock, parts):
    keys = {line.offer.key for line in search(pair.next).offers}
    assert keys == {f"begin-{pair.other}", f"reassign-{pair.helper}"}
    accept(pair.next, f"begin-{pair.other}")
    assert people(db, pair.next) == (pair.other, world.technician)
    assert [event.facts["kind"] for event in events(db, pair.next, "repair")] == ["begin"]
    sweep(parts, clock.at)
    assert read(db, pair.next).late_probability <= SAFE_SHARE
    assert [one.kind for one in notices(db, pair.next) if one.kind in UNSETTLING and one.state != "dropped"] == []


def test_of_two_who_meet_the_late_one_is_relieved(pair, accept, db):
    accept(pair.next, f"reassign-{pair.helper}")
    assert people(db, pair.next) == (pair.helper, pair.other)


def test_of_two_who_meet_the_second_one_is_relieved_where_she_is_late(pair, search, accept, db, world, clock, parts):
    accept(pair.next, f"begin-{pair.other}")  # now the late one goes along
    with db.read() as session:
        along = session.scalars(select(Visit.id).where(Visit.beside_id == pair.next, Visit.status != "cancelled")).one()
    sweep(parts, clock.at)
    assert [line.offer.key for line in search(along).offers] == [f"reassign-{pair.helper}"]
    accept(along, f"reassign-{pair.helper}")
    assert people(db, pair.next) == (pair.other, pair.helper)


def test_who_cannot_do_the_work_does_not_begin_alone(pair, search, accept, db):
    with db.write() as session:
        session.get_one(Technician, pair.other).skills = []
    assert [line.offer.kind for line in search(pair.next).offers] == ["reassign"]
    with pytest.raises(Conflict, match="repair_gone"):
        accept(pair.next, f"begin-{pair.other}")
