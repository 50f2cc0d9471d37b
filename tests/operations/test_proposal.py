"""Does nothing move before the customer says yes, is the time kept for her, and is silence never taken for a yes?"""

from __future__ import annotations

import threading
from datetime import timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from app.errors import Conflict
from app.models import Alarm, Customer, Hold, Notice, Proposal, Technician, Visit, VisitEvent
from app.operations.appointment import Message, cancel, change
from app.operations.booking import change_visit
from app.operations.field import report_status
from app.operations.inbound import receive
from app.operations.notice import Telling
from app.operations.proposal import Question, Step, answer, ask, take_back
from app.operations.repair import ask_for_offer, offers_for
from app.tick import deliver, lapse_questions, sweep
from tests.late_day import overrun, read

JAPAN = ZoneInfo("Asia/Tokyo")


class Post:
    """A channel that takes everything."""

    repeats_safely = False

    def __init__(self):
        self.sent = []

    def reaches(self, recipient):
        return True

    def send(self, message, recipient, *, reference, valid_s):
        self.sent.append(message)
        return f"id-{len(self.sent)}"


@pytest.fixture
def office(db, clock, world, parts):
    """A visit in three hours that the office would like to make an hour later."""
    post = Post()
    parts.channels = {"sms": post}
    telling = Telling("https://a.jp", JAPAN, {"sms": post})
    visit = world.visit(180)
    start = clock.at + timedelta(hours=4)

    def put(visit=visit, start=start, *, window_min=30, technician=world.technician, steps=(), **more):
        steps = [*steps, Step(visit, technician, start)]
        question = Question(visit, start, start + timedelta(minutes=window_min), steps, "交通渋滞")
        with db.write() as session:
            return ask(session, question, now=clock.at, telling=telling, actor="user:1", **more).id

    def says(proposal, what):
        with db.write() as session:
            return answer(session, proposal, what, now=clock.at, zone=JAPAN).answer

    def standing(visit=visit):
        with db.read() as session:
            wanted = select(Alarm.kind).where(Alarm.visit_id == visit, Alarm.cleared_at.is_(None))
            return set(session.scalars(wanted))

    def notices(visit=visit):
        with db.read() as session:
            return session.scalars(select(Notice).where(Notice.visit_id == visit).order_by(Notice.id)).all()

    def of(proposal):
        with db.read() as session:
            return session.get_one(Proposal, proposal)

    return SimpleNamespace(
        visit=visit, start=start, ask=put, says=says, standing=standing, notices=notices, of=of, post=post,
        telling=telling,
    )  # fmt: skip


def test_she_is_asked_once_and_nothing_moves_before_her_yes(office, db, clock, parts, world):
    before = read(db, office.visit).promised_from_at
    proposal = office.ask()
    deliver(parts)
    (message,) = office.post.sent
    assert "変更させていただけないでしょうか" in message.body
    assert "交通渋滞" in message.body
    assert read(db, office.visit).promised_from_at == before
    with pytest.raises(Conflict, match="asked_already"):
        office.ask()
    assert office.says(proposal, "accepted") == "accepted"
    visit = read(db, office.visit)
    assert (visit.promised_from_at, visit.planned_from_at) == (office.start, office.start)
    assert visit.promised_until_at == office.start + timedelta(minutes=30)
    assert office.says(proposal, "kept") == "accepted"  # a second press is none
    clock.forward(minutes=1)
    deliver(parts)
    assert len(office.post.sent) == 1  # what she agreed to is not told her again
    assert [(n.kind, n.state_reason) for n in office.notices()][-1] == ("moved", "told_by_hand")
    with db.read() as session:
        assert session.scalars(select(Hold)).all() == []
        kinds = session.scalars(select(VisitEvent.kind).order_by(VisitEvent.id)).all()
    assert [kind for kind in kinds if "move" in kind] == ["move_asked", "move_answered"]


def test_the_time_is_kept_for_her_meanwhile_and_free_again_after_her_no(office, world, db):
    proposal = office.ask()
    with pytest.raises(Conflict, match="held"):
        world.visit(240)
    assert office.says(proposal, "kept") == "kept"
    world.visit(240)
    assert office.standing() == {"move_declined"}


