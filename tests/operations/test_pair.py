"""Are two found, kept, moved and replaced together, and does what a customer likes count?"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from app.errors import Conflict, Invalid
from app.models import Customer, Hold, Notice, Planning, Proposal, Service, Technician, Visit
from app.operations.appointment import Message, change
from app.operations.consequences import carry_out, dropped, dropped_beside, read_consequences
from app.operations.customer import change_liking
from app.operations.export import export_customers, export_visits
from app.operations.hold import goes_along, hold_time, let_go
from app.operations.intake import import_customers, import_visits
from app.operations.notice import Telling
from app.operations.proposal import Question, Step, answer, ask
from app.operations.replan import apply_way, find_ways, judged_ways, read_case, start_leaving, start_urgent
from app.operations.self_move import keep_time, move_to
from app.operations.self_times import find_times
from app.operations.slots import find_slots
from app.operations.technician_day import technician_day
from tests.operations.test_proposal import Post
from tests.operations.test_second import TELLING, TOKYO, booked, changed, crew, local, plan
from tests.planned_days import solve_here

__all__ = ["booked", "changed", "crew"]

ALL_DAY = {day: [["08:00", "20:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}


@pytest.fixture
def for_two(db, world, crew):
    """The world's service needs two, and everybody works all day."""
    with db.write() as session:
        session.execute(update(Service).values(technicians=2))
        session.execute(update(Technician).values(working_hours=ALL_DAY))
    return crew


@pytest.fixture
def found(db, world, clock):
    def look(**asked):
        span = {"from_at": local(9), "until_at": local(19), "now": clock.now(), "zone": TOKYO}
        with db.read() as session:
            return find_slots(
                session, service_id=world.service, lat=34.2261, lon=135.1675, **{**span, "most": 40, **asked}
            )

    return look


def pairs(slots):
    return {frozenset((slot.technician, slot.second_technician)) for slot in slots}


def test_times_are_offered_at_which_two_can_come_who_know_the_work_between_them(db, for_two, booked, found):
    one, two, three = for_two
    assert all(len(pair) == 2 and None not in pair for pair in pairs(found()))
    assert set().union(*pairs(found())) == {one, two, three}
    with db.write() as session:
        session.execute(update(Service).values(skill="gas"))
        session.execute(update(Technician).where(Technician.id == three).values(skills=["gas"]))
    assert {slot.technician for slot in found()} == {three}
    assert {slot.second_technician for slot in found(technician_id=two)} == {two}
    assert found(without=[three]) == []
    booked(9, one, short_handed=True, duration_min=180)
    booked(9, two, short_handed=True, duration_min=180)
    assert min(slot.starts_at for slot in found()) >= local(12)


def test_where_two_are_needed_one_goes_alone_only_when_somebody_insists(for_two, booked, changed):
    with pytest.raises(Conflict) as refused:
        booked(10, for_two[0])
    assert refused.value.code == "needs_two"
    lone = booked(10, for_two[0], short_handed=True)
    changed(lone, promised_from_at=local(11))
    both = booked(14, *for_two[:2])
    with pytest.raises(Conflict):
        changed(both, alone=True)
    nobodys = booked(10, None)
    with pytest.raises(Conflict):
        changed(nobodys, technician_id=for_two[2])


def test_both_are_kept_by_one_name_and_let_go_together(db, clock, for_two, booked, found):
    def keep(second, at=10):
        with db.write() as session:
            hold = hold_time(
                session, technician_id=for_two[0], second_technician_id=second, starts_at=local(at), duration_min=60,
                lat=34.2261, lon=135.1675, now=clock.now(), actor="user:1",
            )  # fmt: skip
            assert goes_along(session, hold) == second
            return hold.token

    token = keep(for_two[1])
    for taken in for_two[:2]:
        with pytest.raises(Conflict) as refused:
            booked(10, for_two[2], taken)
        assert refused.value.code == "held"
    with pytest.raises(Conflict):
        keep(for_two[2])
    assert all(slot.starts_at >= local(11) or not {slot.technician, slot.second_technician} & set(for_two[:2])
               for slot in found())  # fmt: skip
    booked(10, *for_two[:2], hold=token)
    with db.write() as session:
        assert session.scalar(select(func.count(Hold.id))) == 0
    let = keep(for_two[2], at=15)
    with db.write() as session:
        let_go(session, let)
        assert session.scalar(select(func.count(Hold.id))) == 0


def test_who_goes_along_can_go_first_and_the_other_along(db, crew, booked, changed):
    first = booked(10, crew[0], crew[1])
    changed(first, technician_id=crew[1], second_technician_id=crew[0])
    assert plan(db) == [(crew[1], local(10), None), (crew[0], local(10), first)]
    changed(first, technician_id=crew[2], second_technician_id=crew[1], promised_from_at=local(10.5))
    assert plan(db) == [(crew[2], local(10.5), None), (crew[1], local(10.5), first)]


