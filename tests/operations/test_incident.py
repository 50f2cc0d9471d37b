"""Is everybody whom an incident concerns told once each time, at most hourly, by the promised moment, to the end?"""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import select

from app.errors import Conflict, Invalid
from app.models import Alarm, Customer, Incident, IncidentEntry, Notice
from app.operations import incident as incident_operations
from app.operations.booking import cancel_visit
from app.operations.field import report_status
from app.operations.incident import (
    Words,
    add_update,
    add_visits,
    close_incident,
    leave_out,
    open_incident,
    reopen_incident,
    report_incident,
)
from app.operations.incident_view import incident_lines, incident_of, read_incident, visits_to_choose
from app.operations.notice import why_outdated
from app.rules.incident import REPORT_PARTS
from app.tick import tell_incidents

STORM = Words("台風による到着の遅れ")
SORRY = Words("台風のため本日の到着が遅れます。ご迷惑をおかけし申し訳ございません。")
REPORT = {part: Words(f"{part}です。") for part in REPORT_PARTS}


@pytest.fixture
def storm(db, clock, parts, telling):
    """Return a function that opens an incident about visits, and says its number."""

    def opened(*visit_ids, title=STORM, words=SORRY):
        with db.write() as session:
            return open_incident(
                session,
                title=title,
                words=words,
                answered_by="小林",
                phone="",
                country="JP",
                visit_ids=visit_ids,
                now=clock.now(),
                actor="user:1",
                telling=telling,
            ).id

    return opened


@pytest.fixture
def telling(parts):
    from app.operations.notice import Telling

    return Telling("https://abpc.jp", parts.settings.zone, parts.channels)


@pytest.fixture
def do(db, clock, telling):
    """Return a function that runs an operation on an incident as somebody at the desk would."""

    def done(operation, *given):
        with db.write() as session:
            return operation(session, *given, now=clock.now(), actor="user:1", telling=telling)

    return done


@pytest.fixture
def told(db):
    """Return a function that says which words went to whom, oldest first."""

    def read():
        with db.read() as session:
            rows = session.execute(
                select(Notice.visit_id, Notice.reason_facts, Notice.state)
                .where(Notice.kind == "incident_update")
                .order_by(Notice.id)
            )
            return [(visit_id, facts["words"]["words"], state) for visit_id, facts, state in rows]

    return read


def alarms(db):
    with db.read() as session:
        return sorted(session.scalars(select(Alarm.kind).where(Alarm.cleared_at.is_(None))))


def test_everybody_concerned_is_told_at_once_and_a_customer_with_two_visits_once(world, storm, told, db):
    visits = world.visit(60), world.visit(240, technician_id=None)
    incident_id = storm(*visits)
    assert told() == [(visits[0], SORRY.ja, "due")]
    with db.read() as session:
        seen = read_incident(session, incident_id)
        assert [one.notice_state for one in seen.concerned] == ["due", "due"]
        assert seen.waiting is None
        assert seen.incident.phone == "+81312345678"
        notice = session.scalars(select(Notice)).one()
        assert "次のご連絡" in (notice.body or "")
        assert "17:05" in (notice.body or "")


def test_news_within_the_hour_stands_on_the_page_and_leaves_when_the_hour_is_over(
    world, storm, do, told, db, clock, parts
):
    incident_id = storm(world.visit(300))
    clock.forward(minutes=30)
    do(add_update, incident_id, Words("道路が一部開通しました。"))
    with db.read() as session:
        seen = read_incident(session, incident_id)
        assert seen.waiting is not None
        assert seen.leaves_at == clock.now() + timedelta(minutes=30)
    clock.forward(minutes=10)
    do(add_update, incident_id, Words("高速道路が開通しました。"))
    assert tell_incidents(parts, clock.now()) == 0
    assert len(told()) == 1
    clock.forward(minutes=20)
    assert tell_incidents(parts, clock.now()) == 1
    assert [words for _, words, _ in told()] == [SORRY.ja, "高速道路が開通しました。"]
    clock.forward(hours=1, minutes=1)
    do(add_update, incident_id, Words("すべての道路が開通しました。"))
    assert len(told()) == 3