def test_silence_is_no_yes_and_calls_a_person(office, db, clock, parts, world):
    proposal = office.ask()
    before = read(db, office.visit).promised_from_at
    expires_at = office.of(proposal).expires_at
    clock.at = expires_at - timedelta(seconds=1)
    lapse_questions(parts, clock.at)
    assert office.of(proposal).answer is None
    clock.at = expires_at
    lapse_questions(parts, clock.at)
    lapse_questions(parts, clock.at)
    assert office.of(proposal).answer == "lapsed"
    assert "move_unanswered" in office.standing()
    assert office.says(proposal, "accepted") == "lapsed"
    assert read(db, office.visit).promised_from_at == before
    world.visit(240)


def test_a_yes_that_comes_a_moment_too_late_changes_nothing(office, db, clock):
    proposal = office.ask()
    clock.at = office.of(proposal).expires_at + timedelta(seconds=1)
    assert office.says(proposal, "accepted") == "lapsed"
    assert "move_unanswered" in office.standing()


@pytest.mark.parametrize("deed", ["moved", "another technician", "cancelled", "taken back"])
def test_what_the_office_does_meanwhile_takes_the_question_back(office, db, clock, parts, deed):
    proposal, told = office.ask(), Message(office.telling, "told")
    with db.write() as session:
        other = Technician(name="鈴木", created_at=clock.at)
        session.add(other)
        session.flush()
        if deed == "moved":
            later = {f"promised_{end}_at": office.start for end in ("from", "until")}
            change(session, office.visit, told, now=clock.at, actor="user:1", **later)
        elif deed == "another technician":
            change(session, office.visit, told, now=clock.at, actor="user:1", technician_id=other.id)
        elif deed == "cancelled":
            cancel(session, office.visit, told, now=clock.at, actor="user:1")
        else:
            take_back(session, office.visit, now=clock.at, actor="user:1")
    assert office.of(proposal).answer == "withdrawn"
    assert office.says(proposal, "accepted") == "withdrawn"
    deliver(parts)
    assert office.post.sent == []  # the question had not left
    with db.read() as session:
        assert session.scalars(select(Hold)).all() == []


def test_another_note_leaves_the_question_open(office, db, clock):
    proposal = office.ask()
    with db.write() as session:
        change(session, office.visit, Message(office.telling), now=clock.at, actor="user:1", note="裏口から")
    assert office.says(proposal, "accepted") == "accepted"


def test_a_yes_that_cannot_be_kept_any_more_leaves_the_promise_and_calls_a_person(office, db, clock, world):
    """Room was to be made by another visit, which has gone elsewhere meanwhile."""
    neighbour = world.visit(240)
    giving_way = Step(neighbour, world.technician, clock.at + timedelta(minutes=300))
    with db.write() as session:
        visit = session.get_one(Visit, neighbour)
        visit.promised_until_at += timedelta(hours=2)
    proposal = office.ask(steps=[giving_way])
    with db.write() as session:
        suzuki = Technician(name="鈴木", created_at=clock.at)
        session.add(suzuki)
        session.flush()
        change(session, neighbour, Message(office.telling, "no"), now=clock.at, actor="user:1", technician_id=suzuki.id)
    before = read(db, office.visit).promised_from_at
    assert office.says(proposal, "accepted") == "gone"
    assert read(db, office.visit).promised_from_at == before
    assert office.standing() == {"move_gone"}


def test_what_gives_way_moves_with_her_yes_and_not_before(office, db, clock, world):
    neighbour = world.visit(240, window_min=120)
    proposal = office.ask(steps=[Step(neighbour, world.technician, clock.at + timedelta(minutes=300))])
    assert read(db, neighbour).planned_from_at == clock.at + timedelta(minutes=240)
    assert office.says(proposal, "accepted") == "accepted"
    assert read(db, neighbour).planned_from_at == clock.at + timedelta(minutes=300)