def test_carried_on_the_board_either_bar_carries_both(db, clock, for_two, booked):
    first = booked(10, *for_two[:2])
    booked(15, for_two[2], short_handed=True)
    with db.read() as session:
        visit = session.get_one(Visit, first)
        assert dropped(visit, for_two[1], local(10)).people == [for_two[1], for_two[0]]
        other = dropped_beside(visit, for_two[2], local(15))
        assert other.people == [for_two[0], for_two[2]]
        seen = read_consequences(session, visit, other, TOKYO, clock.now())
        assert [one.code for one in seen.objections if one.is_final] == ["overlap"]
        assert seen.objections[0].facts["technician"] == "高橋"
        alone = read_consequences(session, visit, dropped_beside(visit, None, local(10)), TOKYO, clock.now())
        assert "needs_two" in [one.code for one in alone.objections]


def test_the_customer_moves_both_by_herself_and_neither_is_left_behind(db, clock, for_two, booked):
    first = booked(58, *for_two[:2])
    with db.write() as session:
        visit = session.get_one(Visit, first)
        token, own = visit.link_token, session.scalar(select(Visit).where(Visit.beside_id == first)).link_token
        days = find_times(session, token, None, TOKYO, clock.now()).times(None).days
        starts_at = next(choice.starts_at for on, day in days for choice in day if on > local(34).date())
        hold = keep_time(session, token, starts_at, TOKYO, clock.now())
        assert session.scalar(select(func.count(Hold.id))) == 2
        move_to(session, token, hold, starts_at, version=visit.version, telling=TELLING, now=clock.now())
        assert session.scalar(select(func.count(Hold.id))) == 0
    assert [row[1] for row in plan(db)] == [starts_at, starts_at]
    with db.read() as session, pytest.raises(Exception, match="link"):
        find_times(session, own, None, TOKYO, clock.now())


def test_a_question_keeps_both_and_her_yes_moves_both(db, clock, for_two, booked):
    first = booked(10, *for_two[:2])
    with db.write() as session:
        session.execute(update(Customer).values(mobile="+819011112222"))
        step = Step(first, for_two[0], local(15), for_two[1])
        question = Question(first, local(15), local(16), [step])
        telling = Telling("https://a.jp", TOKYO, {"sms": Post()})
        proposal = ask(session, question, now=clock.now(), telling=telling, actor="user:1").id
        assert session.scalar(select(func.count(Hold.id))) == 2
    with pytest.raises(Conflict):
        booked(15, for_two[1], for_two[2])
    with db.write() as session:
        assert answer(session, proposal, "accepted", now=clock.now(), zone=TOKYO).answer == "accepted"
    assert [row[:2] for row in plan(db)] == [(for_two[0], local(15)), (for_two[1], local(15))]


@pytest.mark.parametrize("leaver", [0, 1])
def test_when_one_of_two_falls_ill_somebody_else_comes_instead_at_the_same_time(db, clock, for_two, booked, leaver):
    first = booked(16, *for_two[:2])
    now = local(9)
    with db.write() as session:
        planning = start_leaving(session, for_two[leaver], now, "ill", actor="user:1", now=now, zone=TOKYO)
        asked, ways = find_ways(read_case(session, planning, TOKYO), solve_here, lambda _: None)
        planning.result = judged_ways(session, planning, asked, ways, TOKYO)
        planning.state = "done"
        number = planning.id
        way = planning.result["ways"][0]
        assert [(step["name"], step["start"]) for step in way["steps"]] == [("高橋", local(16).isoformat())]
    with db.write() as session:
        apply_way(session, number, way["key"], now=now + timedelta(minutes=1), telling=TELLING, actor="user:1")
    expected = [for_two[2], for_two[1]] if leaver == 0 else [for_two[0], for_two[2]]
    assert [(row[0], row[1]) for row in plan(db)] == [(one, local(16)) for one in expected]
    assert first


def test_an_urgent_call_for_two_is_not_planned_for_one(db, world, clock, for_two):
    with db.write() as session, pytest.raises(Invalid) as refused:
        start_urgent(session, world.site, world.service, None, "", actor="user:1", now=clock.now(), zone=TOKYO)
    assert refused.value.problems[0].code == "for_two"
    with db.read() as session:
        assert session.scalar(select(func.count(Planning.id))) == 0


def test_each_of_two_reads_on_the_phone_who_the_other_is(db, for_two, booked):
    booked(16, *for_two[:2])
    with db.read() as session:
        seen = [technician_day(session, one, TOKYO, local(9)).visits[0] for one in for_two[:2]]
        names = [session.get_one(Technician, one).name for one in for_two[:2]]
    assert [(one.with_name, one.goes_along) for one in seen] == [(names[1], False), (names[0], True)]