def test_with_nothing_new_a_person_is_asked_first_and_then_customers_hear_by_the_promised_time(
    world, storm, told, db, clock, parts
):
    incident_id = storm(world.visit(600))
    clock.forward(minutes=44)
    tell_incidents(parts, clock.now())
    assert alarms(db) == []
    clock.forward(minutes=1)
    tell_incidents(parts, clock.now())
    assert alarms(db) == ["incident_news_due"]
    clock.forward(minutes=15)
    tell_incidents(parts, clock.now())
    assert "引き続き" in told()[-1][1]
    assert alarms(db) == []
    with db.read() as session:
        entries = session.scalars(
            select(IncidentEntry).where(IncidentEntry.incident_id == incident_id).order_by(IncidentEntry.id)
        ).all()
        assert [(entry.kind, entry.by) for entry in entries] == [("opened", "user:1"), ("still", "system")]
    assert tell_incidents(parts, clock.now()) == 0


def test_who_has_been_served_hears_only_the_end_and_who_cancelled_hears_nothing(world, storm, do, told, db, clock):
    with db.write() as session:
        others = [
            Customer(name=f"客{n}", language="ja", mobile=f"+8190123456{n}", created_at=clock.now()) for n in (10, 11)
        ]
        session.add_all(others)
        session.flush()
        ids = [customer.id for customer in others]
    waiting = world.visit(300)
    served, cancelled = (
        world.visit(start, customer_id=customer, site_id=site(db, customer))
        for start, customer in zip((30, 500), ids, strict=True)
    )
    incident_id = storm(waiting, served, cancelled)
    with db.write() as session:
        report_status(session, served, "completed", now=clock.forward(minutes=61), actor="user:1", by="office")
        cancel_visit(session, cancelled, now=clock.now(), actor="user:1", version=1, reason="no")
    do(add_update, incident_id, Words("続報です。"))
    assert [visit for visit, words, _ in told() if words == "続報です。"] == [waiting]
    do(close_incident, incident_id, Words("解消しました。"))
    assert sorted(visit for visit, words, _ in told() if words == "解消しました。") == sorted(
        [waiting, served, cancelled]
    )


def test_who_cancelled_one_visit_of_two_still_hears_the_end(world, storm, do, told, db, clock):
    first, second = world.visit(60), world.visit(240, technician_id=None)
    incident_id = storm(first, second)
    with db.write() as session:
        cancel_visit(session, first, now=clock.now(), actor="user:1", version=1, reason="no")
    do(close_incident, incident_id, Words("解消しました。"))
    assert told()[-1] == (second, "解消しました。", "due")


def test_the_word_on_one_incident_does_not_make_that_on_another_old_news(world, storm, do, db, clock):
    visit = world.visit(60)
    storm_id, blackout_id = storm(visit), storm(visit, title=Words("停電"), words=Words("停電のため遅れます。"))

    def why():
        with db.read() as session:
            rows = session.scalars(select(Notice).order_by(Notice.id))
            return [why_outdated(session, notice, notice.visit, clock.now()) for notice in rows]

    assert why() == [None, None]
    do(close_incident, storm_id, Words("解消しました。"))
    assert why() == ["superseded", None, None]
    with db.write() as session:
        session.scalars(select(Notice).order_by(Notice.id.desc()).limit(1)).one().state = "failed"
    with db.read() as session:
        assert read_incident(session, storm_id).counts == {"failed": 1}
        assert read_incident(session, blackout_id).counts == {"due": 1}


def test_an_incident_whose_word_fails_stops_no_other(world, storm, told, db, clock, parts, monkeypatch):
    first, second = world.visit(300), world.visit(420, technician_id=None)
    broken, fine = storm(first), storm(second, title=Words("停電"), words=Words("停電です。"))
    tell = incident_operations._tell

    def refuse(session, incident, *rest):
        if incident.id == broken:
            raise RuntimeError("no such luck")
        tell(session, incident, *rest)

    monkeypatch.setattr(incident_operations, "_tell", refuse)
    assert tell_incidents(parts, clock.forward(hours=1)) == 1
    assert [visit for visit, _, _ in told()] == [first, second, second]
    monkeypatch.undo()
    assert tell_incidents(parts, clock.now()) == 1
    assert (fine, told()[-1][0]) == (2, first)


def site(db, customer_id):
    from app.models import Site

    with db.write() as session:
        row = Site(customer_id=customer_id, address="和歌山市2-2", lat=34.23, lon=135.17, located_by="given")
        session.add(row)
        session.flush()
        return row.id


