"""Does the board show the company's day, what was told and who is where, in a constant number of queries?"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event

from app.models import CurrentPosition, Customer, Lease, Notice, Technician, Visit
from app.operations.alarm import raise_alarm, read_alarms
from app.operations.board import read_board
from app.operations.booking import cancel_visit
from app.operations.history import read_history
from app.operations.lease import is_watched

TOKYO = ZoneInfo("Asia/Tokyo")
STORY_DAY = date(2026, 11, 24)


@pytest.fixture
def board(db, clock):
    def read(on=STORY_DAY, **narrowed):
        with db.read() as session:
            return read_board(session, on, TOKYO, clock.now(), **narrowed)

    return read


def lines(board):
    return [line.id for lane in board.lanes for line in lane.visits]


def add_notice(session, visit_id, clock, kind="late", state="sent", minutes_ago=5):
    visit = session.get(Visit, visit_id)
    session.add(
        Notice(
            visit_id=visit_id,
            kind=kind,
            language="ja",
            dedupe_key=f"{visit_id}:{kind}:{minutes_ago}",
            created_at=clock.now() - timedelta(minutes=minutes_ago),
            quoted_from_at=visit.promised_from_at + timedelta(minutes=20),
            quoted_until_at=visit.promised_from_at + timedelta(minutes=40),
            reason_code="late_expected",
            promised_from_at=visit.promised_from_at,
            promised_until_at=visit.promised_until_at,
            channels=["sms"],
            state=state,
            expires_at=clock.now() + timedelta(hours=1),
        )
    )


def test_a_day_begins_and_ends_at_local_midnight(board, world, clock):
    clock.at = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)
    first = datetime(2026, 11, 24, 0, 0, tzinfo=TOKYO)
    ids = [
        world.visit(promised_from_at=at, promised_until_at=at)
        for at in (first - timedelta(minutes=61), first, first + timedelta(hours=23, minutes=59))
    ]
    assert lines(board()) == ids[1:]
    assert lines(board(STORY_DAY - timedelta(days=1))) == ids[:1]


def test_visits_stand_in_planned_order_by_technician_and_unassigned_ones_first(board, world):
    late, early = world.visit(240), world.visit(90)
    nobody = world.visit(60, technician_id=None)
    shown = board()
    assert [(lane.technician_id, [line.id for line in lane.visits]) for lane in shown.lanes] == [
        (None, [nobody]),
        (world.technician, [early, late]),
    ]
    assert shown.counts["unassigned"] == 1


def test_the_day_can_be_narrowed_to_a_technician_a_state_and_a_text(board, world, db, clock):
    mine, nobody = world.visit(90), world.visit(60, technician_id=None)
    cancelled = world.visit(300)
    with db.write() as session:
        cancel_visit(session, cancelled, now=clock.now(), actor="test")
    assert lines(board(technician_id=world.technician)) == [mine, cancelled]
    assert lines(board(only="cancelled")) == [cancelled]
    assert board(only="cancelled").counts == {"unassigned": 1, "fine": 1, "cancelled": 1}
    for text in ("山田", "和歌山市1-1", "Wi-Fi", "wi-fi setup", str(nobody)):
        assert nobody in lines(board(text=text)), text
    assert lines(board(text="佐藤")) == [mine, cancelled]
    assert lines(board(text="nobody of this name")) == []


def test_technicians_without_a_visit_are_named_unless_the_day_is_narrowed(board, world, db, clock):
    world.visit()
    with db.write() as session:
        session.add(Technician(name="鈴木", created_at=clock.now()))
        session.add(Technician(name="元社員", active=False, created_at=clock.now()))
    assert list(board().free) == ["鈴木"]
    assert list(board(only="fine").free) == []


def test_a_line_shows_the_last_notice_and_its_state(board, world, db, clock):
    visit_id = world.visit(30)
    with db.write() as session:
        add_notice(session, visit_id, clock, state="sent", minutes_ago=9)
        add_notice(session, visit_id, clock, kind="late_update", state="failed", minutes_ago=2)
    line = board().lanes[0].visits[0]
    assert (line.notice.kind, line.notice.state) == ("late_update", "failed")
    assert line.standing == "not_told"


def test_a_line_says_that_nothing_is_said_by_wish_or_until_the_morning(board, world, db, clock):
    waits, over = world.visit(600), world.visit(60)
    with db.write() as session:
        session.get_one(Visit, waits).decided_reason = "quiet_hours"
        session.get_one(Visit, over).status = "completed"
    assert {line.id: line.hushed for lane in board().lanes for line in lane.visits} == {over: None}
    tomorrow = {line.id: line.hushed for lane in board(date(2026, 11, 25)).lanes for line in lane.visits}
    assert tomorrow == {waits: "quiet_hours"}
    with db.write() as session:
        session.get_one(Customer, world.customer).notices = "none"
    assert board(date(2026, 11, 25)).lanes[0].visits[0].hushed == "wants_nothing"


def test_a_silent_phone_on_duty_shares_no_position_and_before_the_day_it_is_private(board, world, db, clock):
    world.visit(120)
    assert not board().lanes[0].sharing_paused
    clock.forward(minutes=61)
    assert board().lanes[0].sharing_paused
    with db.write() as session:
        at = clock.now() - timedelta(seconds=30)
        session.add(CurrentPosition(technician_id=world.technician, fixed_at=at, received_at=at, lat=34.2, lon=135.1))
    lane = board().lanes[0]
    assert (lane.sharing_paused, lane.position_at) == (False, at)
    clock.forward(minutes=4)
    assert board().lanes[0].sharing_paused
    assert not board(STORY_DAY + timedelta(days=1)).lanes


def test_alarms_come_with_their_visit_most_urgent_promise_first(world, db, clock):
    later, sooner = world.visit(240), world.visit(30)
    with db.write() as session:
        raise_alarm(session, "rule_failed", "technician:1", clock.now(), technician_id=world.technician)
        raise_alarm(session, "call_me", f"visit:{later}", clock.now(), visit_id=later)
        raise_alarm(session, "silent_near_promise", f"visit:{sooner}", clock.now(), visit_id=sooner)
    with db.read() as session:
        shown = read_alarms(session)
    assert [alarm.kind for alarm in shown] == ["silent_near_promise", "call_me", "rule_failed"]
    assert (shown[0].customer, shown[0].technician, shown[0].phone) == ("山田 花子", "佐藤", "+819012345678")
    assert (shown[2].customer, shown[2].technician) == (None, "佐藤")


def test_visits_are_watched_only_while_the_jobs_show_themselves(db, clock):
    def watched():
        with db.read() as session:
            return is_watched(session, clock.now())

    assert not watched()
    with db.write() as session:
        session.add(Lease(name="jobs", holder="x", number=1, until_at=clock.now(), seen_at=clock.now()))
    assert watched()
    clock.forward(seconds=61)
    assert not watched()


def test_the_number_of_queries_does_not_grow_with_the_day(world, db, clock, client, signed_in):
    office = signed_in("dispatcher")
    asked: list[str] = []

    def note(_connection, _cursor, statement, *_):
        asked.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)

    def queries(path):
        asked.clear()
        assert office.get(path).status_code == 200
        return len(asked)

    start = clock.now() - timedelta(hours=6)
    made = []

    def fill(upto):
        with db.write() as session:
            while len(made) < upto:
                technician = Technician(name=f"T{len(made)}", created_at=clock.now())
                session.add(technician)
                session.flush()
                for hour in range(5):
                    at = start + timedelta(hours=2 * hour)
                    visit = Visit(
                        customer_id=world.customer,
                        site_id=world.site,
                        service_id=world.service,
                        technician_id=technician.id,
                        link_token=f"{technician.id}-{hour}",
                        created_at=clock.now(),
                        promised_from_at=at,
                        promised_until_at=at,
                        planned_from_at=at,
                        planned_until_at=at + timedelta(hours=1),
                        duration_min=60,
                    )
                    session.add(visit)
                    session.flush()
                    made.append(visit.id)
                add_notice(session, made[-1], clock)
                raise_alarm(session, "call_me", f"visit:{made[-1]}", clock.now(), visit_id=made[-1])

    fill(10)
    few = {path: queries(path) for path in ("/", "/board", "/customers", "/technicians", f"/visits/{made[0]}")}
    fill(200)
    many = {path: queries(path) for path in few}
    event.remove(db.engine, "before_cursor_execute", note)
    assert many == few
    assert few["/board"] <= 19


def test_a_history_tells_everything_newest_first_with_names(world, db, clock):
    visit_id = world.visit(60, actor="user:1")
    clock.forward(minutes=5)
    with db.write() as session:
        add_notice(session, visit_id, clock, minutes_ago=1)
        cancel_visit(session, visit_id, now=clock.now(), actor=f"technician:{world.technician}", reason="雨")
    with db.read() as session:
        history = read_history(session, visit_id, clock.now())
    assert [(moment.what, moment.entry.kind) for moment in history.moments] == [
        ("event", "cancelled"),
        ("notice", "late"),
        ("event", "booked"),
    ]
    assert history.names == {"user:1": "dispatcher", f"technician:{world.technician}": "佐藤"}
    assert history.standing == "cancelled"
