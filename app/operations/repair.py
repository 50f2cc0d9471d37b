"""Offer what saves a visit that is likely late, call a dispatcher when it is worth it, and do what was accepted.

Offers are searched when somebody asks for them, and a few times a minute for the visits that are likely late, never
with each fix: a search looks at half a dozen days, and what it finds changes more slowly than positions do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, joinedload

from app.errors import Conflict, Invalid, NotFound
from app.models import Alarm, Branch, CurrentPosition, Customer, Notice, Proposal, Site, Technician, Visit
from app.operations.alarm import clear_alarms, raise_alarm
from app.operations.appointment import Message
from app.operations.appointment import change as change_appointment
from app.operations.attempt import drop
from app.operations.booking import LONGEST_WINDOW, add_event, visit_for_change
from app.operations.branch import STARTS
from app.operations.day import BEGUN_REACH, DAY_REACH, FIXES_REACH, KnownDay, load_days
from app.operations.liking import liking_of
from app.operations.notice import GONE_OUT, News, Telling, Word, add_notice, word_of
from app.operations.proposal import Question, Step, ask
from app.operations.second import among_two, beside
from app.operations.time_off import time_off
from app.rules.board import LIKELY, RISKY
from app.rules.booking import Taken
from app.rules.calendar import day_bounds
from app.rules.duty import days_around, shifts_on
from app.rules.forecast import Day, Stop
from app.rules.helper import Worker, forecasts, shortlist
from app.rules.messages import UNSETTLING
from app.rules.repair import SAFE_SHARE, TOO_OLD, Effect, Offer, Other, best_few, five_minutes, needs_repair, offers
from app.rules.visit import AWAITED

log = structlog.get_logger()

ALARM = "repair_offered"
#: A dispatcher is called for an offer that saves so many minutes, for a visit that is late by LIKELY.
WORTH_A_CALL_MIN = 15.0
#: An offer that a dispatcher has put aside comes back after this.
ALARM_RESTS = timedelta(hours=1)
#: So many late visits are looked at in one go, the most urgent first.
MOST_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class EffectLine:
    """What an offer does to one visit, with the names a person knows it by, and the promise and plan as they are."""

    effect: Effect
    customer: str
    technician: str
    promised_from_at: datetime
    promised_until_at: datetime
    planned_from_at: datetime


@dataclass(frozen=True, slots=True)
class OfferLine:
    """One offer with the names in it; `seen_at` is when the phone of who would go was heard last (None: not today)."""

    offer: Offer
    technician: str
    seen_at: datetime | None
    pushed: str
    behind: str
    start_at: datetime
    effects: Sequence[EffectLine]


@dataclass(frozen=True, slots=True)
class Repairs:
    """What can be done for a late visit: the offers, best first, or why the `others` (a number) cannot help."""

    version: int
    offers: Sequence[OfferLine]
    others: int
    refused: Mapping[str, int]
    #: Whether the customer has been told of a delay, and so is told when it is averted.
    told: bool


#: Everybody at work here, for a rough look, and when each phone was heard.
_Crew = tuple[dict[int, Worker], dict[int, datetime]]


@dataclass(frozen=True, slots=True)
class _Found:
    offers: Sequence[Offer]
    others: int
    refused: Mapping[str, int]
    seen_at: Mapping[int, datetime]


def offers_for(session: Session, visit_id: int, now: datetime, zone: tzinfo) -> Repairs:
    """Return the repairs that pay for a visit now; none when it is not likely late. Raises NotFound."""
    visit = _find(session, visit_id)
    found = _search(session, visit, now, zone)
    told = bool(found.offers) and _last_word(session, visit) is not None
    return Repairs(visit.version, _lines(session, found), found.others, found.refused, told)


def accept_offer(
    session: Session,
    visit_id: int,
    key: str,
    *,
    now: datetime,
    telling: Telling,
    actor: str,
    version: int | None = None,
    agreed: bool = False,
) -> Visit:
    """Do what an offer says, if it still holds; `agreed` tells that the customer has consented to a later time.

    A customer who knew of a delay that is averted now is told so: somebody comes sooner than was said.
    Raises NotFound, Stale when the visit was changed since, Conflict when it is no longer awaited or the offer holds no
    longer, Invalid when a consent is needed.
    """
    kind, _, rest = key.partition("-")
    helper_id = int(rest) if kind == "reassign" and rest.isascii() and rest.isdecimal() and len(rest) <= 9 else None
    first_id = _find(session, visit_id).beside_id
    if first_id is not None:  # what is changed is the first one's: both are locked as who changes that one does
        visit_for_change(session, first_id, None, helper_id)
    visit = visit_for_change(session, visit_id, version, helper_id)
    if visit.status not in AWAITED:
        raise Conflict("not_awaited", status=visit.status)
    offer = next(iter(_search(session, visit, now, telling.zone, key=key, helper_id=helper_id).offers), None)
    if offer is None:
        raise Conflict("repair_gone")
    if offer.needs_consent and not agreed:
        raise Invalid.one("agreed", "consent")
    try:
        for change in offer.changes:
            _apply(session, change, telling, now, actor)
    except (Conflict, Invalid):
        raise Conflict("repair_gone") from None
    add_event(session, visit, "repair", actor, now, facts=_facts(offer))
    if not offer.needs_consent:
        _tell(session, visit, offer, telling, now)
    clear_alarms(session, f"visit:{visit_id}", [ALARM], now, actor)
    return visit


def ask_for_offer(
    session: Session,
    visit_id: int,
    key: str,
    *,
    now: datetime,
    telling: Telling,
    actor: str,
    version: int | None = None,
    reason: str = "",
) -> Proposal:
    """Ask the customer by link whether the later time of an offer suits her; nothing changes before she says yes.

    Raises what `accept_offer` and `proposal.ask` raise.
    """
    visit = visit_for_change(session, visit_id, version)
    offer = next(iter(_search(session, visit, now, telling.zone, key=key).offers), None)
    if offer is None or not offer.needs_consent:
        raise Conflict("repair_gone")
    own = offer.effects[0]
    steps = [Step(int(change.visit), change.technician, change.planned_from_at) for change in offer.changes]
    question = Question(visit_id, own.promised_from_at, own.promised_until_at, steps, reason, offer.until_at)
    proposal = ask(session, question, now=now, telling=telling, actor=actor)
    clear_alarms(session, f"visit:{visit_id}", [ALARM], now, actor)
    return proposal


def best_offers(session: Session, now: datetime, zone: tzinfo) -> dict[int, dict[str, Any] | None]:
    """Return what is news for a dispatcher: of each visit that is likely late, what to tell of the best offer, or None
    where the offer that stands on the attention list holds no longer.

    A visit whose search fails is logged, and loses no other.
    """
    standing = {
        alarm.visit_id: dict(alarm.facts)
        for alarm in session.scalars(select(Alarm).where(Alarm.kind == ALARM, Alarm.cleared_at.is_(None)))
        if alarm.visit_id is not None
    }
    late = session.scalars(
        select(Visit)
        .where(
            Visit.status.in_(AWAITED),
            Visit.technician_id.is_not(None),
            Visit.late_probability >= RISKY,
            Visit.promised_from_at > now - TOO_OLD - LONGEST_WINDOW,  # the column that has the index
            Visit.promised_until_at > now - TOO_OLD,
            Visit.planned_from_at < now + DAY_REACH,
        )
        .order_by(Visit.promised_until_at, Visit.id)
        .options(joinedload(Visit.site), joinedload(Visit.service))
        .limit(MOST_AT_ONCE)
    ).all()
    told: dict[int, dict[str, Any]] = {}
    worth = [visit for visit in late if (visit.late_probability or 0.0) >= LIKELY or visit.id in standing]
    crew = _crew(session, now, zone) if worth else None
    for visit in worth:
        try:
            found = _search(session, visit, now, zone, crew)
        except SQLAlchemyError:
            raise
        except Exception:
            log.error("offers could not be searched", visit_id=visit.id, exc_info=True)
            continue
        best = next(iter(found.offers), None)
        if best is not None and (best.gain_min >= WORTH_A_CALL_MIN or visit.id in standing):
            (line, *_) = _lines(session, found)
            told[visit.id] = {
                "kind": best.kind,
                "offers": len(found.offers),
                "technician": line.technician,
                "pushed": line.pushed,
                "behind": line.behind,
                "from": line.effects[0].effect.promised_from_at.isoformat(),
                "until": line.effects[0].effect.promised_until_at.isoformat(),
                "offered_until": best.until_at.isoformat(),
            }
    news: dict[int, dict[str, Any] | None] = {one: None for one in standing if one not in told}
    return news | {visit_id: facts for visit_id, facts in told.items() if standing.get(visit_id) != facts}


def note_offer(session: Session, visit_id: int, facts: Mapping[str, Any] | None, now: datetime) -> None:
    """Put a visit's best offer on the attention list, or take it off when it holds no longer.

    One visit a transaction: the sweep writes alarms of many visits in its own order, and who held one line while
    waiting for another could wait for it for ever.
    """
    subject = f"visit:{visit_id}"
    if facts is None:
        clear_alarms(session, subject, [ALARM], now)
        return
    standing = select(Alarm).where(Alarm.subject == subject, Alarm.kind == ALARM, Alarm.cleared_at.is_(None))
    alarm = session.scalar(standing)
    if alarm is not None:
        alarm.facts = dict(facts)
    else:
        raise_alarm(session, ALARM, subject, now, visit_id=visit_id, facts=dict(facts), rests=ALARM_RESTS)


def _find(session: Session, visit_id: int) -> Visit:
    options = joinedload(Visit.site), joinedload(Visit.service)
    visit = session.scalar(select(Visit).where(Visit.id == visit_id).options(*options))
    if visit is None:
        raise NotFound("visit")
    return visit


def _apply(session: Session, change: Any, telling: Telling, now: datetime, actor: str) -> None:
    visit = session.get_one(Visit, int(change.visit))
    common: dict[str, Any] = {"now": now, "actor": actor, "insist": True}  # an offer has asked for the hours itself
    if visit.beside_id is not None:
        message = Message(telling)
        change_appointment(session, visit.beside_id, message, second_technician_id=change.technician, **common)
        return
    moved = (change.promised_from_at, change.promised_until_at) != (visit.promised_from_at, visit.promised_until_at)
    # A later time is one that the customer has agreed to already.
    change_appointment(
        session,
        visit.id,
        Message(telling, "told" if moved else None),
        technician_id=change.technician if change.technician != visit.technician_id else None,
        second_technician_id=visit.technician_id if change.technician == visit.second_technician_id else None,
        planned_from_at=change.planned_from_at if moved or change.planned_from_at != visit.planned_from_at else None,
        promised_from_at=change.promised_from_at if moved else None,
        promised_until_at=change.promised_until_at if moved else None,
        **common,
    )


def _tell(session: Session, visit: Visit, offer: Offer, telling: Telling, now: datetime) -> None:
    """Tell the customer who expects a delay that it is averted, or that somebody comes sooner than was said."""
    word, then = _last_word(session, visit), offer.effects[0].after
    if word is None or word.quoted_until_at is None:
        return
    from_at, until_at = five_minutes(max(then.from_at, now)), five_minutes(then.until_at, up=True)
    kind = "on_time_again" if then.late_probability <= SAFE_SHARE else "late_update"
    if kind == "on_time_again" or until_at < word.quoted_until_at:
        facts = {"percent": round(100 * then.late_probability)}
        words = _swapped(session, visit, now)
        add_notice(session, visit, News(kind, "mended", facts, (from_at, until_at), words), telling, now)


def _swapped(session: Session, visit: Visit, now: datetime) -> dict[str, Word]:
    """Take back the word that another technician comes, which the word of when he comes says too; return whom it names.

    One message instead of two, and the apology stands in it.
    """
    waiting = session.scalar(
        select(Notice).where(Notice.visit_id == visit.id, Notice.kind == "tech_changed", Notice.state == "due")
    )
    if waiting is None:
        return {}
    before = word_of(waiting, "prev_tech")
    drop(session, waiting, "superseded", now)
    return {"prev_tech": before} if before else {}


def _last_word(session: Session, visit: Visit) -> Notice | None:
    """Return the last notice of a delay of this promise that the customer has, unless it was taken back since."""
    last = session.scalar(
        select(Notice)
        .where(
            Notice.visit_id == visit.id,
            Notice.kind.in_(("late", "late_update", "on_time_again")),
            Notice.reach.in_(GONE_OUT),
            Notice.promised_from_at == visit.promised_from_at,
            Notice.promised_until_at == visit.promised_until_at,
        )
        .order_by(Notice.id.desc())
        .limit(1)
    )
    return None if last is None or last.kind == "on_time_again" else last


def _facts(offer: Offer) -> dict[str, Any]:
    """Return what the history keeps of an accepted offer."""
    return {
        "kind": offer.kind,
        "gain_min": round(offer.gain_min),
        "agreed": offer.needs_consent,
        "effects": [
            {
                "visit": int(one.visit),
                "late_before": round(one.before.late_probability, 2),
                "late_after": round(one.after.late_probability, 2),
            }
            for one in offer.effects
        ],
    }


def _search(
    session: Session,
    visit: Visit,
    now: datetime,
    zone: tzinfo,
    crew: _Crew | None = None,
    *,
    key: str | None = None,
    helper_id: int | None = None,
) -> _Found:
    """Search the repairs of a visit; with `key` the one that it names, under the locks that are held already."""
    nothing = _Found((), 0, {}, {})
    if visit.technician_id is None or visit.status not in AWAITED or visit.planned_from_at > now + DAY_REACH:
        return nothing
    own_day = load_days(session, [visit.technician_id], zone, now, to_change=False)[visit.technician_id]
    target = next((stop for stop in own_day.stops.stops if stop.visit == str(visit.id)), None)
    rough = Worker(visit.technician_id, own_day.stops)
    if target is None or not needs_repair(forecasts(rough, own_day.stops.stops, now).get(target.visit)):
        return nothing
    people, seen_at = crew or _crew(session, now, zone)
    own = _worker(people.get(visit.technician_id), own_day, visit.technician_id)
    other, skill = _other(session, visit, people, now, zone), visit.service.skill
    if other is not None and skill in other.worker.skills:
        skill = ""  # one of two knows how
    avoided = liking_of(session, visit.customer_id).avoids
    others = {
        one: known
        for one, known in people.items()
        if one != visit.technician_id and helper_id in (None, one) and one not in avoided
    }
    helpers, refused = shortlist(target, skill, own, list(others.values()), now)
    ids = [helper.worker.technician for helper in helpers]
    days = load_days(session, ids, zone, now, to_change=False) if ids else {}
    whole = {technician_id: _worker(people[technician_id], day, technician_id) for technician_id, day in days.items()}
    helpers, later = shortlist(target, skill, own, list(whole.values()), now)
    refused += later
    found = offers(target, own, helpers, now, key=key, other=other)
    two = among_two(session, [int(change.visit) for one in found for change in one.changes]) if found else frozenset()
    # Nobody who meets another is sent elsewhere alone: the move form and re-planning know both.
    found = [
        one
        for one in found
        if one.kind in ("begin", "reassign") or not any(int(change.visit) in two for change in one.changes)
    ]
    shown = best_few(found)
    refused["forecast"] = len(helpers) - _helped(found)
    # Everybody else is offered, or could go as well: not among the nearest who were looked at, or with less to gain.
    refused["less"] = len(others) - refused.total() - _helped(shown)
    return _Found(shown, len(others), {why: n for why, n in refused.items() if n}, seen_at)


def _other(session: Session, visit: Visit, people: Mapping[int, Worker], now: datetime, zone: tzinfo) -> Other | None:
    """Return the other one of two, with the own day; None for a visit of one."""
    theirs = beside(session, visit) if visit.beside_id is None else session.get_one(Visit, visit.beside_id)
    if theirs is None or theirs.technician_id is None:
        return None
    day = load_days(session, [theirs.technician_id], zone, now, to_change=False)[theirs.technician_id]
    worker = _worker(people.get(theirs.technician_id), day, theirs.technician_id)
    skill = visit.service.skill
    # Only the first one of two is promised; and who has set out for the door already is not sent there once more.
    can_begin = visit.beside_id is None and visit.status == theirs.status == "booked"
    return Other(worker, str(theirs.id), can_begin and (not skill or skill in worker.skills))


def _helped(found: Sequence[Offer]) -> int:
    return sum(offer.kind == "reassign" for offer in found)


def workers_around(
    session: Session, technician_ids: Sequence[int], now: datetime, zone: tzinfo
) -> tuple[dict[int, Worker], dict[int, Stop]]:
    """Return technicians with their whole day around now, and every visit of theirs as the forecast knows it."""
    days = load_days(session, technician_ids, zone, now, to_change=False) if technician_ids else {}
    people, _ = _crew(session, now, zone) if days else ({}, {})
    workers = {
        technician_id: _worker(people.get(technician_id), day, technician_id) for technician_id, day in days.items()
    }
    return workers, {int(stop.visit): stop for day in days.values() for stop in day.stops.stops}


def _crew(session: Session, now: datetime, zone: tzinfo) -> _Crew:
    """Return everybody at work here with the plan around now, for a rough look, and when each phone was heard."""
    taken: dict[int, list[Taken]] = {}
    heading: dict[int, str] = {}
    visit, site = Visit.__table__.c, Site.__table__.c
    for technician_id, visit_id, status, *planned in session.connection().execute(
        select(
            visit.technician_id, visit.id, visit.status, visit.planned_from_at, visit.planned_until_at,
            site.lat, site.lon,
        )
        .join_from(Visit.__table__, Site.__table__, site.id == visit.site_id)
        .where(
            visit.technician_id.is_not(None), visit.status != "cancelled",
            visit.planned_from_at < now + DAY_REACH, visit.planned_until_at > now - DAY_REACH,
            # The plan begins within the promise, whose column has the index.
            visit.promised_from_at > now - BEGUN_REACH - LONGEST_WINDOW, visit.promised_from_at < now + DAY_REACH,
        )
        .order_by(visit.planned_from_at, visit.id)
    ):  # fmt: skip
        taken.setdefault(technician_id, []).append(Taken(visit_id, *planned))
        if status == "en_route":
            heading[technician_id] = str(visit_id)
    days = days_around(now, zone)
    off = time_off(session, day_bounds(days[0], zone)[0], day_bounds(days[-1], zone)[1], zone)
    crew: dict[int, Worker] = {}
    seen_at: dict[int, datetime] = {}
    for person, start_lat, start_lon, lat, lon, fixed_at in session.execute(
        select(Technician, *STARTS, CurrentPosition.lat, CurrentPosition.lon, CurrentPosition.fixed_at)
        .outerjoin(Branch, Branch.id == Technician.branch_id)
        .outerjoin(CurrentPosition, CurrentPosition.technician_id == Technician.id)
        .where(Technician.active)
        .order_by(Technician.id)
    ):
        base = None if start_lat is None or start_lon is None else (start_lat, start_lon)
        if fixed_at is not None and fixed_at > now - FIXES_REACH:
            seen_at[person.id] = fixed_at
        crew[person.id] = Worker(
            technician=person.id,
            day=Day((), (), zone),
            taken=tuple(taken.get(person.id, ())),
            skills=frozenset(person.skills),
            travels_by=person.travels_by,
            shifts=shifts_on(person.working_hours, days, zone),
            away=off.of(person.id),
            place=(lat, lon) if person.id in seen_at else base,
            heading=heading.get(person.id),
        )
    return crew, seen_at


def _worker(known: Worker | None, day: KnownDay, technician_id: int) -> Worker:
    """Return a technician with the whole day; one who is out of service by now still has the visits of today."""
    told = {
        str(visit_id)
        for visit_id, notices in day.told.items()
        if any(notice.kind in UNSETTLING and notice.state != "dropped" for notice in notices)
    }
    taken = tuple(
        Taken(v.id, v.planned_until_at - timedelta(minutes=v.duration_min), v.planned_until_at, v.lat, v.lon)
        for v in day.visits
    )
    known = known or Worker(technician_id, day.stops)
    return Worker(
        technician_id, day.stops, taken, known.skills, known.travels_by, known.shifts, known.place, known.heading,
        frozenset(told), known.away,
    )  # fmt: skip


def _lines(session: Session, found: _Found) -> list[OfferLine]:
    """Return the offers with the names in them: one query for all."""
    ids = {int(effect.visit) for offer in found.offers for effect in offer.effects}
    ids |= {int(visit) for offer in found.offers for visit in (offer.pushed, offer.behind) if visit}
    rows = {
        row.id: row
        for row in session.execute(
            select(
                Visit.id, Customer.name.label("customer"), Visit.promised_from_at, Visit.promised_until_at,
                Visit.planned_from_at,
            )
            .join(Customer, Customer.id == Visit.customer_id)
            .where(Visit.id.in_(ids))
        )
    } if ids else {}  # fmt: skip
    who = {effect.technician for offer in found.offers for effect in offer.effects}
    who |= {offer.technician for offer in found.offers}
    people = session.execute(select(Technician.id, Technician.name).where(Technician.id.in_(who)))
    names = {person.id: person.name for person in people}
    lines = []
    for offer in found.offers:
        effects = [
            EffectLine(
                effect, rows[int(effect.visit)].customer, names[effect.technician],
                rows[int(effect.visit)].promised_from_at, rows[int(effect.visit)].promised_until_at,
                rows[int(effect.visit)].planned_from_at,
            )
            for effect in offer.effects
        ]  # fmt: skip
        lines.append(
            OfferLine(
                offer,
                names[offer.technician],
                found.seen_at.get(offer.technician),
                rows[int(offer.pushed)].customer if offer.pushed else "",
                rows[int(offer.behind)].customer if offer.behind else "",
                offer.changes[0].planned_from_at,
                effects,
            )
        )
    return lines