def test_the_end_waits_for_no_hour_and_the_report_is_owed_within_a_day(world, storm, do, told, db, clock, parts):
    incident_id = storm(world.visit(300))
    clock.forward(minutes=5)
    do(close_incident, incident_id, Words("復旧しました。"))
    assert [words for _, words, _ in told()] == [SORRY.ja, "復旧しました。"]
    with pytest.raises(Conflict):
        do(add_update, incident_id, Words("まだ?"))
    assert tell_incidents(parts, clock.forward(hours=17)) == 0
    assert alarms(db) == []
    tell_incidents(parts, clock.forward(hours=1))
    assert alarms(db) == ["incident_report_due"]
    with pytest.raises(Invalid) as wrong:
        do(report_incident, incident_id, {**REPORT, "cause": Words(" ")})
    assert [problem.field for problem in wrong.value.problems] == ["cause_ja"]
    do(report_incident, incident_id, REPORT)
    assert alarms(db) == []
    with pytest.raises(Conflict):
        do(report_incident, incident_id, REPORT)
    do(reopen_incident, incident_id, Words("再び遅れが出ています。"))
    assert told()[-1][1] == "再び遅れが出ています。"
    do(add_update, incident_id, Words("続報です。"))


def test_a_visit_that_is_added_hears_the_present_word_at_once_and_one_left_out_hears_no_more(
    world, storm, do, told, db, clock, parts
):
    first = world.visit(300)
    incident_id = storm(first)
    with db.write() as session:
        other = Customer(name="客", language="ja", mobile="+819012345699", created_at=clock.now())
        session.add(other)
        session.flush()
        other_id = other.id
    second = world.visit(420, customer_id=other_id, site_id=site(db, other_id))
    clock.forward(minutes=10)
    assert do(add_visits, incident_id, [first, second]) == 1
    assert do(add_visits, incident_id, [second]) == 0
    assert [(visit, words) for visit, words, _ in told()] == [(first, SORRY.ja), (second, SORRY.ja)]
    with db.write() as session:
        leave_out(session, incident_id, first)
    clock.forward(hours=2)
    tell_incidents(parts, clock.now())
    assert [visit for visit, _, _ in told()] == [first, second, second]


def test_english_is_asked_for_where_somebody_concerned_reads_it(world, storm, do, told, db):
    with db.write() as session:
        session.get_one(Customer, world.customer).language = "en"
    visit = world.visit(300)
    with pytest.raises(Invalid) as wrong:
        storm(visit)
    assert [problem.field for problem in wrong.value.problems] == ["title_en", "words_en"]
    incident_id = storm(visit, title=Words("台風", "Typhoon"), words=Words("遅れます。", "We will be late."))
    assert told() == [(visit, "We will be late.", "due")]
    with pytest.raises(Invalid):
        do(add_update, incident_id, Words("続報です。"))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"title": Words(" ")}, "title_ja"),
        ({"words": Words("x" * 401)}, "words_ja"),
        ({"words": Words("a\x00b")}, "words_ja"),
    ],
)
def test_what_is_missing_or_too_long_is_named_and_nothing_is_opened(world, storm, db, changes, field):
    with pytest.raises(Invalid) as wrong:
        storm(world.visit(60), **changes)
    assert [problem.field for problem in wrong.value.problems] == [field]
    with pytest.raises(Invalid) as wrong:
        storm()
    assert [problem.field for problem in wrong.value.problems] == ["visits"]
    with db.read() as session:
        assert session.scalars(select(Incident)).all() == []


def test_the_visits_of_a_day_are_narrowed_down(world, db, clock, parts):
    morning, evening = world.visit(30), world.visit(180, technician_id=None)
    on = clock.now().astimezone(parts.settings.zone).date()
    with db.read() as session:
        find = partial(visits_to_choose, session, on, parts.settings.zone)
        assert [choice.id for choice in find()] == [morning, evening]
        assert [choice.id for choice in find(technician_id=world.technician)] == [morning]
        assert [choice.id for choice in find(text="和歌山")] == [morning, evening]
        assert [choice.id for choice in find(text="東京")] == []
        from datetime import time

        assert [choice.id for choice in find(from_clock=time(17, 0))] == [evening]
        assert [choice.id for choice in find(until_clock=time(16, 30))] == [morning]


def test_a_visits_page_names_its_incident_until_a_day_after_the_end(world, storm, do, db, clock):
    visit = world.visit(60)
    from app.models import Visit

    with db.read() as session:
        token = session.get_one(Visit, visit).link_token
        assert incident_of(session, token, clock.now()) is None
    incident_id = storm(visit)
    do(close_incident, incident_id, Words("解消しました。"))
    with db.read() as session:
        found = incident_of(session, token, clock.now() + timedelta(hours=23))
        assert found is not None
        assert found.id == incident_id
        assert incident_of(session, token, clock.now() + timedelta(hours=25)) is None
        assert [(line.incident.id, line.visits) for line in incident_lines(session)] == [(incident_id, 1)]