def test_who_has_been_reached_meanwhile_is_moved_no_more(office, db, clock):
    proposal = office.ask()
    with db.write() as session:
        report_status(session, office.visit, "arrived", now=clock.at, actor="user:1", by="office")
    assert office.says(proposal, "accepted") == "gone"


def test_a_call_is_what_she_gets_who_wants_one(office, db):
    proposal = office.ask()
    assert office.says(proposal, "call") == "call"
    assert office.standing() == {"call_me"}


@pytest.mark.parametrize(
    ("words", "becomes"),
    [("OK", "accepted"), ("電話ください", "call"), ("変更してください", "call"), ("何時でも?", None)],
)
def test_an_answer_by_sms_counts_when_it_is_plain(office, db, clock, parts, words, becomes):
    proposal = office.ask()
    deliver(parts)
    with db.write() as session:
        number = session.scalars(select(Customer.mobile)).one()
        receive(session, "sms", number, words, clock.forward(minutes=1), provider_id="SM1", zone=JAPAN)
    assert office.of(proposal).answer == becomes
    assert (read(db, office.visit).promised_from_at == office.start) == (becomes == "accepted")


def test_an_ok_to_something_else_is_no_yes(office, db, clock, parts):
    proposal = office.ask()
    with db.write() as session:
        number = session.scalars(select(Customer.mobile)).one()
        receive(session, "sms", number, "OK", clock.at, provider_id="SM1", zone=JAPAN)  # nothing has been sent yet
    assert office.of(proposal).answer is None


def test_nobody_is_asked_who_cannot_be_or_has_no_time(office, db, clock, world):
    near = world.visit(24, technician_id=None)
    with pytest.raises(Conflict, match="too_late_to_ask"):
        office.ask(near)
    with db.write() as session:
        session.scalars(select(Customer)).one().notices = "none"
    with pytest.raises(Conflict, match="cannot_be_asked"):
        office.ask()
    office.telling.channels.clear()
    with db.write() as session:
        session.scalars(select(Customer)).one().notices = "all"
    with pytest.raises(Conflict, match="cannot_be_asked"):
        office.ask()
    with db.read() as session:
        assert session.scalars(select(Proposal)).all() == []


def test_yes_and_a_change_at_once_are_one_of_both(office, db, clock):
    proposal, later = office.ask(), clock.at + timedelta(hours=6)
    start = threading.Barrier(3)

    def agree():
        start.wait()
        office.says(proposal, "accepted")

    def move():
        start.wait()
        with db.write() as session:
            change(
                session, office.visit, Message(office.telling, "told"), now=clock.at, actor="user:1",
                promised_from_at=later, promised_until_at=later,
            )  # fmt: skip

    threads = [threading.Thread(target=one) for one in (agree, move, agree)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read(db, office.visit).promised_from_at == later  # the office's move stands, before her yes or after it
    assert office.of(proposal).answer in ("accepted", "withdrawn")


def test_an_offer_that_moves_a_promise_is_asked_for(world, db, clock, parts, office):
    with db.write() as session:
        cancel(session, office.visit, Message(office.telling, "no"), now=clock.at, actor="user:1")
    late = overrun(world, db, clock, parts, helpers=0)
    with db.write() as session:  # the next customer has been moved already: the day after it is still wrong
        begins_at = clock.at + timedelta(minutes=120)
        first_at = clock.at + timedelta(minutes=25)
        wish = {"now": clock.at, "actor": "user:1"}
        change_visit(session, late.next, **wish, promised_from_at=first_at, duration_min=90)
        change_visit(session, late.later, **wish, promised_from_at=begins_at)
    sweep(parts, clock.at)
    with db.read() as session:
        found = offers_for(session, late.later, clock.at, JAPAN)
    (line, *_) = [one for one in found.offers if one.offer.needs_consent]
    with db.write() as session:
        proposal = ask_for_offer(
            session, late.later, line.offer.key, now=clock.at, telling=office.telling, actor="user:1"
        )
        proposal_id, latest_at = proposal.id, proposal.expires_at
    assert latest_at <= line.offer.until_at
    assert office.says(proposal_id, "accepted") == "accepted"
    assert read(db, late.later).promised_from_at == line.effects[0].effect.promised_from_at
