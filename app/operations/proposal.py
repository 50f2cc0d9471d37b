"""Ask a customer to agree to another appointment, and do what she answers.

The time is kept free for her meanwhile, and what was promised stands until she says yes. Silence is no consent: when
her time to answer is over, the question is void and a person calls.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from app.errors import Conflict, Invalid, NotFound
from app.models import Notice, Proposal, Visit
from app.operations.alarm import raise_alarm
from app.operations.appointment import LONGEST_REASON, Message
from app.operations.appointment import change as change_appointment
from app.operations.attempt import drop
from app.operations.booking import add_event, visit_for_change
from app.operations.customer_view import press_for, visit_of_link
from app.operations.hold import hold_time
from app.operations.notice import News, Telling, Word, add_notice
from app.operations.policy import current_policy
from app.operations.second import check_first
from app.operations.turn import lock_technicians
from app.operations.withdrawal import free, settle
from app.rules.proposal import answer_by, call_by
from app.rules.quiet import unwanted, waits_until
from app.rules.visit import AWAITED

#: What she can say on her page.
SAYS = ("accepted", "kept", "call")
#: The line on the attention list that follows from what became of a question.
ALARMS = {"kept": "move_declined", "lapsed": "move_unanswered", "gone": "move_gone"}


@dataclass(frozen=True, slots=True)
class Step:
    """One visit as it would be planned: whose, and from when on."""

    visit: int
    technician: int
    planned_from_at: datetime
    #: Who goes along; None where nobody does.
    second_technician: int | None = None
    #: One is to go alone by the office's own word, also where two went or are needed.
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """What to ask about a visit: the window proposed, the plan that goes with it and what must give way to it first
    (`steps`, in the order in which they can be made, the visit's own among them), why (as she reads it), and until when
    a yes can be acted upon."""

    visit: int
    from_at: datetime
    until_at: datetime
    steps: Sequence[Step]
    reason: str = ""
    latest_at: datetime | None = None

    @property
    def own(self) -> Step:
        """The plan of the visit itself."""
        return next(step for step in self.steps if step.visit == self.visit)


def ask(
    session: Session, question: Question, *, now: datetime, telling: Telling, actor: str, version: int | None = None
) -> Proposal:
    """Ask a customer whether another window suits her: one notice with a link; the time is kept free until she answers.

    Raises NotFound, Stale, Invalid naming the field, and Conflict: `not_awaited`, `asked_already`, `too_late_to_ask`,
    `cannot_be_asked` when no message reaches her, or what says that the time is taken.
    """
    _check_reason(question.reason)
    own = question.own
    visit = visit_for_change(session, question.visit, version, own.technician, own.second_technician)
    check_first(visit)
    if visit.status not in AWAITED:
        raise Conflict("not_awaited", status=visit.status)
    if (question.from_at, question.until_at) == (visit.promised_from_at, visit.promised_until_at):
        raise Invalid.one("proposed", "same_window")
    if open_question(session, visit.id) is not None:
        raise Conflict("asked_already")
    if unwanted("move_asked", visit.customer.notices):
        raise Conflict("cannot_be_asked")
    soonest_at = min(visit.promised_from_at, question.from_at)
    read_at = waits_until(current_policy(session), telling.zone, soonest_at, now, "move_asked") or now
    by_at = answer_by(read_at, visit.promised_from_at, question.latest_at)
    if by_at is None:
        raise Conflict("too_late_to_ask")
    proposal = Proposal(
        visit_id=visit.id, kind="move", made_at=now, made_by=actor, reason=question.reason,
        former_from_at=visit.promised_from_at, former_until_at=visit.promised_until_at,
        from_at=question.from_at, until_at=question.until_at, expires_at=by_at,
        steps=[_kept(step, visit) for step in question.steps], hold=_hold(session, visit, question, by_at, now, actor),
    )  # fmt: skip
    session.add(proposal)
    session.flush()
    words: dict[str, Word] = {"proposed": (question.from_at, question.until_at), "answer_by": by_at}
    news = News("move_asked", "move_asked", {"proposal": proposal.id}, words=words | _because(question.reason))
    notice = add_notice(session, visit, news, telling, now)
    if notice.state != "due":
        raise Conflict("cannot_be_asked")
    add_event(session, visit, "move_asked", actor, now, facts=_facts(proposal))
    return proposal


def ask_to_choose(
    session: Session, visit: Visit, slots: Sequence[str], *, reason: str, by_at: datetime, telling: Telling,
    now: datetime, actor: str,
) -> Proposal:  # fmt: skip
    """Tell a customer that nobody can come as promised, with an apology and times to choose from (`slots`, in words).

    A person calls when she has chosen nothing until `by_at`. The visit is locked, and nobody's, already.
    """
    _check_reason(reason)
    proposal = Proposal(
        visit_id=visit.id, kind="reschedule", made_at=now, made_by=actor, reason=reason, steps=[], expires_at=by_at,
        former_from_at=visit.promised_from_at, former_until_at=visit.promised_until_at,
    )  # fmt: skip
    session.add(proposal)
    session.flush()
    words: dict[str, Word] = {"slots": list(slots), **_because(reason)}
    news = News("must_reschedule", "must_reschedule", {"proposal": proposal.id}, words=words)
    add_notice(session, visit, news, telling, now)
    add_event(session, visit, "must_reschedule", actor, now, facts=_facts(proposal))
    return proposal


def answer_on_page(
    session: Session, token: str, proposal_id: int | None, said: str, *, now: datetime, zone: tzinfo
) -> Proposal:
    """Take in what the holder of a link answers. Raises NotFound, Invalid naming `answer`."""
    visit = visit_of_link(session, token, now)
    proposal = session.get(Proposal, proposal_id or 0)
    if proposal is None or proposal.visit_id != visit.id or proposal.kind != "move":
        raise NotFound("link")
    if said not in SAYS:
        raise Invalid.one("answer", "choice", choices=", ".join(SAYS))
    return answer(session, proposal.id, said, now=now, zone=zone)


def answer(session: Session, proposal_id: int, said: str, *, now: datetime, zone: tzinfo) -> Proposal:
    """Do what a customer answers to a question, once: `accepted` moves her visit if everything still is as it was when
    she was asked, else her promise stands and a person calls; `kept` and `call` call a person as well.

    What was answered, taken back or over before stays so. All that changes, changes in this transaction.
    """
    asked = session.get_one(Proposal, proposal_id)
    ids = [int(step["visit"]) for step in asked.steps]
    both = select(Visit.technician_id, Visit.second_technician_id).where(Visit.id.in_([*ids, asked.visit_id]))
    holders = [one for row in session.execute(both) for one in row]
    named = [step[who] for step in asked.steps for who in ("technician", "second_technician") if who in step]
    lock_technicians(session, *named, *holders)
    visit = visit_for_change(session, asked.visit_id)
    proposal = session.get_one(Proposal, proposal_id, with_for_update={"of": Proposal}, populate_existing=True)
    if proposal.answer is not None:
        return proposal
    if now > proposal.expires_at:
        _end(session, proposal, visit, "lapsed", now, "system")
        return proposal
    as_it_was = (visit.promised_from_at, visit.promised_until_at) == (proposal.former_from_at, proposal.former_until_at)
    if said == "accepted":
        moved = as_it_was and visit.status in AWAITED and _move(session, proposal, now, zone)
        _end(session, proposal, visit, "accepted" if moved else "gone", now, "customer")
    elif said == "call":
        _end(session, proposal, visit, "call", now, "customer")
        press_for(session, visit.id, "call_me", now=now, zone=zone)
    else:
        _end(session, proposal, visit, "kept", now, "customer")
    return proposal


def due_to_lapse(session: Session, now: datetime, most: int) -> Sequence[int]:
    """Return the questions whose time is over."""
    over = select(Proposal.id).where(Proposal.answer.is_(None), Proposal.expires_at <= now)
    return session.scalars(over.order_by(Proposal.expires_at, Proposal.id).limit(most)).all()


def lapse(session: Session, proposal_id: int, now: datetime) -> None:
    """Make a question void whose time is over: the promise stands, and a person calls."""
    visit = visit_for_change(session, session.get_one(Proposal, proposal_id).visit_id)
    proposal = session.get_one(Proposal, proposal_id, with_for_update={"of": Proposal}, populate_existing=True)
    if proposal.answer is None and proposal.expires_at <= now:
        _end(session, proposal, visit, "lapsed", now, "system")


def take_back(session: Session, visit_id: int, *, now: datetime, actor: str) -> Visit:
    """Take an open question back, if there is one: the promise stands, and her page says so. Raises NotFound."""
    visit = visit_for_change(session, visit_id)
    proposal = open_question(session, visit_id)
    if proposal is not None and proposal.kind == "move":
        _end(session, proposal, visit, "withdrawn", now, actor)
    return visit


def open_question(session: Session, visit_id: int) -> Proposal | None:
    """Return what the customer of a visit is asked just now."""
    return session.scalar(select(Proposal).where(Proposal.visit_id == visit_id, Proposal.answer.is_(None)))


def must_choose(session: Session, visit: Visit) -> bool:
    """Return whether the customer was told that nobody can come as she was promised, so that she chooses a time."""
    told = Proposal.visit_id == visit.id, Proposal.kind == "reschedule", Proposal.answer.is_distinct_from("withdrawn")
    return bool(session.scalar(select(Proposal.id).where(*told, Proposal.former_from_at == visit.promised_from_at)))


def last_question(session: Session, token: str, now: datetime) -> Proposal | None:
    """Return the question that the page of a link shows: the open one, or what became of the last one about her present
    promise; None when there is nothing to say. Raises NotFound."""
    visit = visit_of_link(session, token, now)
    last = session.scalar(
        select(Proposal)
        .where(Proposal.visit_id == visit.id)
        .options(joinedload(Proposal.visit))
        .order_by(Proposal.id.desc())
        .limit(1)
    )
    if last is None or visit.status not in AWAITED:
        return None
    spoken_of = (
        (last.from_at, last.until_at) if last.answer == "accepted" else (last.former_from_at, last.former_until_at)
    )
    return last if spoken_of == (visit.promised_from_at, visit.promised_until_at) else None


def _end(session: Session, proposal: Proposal, visit: Visit, what: str, now: datetime, by: str) -> None:
    """Note what became of a question; what is left to arrange calls a person."""
    settle(proposal, what, now, by)
    if what != "call":  # the person who calls may still need the time
        free(session, proposal)
    for notice in _unsent(session, proposal):
        drop(session, notice, "superseded", now)
    add_event(session, visit, "move_answered", by, now, facts={"answer": what, "kind": proposal.kind})
    kind = "reschedule_unanswered" if proposal.kind == "reschedule" else ALARMS.get(what)
    if kind is not None and visit.status in AWAITED:
        facts = {"deadline_at": call_by(now, visit.promised_from_at).isoformat(), **_window_facts(proposal)}
        raise_alarm(
            session, kind, f"visit:{visit.id}", now, visit_id=visit.id, technician_id=visit.technician_id, facts=facts
        )
    session.flush()


def _move(session: Session, proposal: Proposal, now: datetime, zone: tzinfo) -> bool:
    """Make the changes that she has agreed to; return False, with nothing changed, when one cannot be made any more."""
    told = Message(Telling("", zone, {}), "told")  # by her own yes
    try:
        with session.begin_nested():
            settle(proposal, "accepted", now, "customer")
            free(session, proposal)
            session.flush()
            for step in proposal.steps:
                own = int(step["visit"]) == proposal.visit_id
                given: dict[str, Any] = {"planned_from_at": datetime.fromisoformat(step["planned_from"])}
                if own:
                    given |= {"promised_from_at": proposal.from_at, "promised_until_at": proposal.until_at}
                    given |= {"technician_id": int(step["technician"])}
                    given |= {"second_technician_id": step.get("second_technician")}
                    if step.get("alone"):  # who was sent along since then goes along all the same
                        left_out = session.get_one(Visit, proposal.visit_id).second_technician_id == step["left_out"]
                        given |= {"alone": left_out, "short_handed": True}
                elif session.get_one(Visit, int(step["visit"])).technician_id != int(step["technician"]):
                    raise Conflict("day_changed")
                change_appointment(session, int(step["visit"]), told, now=now, actor="customer", insist=True, **given)
    except (Conflict, Invalid):
        return False
    return True


def _hold(session: Session, visit: Visit, question: Question, until_at: datetime, now: datetime, actor: str) -> str:
    """Keep the proposed time free, of both where two go; what makes room for it first, once she agrees, is not in its
    way."""
    return hold_time(
        session, technician_id=question.own.technician, second_technician_id=question.own.second_technician,
        starts_at=question.own.planned_from_at, duration_min=visit.duration_min, lat=visit.site.lat,
        lon=visit.site.lon, now=now, actor=actor, moving=visit.id, until_at=until_at,
        giving_way=[step.visit for step in question.steps],
    ).token  # fmt: skip


def _unsent(session: Session, proposal: Proposal) -> list[Notice]:
    waiting = session.scalars(
        select(Notice).where(
            Notice.visit_id == proposal.visit_id,
            Notice.kind.in_(("move_asked", "must_reschedule")),
            Notice.state.in_(("due", "held")),
        )
    )
    return [notice for notice in waiting if notice.reason_facts.get("proposal") == proposal.id]


def _check_reason(reason: str) -> None:
    if len(reason) > LONGEST_REASON:
        raise Invalid.one("reason", "too_long", most=LONGEST_REASON)
    if not reason.isprintable() or set(reason) & set("{}"):
        raise Invalid.one("reason", "characters")


def _because(reason: str) -> dict[str, Word]:
    return {"reason": reason} if reason else {}


def _kept(step: Step, visit: Visit) -> dict[str, Any]:
    kept = {"visit": step.visit, "technician": step.technician, "planned_from": step.planned_from_at.isoformat()}
    if step.alone:
        return {**kept, "alone": True, "left_out": visit.second_technician_id}
    return kept if step.second_technician is None else {**kept, "second_technician": step.second_technician}


def _window_facts(proposal: Proposal) -> dict[str, str]:
    if proposal.from_at is None or proposal.until_at is None:
        return {}
    return {
        "from": proposal.from_at.astimezone(UTC).isoformat(),
        "until": proposal.until_at.astimezone(UTC).isoformat(),
    }


def _facts(proposal: Proposal) -> dict[str, Any]:
    return {**_window_facts(proposal), "answer_by": proposal.expires_at.isoformat()}