def test_whom_a_customer_does_not_want_again_is_not_offered_and_whom_she_likes_comes_first(
    db, world, clock, crew, found, booked
):
    with db.write() as session:
        session.execute(update(Technician).values(working_hours=ALL_DAY))
        liked = {"likes_time": "evening", "likes_technician": crew[2], "avoids": [crew[0]]}
        change_liking(session, world.customer, **liked)
    slots = found(customer_id=world.customer)
    assert crew[0] not in {slot.technician for slot in slots}
    assert (slots[0].technician, slots[0].starts_at.astimezone(TOKYO).hour) == (crew[2], 17)
    assert {slot.technician for slot in found()} == set(crew)
    with db.write() as session, pytest.raises(Invalid):
        change_liking(session, world.customer, likes_time="noon", likes_technician=crew[1], avoids=[crew[1], 99])
    visit = booked(10, crew[1])
    with db.read() as session:
        aim = dropped(session.get_one(Visit, visit), crew[0], local(10))
        seen = read_consequences(session, session.get_one(Visit, visit), aim, TOKYO, clock.now())
        assert "unwanted" in [one.code for one in seen.objections]
    with db.write() as session:
        moved = change(session, visit, Message(TELLING), now=clock.now(), actor="user:1", technician_id=crew[0])
        assert moved.technician_id == crew[0], "who says so by hand is not held up"


def test_a_list_books_two_as_well_and_says_what_customers_like(db, world, clock, for_two):
    with db.read() as session:
        one, two = (session.get_one(Technician, each).name for each in for_two[:2])
    head = "お客様,サービス,約束開始,担当者,同行者\n"
    row = f"{world.customer},{world.service},2026-11-26 10:00,{one},{{}}\n"
    take = {"now": clock.now(), "zone": TOKYO, "actor": "user:1"}
    with pytest.raises(Invalid) as refused, db.write() as session:
        import_visits(session, (head + row.format("")).encode(), **take)
    assert [(one.field, one.code) for one in refused.value.problems] == [("row 2, promised_from", "needs_two")]
    with db.write() as session:
        import_visits(session, (head + row.format(two)).encode(), **take)
        liked = f"氏名,住所,希望時間帯,希望担当者,避ける担当者\n新井,大阪,午前,{one},{two}\n"
        import_customers(session, liked.encode(), now=clock.now(), country="JP")
    assert [row[0] for row in plan(db)] == for_two[:2]
    with db.read() as session:
        arai = session.scalar(select(Customer).where(Customer.name == "新井"))
        assert (arai.likes_time, arai.likes_technician_id, arai.avoids) == ("morning", for_two[0], [for_two[1]])
        given = export_visits(session, "ja", from_on=local(24).date(), until_on=local(48).date(), zone=TOKYO)
        assert f"{one},{two}" in given
        again = export_customers(session, "ja").encode()
    with db.write() as session:
        assert import_customers(session, again, now=clock.now(), country="JP").added == 0


def test_who_moves_a_visit_can_ask_first_and_nothing_moves_before_the_yes(db, clock, for_two, booked):
    first = booked(10, *for_two[:2])
    message = Message(Telling("https://a.jp", TOKYO, {"sms": Post()}), "ask", reason="交通渋滞")
    how = {"now": clock.now(), "actor": "user:1", "version": 1}
    with db.write() as session:
        session.execute(update(Customer).values(mobile="+819011112222"))
        visit = session.get_one(Visit, first)
        with pytest.raises(Invalid):
            carry_out(session, first, dropped(visit, for_two[0], local(10)), message, **how)
        carry_out(session, first, dropped(visit, for_two[0], local(15)), message, **how)
        assert session.scalars(select(Notice.kind)).all() == ["move_asked"]
        question = session.scalar(select(Proposal.id))
    assert [row[1] for row in plan(db)] == [local(10)] * 2
    with db.write() as session:
        answer(session, question, "accepted", now=clock.now(), zone=TOKYO)
    assert [row[1] for row in plan(db)] == [local(15)] * 2


def test_who_asks_whether_one_may_come_alone_at_another_time_sends_one_alone(db, clock, for_two, booked):
    first = booked(10, *for_two[:2])
    message = Message(Telling("https://a.jp", TOKYO, {"sms": Post()}), "ask")
    how = {"now": clock.now(), "actor": "user:1", "version": 1, "insist": True}
    with db.write() as session:
        session.execute(update(Customer).values(mobile="+819011112222"))
        aim = replace(dropped(session.get_one(Visit, first), for_two[0], local(15)), second_id=None)
        carry_out(session, first, aim, message, **how)
        question = session.scalar(select(Proposal.id))
    with db.write() as session:
        assert answer(session, question, "accepted", now=clock.now(), zone=TOKYO).answer == "accepted"
        visit = session.get_one(Visit, first)
        assert (visit.planned_from_at, visit.second_technician_id) == (local(15), None)
