"""What follows when a visit is moved or given to somebody else, and may it be done? Read first, carried out after."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, tzinfo
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import Conflict, Invalid, Stale
from app.models import Customer, Proposal, Technician, Visit
from app.operations.agreement import offer_when_moved
from app.operations.appointment import Changes, Message, change, is_sent, told_if
from app.operations.booking import ENTERED_LATE
from app.operations.consent import ways_to
from app.operations.liking import liking_of
from app.operations.plan import Around, longest_day_kept, taken_around
from app.operations.policy import current_policy
from app.operations.proposal import Question, Step, ask
from app.operations.second import beside, check_two
from app.operations.slots import roster_of
from app.operations.time_off import duty_of
from app.operations.visit import find_visit, visit_in_words
from app.rules.booking import Taken, first_open_start
from app.rules.consequences import Risk, Window, clashes, promise_after, risks
from app.rules.duty import Away
from app.rules.gaps import Planned, Roster
from app.rules.reach import PRINTED
from app.rules.visit import AWAITED

#: How a customer learns of a change that waits for her own yes.
ASK = "ask"
#: What stands in the way, most final first: these nobody may insist on, ...
FINAL = ("over", "technician", "in_the_past", "held", "overlap", "unreachable")
#: ... and these somebody may who knows better.
INSISTABLE = ("closed", "needs_two", "skill", "unwanted", "late")
#: What somebody may insist on who says so with a tick of its own, and what it is called until then.
_SAID_AS = {"skill": "no_skill", "late": "risky", "needs_two": "needs_two", "unwanted": "unwanted"}
#: Work planned so long ago is still written down without a word.
_JUST_NOW = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a visit stands in the plan: with whom, planned and promised when, and who goes along."""

    technician_id: int | None
    technician: str
    planned: Window
    promised: Window
    second_id: int | None = None
    second: str = ""

    @property
    def people(self) -> list[int]:
        """Who goes."""
        return [one for one in (self.technician_id, self.second_id) if one is not None]


@dataclass(frozen=True, slots=True)
class Aim:
    """What somebody wants: a technician (None: nobody yet), a promise, minutes of work, and the start of the work
    (None: the first within the promise that is free), and who goes along (None: nobody)."""

    technician_id: int | None
    promised: Window
    duration_min: int
    planned_from_at: datetime | None = None
    second_id: int | None = None

    @property
    def people(self) -> list[int]:
        """Who is to go."""
        return [one for one in (self.technician_id, self.second_id) if one is not None]


@dataclass(frozen=True, slots=True)
class Objection:
    """What stands in the way of a change: one of FINAL or INSISTABLE, with what it says."""

    code: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_final(self) -> bool:
        """Whether nobody may insist."""
        return self.code in FINAL


@dataclass(frozen=True, slots=True)
class Touched:
    """A visit whose risk changes, as a person knows it."""

    risk: Risk
    customer: str
    technician: str
    promised: Window


@dataclass(frozen=True, slots=True)
class Consequences:
    """What follows: from where to where, what is told to whom and how, what stands in the way, who is likelier late.

    `told` is the kind of the notice, None when nobody need be told; `way` the channel that is tried first, None when
    none leads to the customer or none is wanted; `sends` whether the company lets changes be told by themselves.
    """

    visit: Visit
    before: Place
    after: Place
    told: str | None
    way: str | None
    sends: bool
    objections: Sequence[Objection]
    touched: Sequence[Touched]
    leaves: str | None

    @property
    def promise_moves(self) -> bool:
        """Whether the customer is promised another time."""
        return self.before.promised != self.after.promised

    @property
    def changes(self) -> bool:
        """Whether anything changes at all."""
        return self.before != self.after

    @property
    def is_possible(self) -> bool:
        """Whether it can be done, insisting or not."""
        return self.changes and not any(one.is_final for one in self.objections)

    @property
    def needs_insisting(self) -> bool:
        """Whether somebody has to say that it shall be done all the same."""
        return bool(self.objections)


def dropped(visit: Visit, technician_id: int | None, starts_at: datetime) -> Aim:
    """Return what is wanted by who puts a visit down at a technician and a moment: a promise that need not move does
    not, and who goes along goes along there. Put down at that one, the two change places."""
    second_id = None if technician_id is None else visit.second_technician_id
    if technician_id is not None and technician_id == second_id:
        second_id = visit.technician_id
    return _put(visit, technician_id, second_id, starts_at)


def dropped_beside(visit: Visit, second_id: int | None, starts_at: datetime) -> Aim:
    """Return what is wanted by who puts the second technician's time of a visit down: another one goes along (None:
    nobody), and both are there at another moment. Put down at the first one, the two change places."""
    first_id = visit.technician_id
    if second_id is not None and second_id == first_id:
        first_id = visit.second_technician_id
        second_id = visit.technician_id
    return _put(visit, first_id, second_id, starts_at)


def _put(visit: Visit, technician_id: int | None, second_id: int | None, starts_at: datetime) -> Aim:
    promised = promise_after((visit.promised_from_at, visit.promised_until_at), starts_at)
    stays = starts_at == visit.planned_from_at
    return Aim(technician_id, promised, visit.duration_min, None if stays else starts_at, second_id)


def read_consequences(
    session: Session, visit: Visit, aim: Aim, zone: tzinfo, now: datetime, channels: Collection[str] = ()
) -> Consequences:
    """Return what would follow from a change; changes nothing, locks nothing. `channels` are those that are set up."""
    named = {visit.technician_id, visit.second_technician_id, *aim.people}
    people = select(Technician.id, Technician.name).where(Technician.id.in_(named))
    names = {row.id: row.name for row in session.execute(people)}
    before = Place(
        visit.technician_id,
        names.get(visit.technician_id or 0, ""),
        (visit.planned_from_at, visit.planned_until_at),
        (visit.promised_from_at, visit.promised_until_at),
        visit.second_technician_id,
        names.get(visit.second_technician_id or 0, ""),
    )
    taken = _taken(session, visit, aim, now)
    starts_at = _starts_at(session, visit, aim, taken or [], zone)
    ends_at = starts_at + timedelta(minutes=aim.duration_min)
    after = Place(
        aim.technician_id, names.get(aim.technician_id or 0, ""), (starts_at, ends_at), aim.promised,
        aim.second_id, names.get(aim.second_id or 0, ""),
    )  # fmt: skip
    touched = _touched(session, visit, after, zone, now) if before != after else []
    told = told_if(session, visit, aim.promised, aim.technician_id)
    wanted = told is not None and visit.customer.notices != "none"
    ways = [way.channel for way in ways_to(session, visit.customer, channels) if way.is_open] if wanted else []
    if wanted and PRINTED in channels:
        ways = ways or [PRINTED]
    taken_over = visit.status == "en_route" and aim.technician_id != visit.technician_id
    return Consequences(
        visit=visit,
        before=before,
        after=after,
        told=told,
        way=ways[0] if ways else None,
        sends=current_policy(session).tell_changes,
        objections=_objections(session, visit, before, after, taken, touched, zone, now) if before != after else (),
        touched=touched,
        leaves=before.technician if taken_over else None,
    )


def carry_out(
    session: Session,
    visit_id: int,
    aim: Aim,
    message: Message,
    *,
    now: datetime,
    actor: str,
    version: int | None,
    outside: bool = False,
    insist: bool = False,
    note: str | None = None,
) -> Visit:
    """Do what was shown: move or reassign a visit and tell whoever must be told (operations.appointment).

    With the message's way ASK nothing is changed yet: she is asked by a link, the time is kept free, and the promise
    stands until she says yes.

    Raises what `change` or `proposal.ask` raises; without `insist` Conflict (_SAID_AS) for what `read_consequences`
    shows, and without `outside` Conflict `closed`.
    """
    visit = find_visit(session, visit_id)
    if version is not None and version != visit.version:
        raise Stale("visit_changed", version=visit.version)
    if message.way == ASK:
        wish: dict[str, Any] = {"now": now, "actor": actor, "version": version, "outside": outside, "insist": insist}
        ask_first(session, visit, aim, message, **wish)
        if note is not None and note != visit.note:
            return change(session, visit_id, replace(message, way="no"), now=now, actor=actor, note=note)
        return visit
    if not insist:
        _refuse(read_consequences(session, visit, aim, message.telling.zone, now))
    from_at, until_at = aim.promised
    changes: Changes = {
        "promised_from_at": from_at,
        "promised_until_at": until_at,
        "planned_from_at": aim.planned_from_at,
        "duration_min": aim.duration_min,
        "technician_id": aim.technician_id,
        "unassign": aim.technician_id is None,
        "insist": outside,
        "note": note,
        "second_technician_id": aim.second_id,
        "alone": aim.second_id is None,
        "short_handed": insist,
    }
    before = _as_priced(visit)
    change(session, visit_id, message, now=now, actor=actor, version=version, **changes)
    if message.asks_price and is_sent(session, message) and _as_priced(visit) != before:
        offer_when_moved(session, visit, message.telling, now=now, actor=actor)
    return visit


def _as_priced(visit: Visit) -> tuple[datetime, int, int | None]:
    return visit.planned_from_at, visit.duration_min, visit.technician_id


def ask_first(
    session: Session,
    visit: Visit,
    aim: Aim,
    message: Message,
    *,
    now: datetime,
    actor: str,
    version: int | None,
    outside: bool = False,
    insist: bool = False,
) -> Proposal:
    """Ask the customer by a link whether another window suits her: nothing moves before she says yes.

    Raises Invalid where there is nothing to ask, or the length of the work would change with it, and what
    `proposal.ask` raises; without `insist` Conflict (_SAID_AS) for what `read_consequences` shows, and without
    `outside` Conflict `closed`.
    """
    zone = message.telling.zone
    if aim.promised == (visit.promised_from_at, visit.promised_until_at) or aim.technician_id is None:
        raise Invalid.one("tell", "nothing_to_ask")
    if aim.duration_min != visit.duration_min:
        raise Invalid.one("duration_min", "asked_same_length")
    check_two(aim.technician_id, aim.second_id)
    seen = read_consequences(session, visit, aim, zone, now)
    if not insist:
        _refuse(seen)
    closed = next((one for one in seen.objections if one.code == "closed"), None)
    if closed is not None and not outside:
        raise Conflict("closed", **closed.facts)
    step = Step(visit.id, aim.technician_id, seen.after.planned[0], aim.second_id, alone=aim.second_id is None)
    question = Question(visit.id, *aim.promised, [step], message.reason)
    return ask(session, question, now=now, telling=message.telling, actor=actor, version=version)


def _refuse(seen: Consequences) -> None:
    """Raise Conflict for what nobody has insisted on; what is final is refused with better words by the change."""
    for objection in seen.objections:
        if objection.is_final:
            return
        if objection.code in _SAID_AS:
            raise Conflict(_SAID_AS[objection.code], **objection.facts)


def _taken(session: Session, visit: Visit, aim: Aim, now: datetime) -> list[Taken] | None:
    """Return what else stands in the plan of who is to go; None when nobody of that number is at work any more."""
    first_at, last_at = (aim.planned_from_at, aim.planned_from_at) if aim.planned_from_at else aim.promised
    along = beside(session, visit)
    own = {visit.id, along.id if along else visit.id}
    taken: list[Taken] = []
    for one in aim.people:
        person = session.get(Technician, one)
        if person is None or not (person.active or one in (visit.technician_id, visit.second_technician_id)):
            return None
        if person.active:
            around = taken_around(session, one, Around(first_at, last_at, aim.duration_min, now, visit.id))
            taken += [known for known in around if known.visit_id not in own]
    return taken


def _starts_at(session: Session, visit: Visit, aim: Aim, taken: Sequence[Taken], zone: tzinfo) -> datetime:
    """Return when the work would start: where it is wanted, where it stands, or at the first that is free."""
    if aim.planned_from_at is not None:
        return aim.planned_from_at
    if aim.promised == (visit.promised_from_at, visit.promised_until_at):
        return visit.planned_from_at
    minutes = timedelta(minutes=aim.duration_min)
    shifts, away = duty_of(session, aim.technician_id, aim.promised[0], aim.promised[1] + minutes, zone)
    place = visit.site.lat, visit.site.lon
    found = first_open_start(*aim.promised, aim.duration_min, *place, taken, shifts, away)
    return found if isinstance(found, datetime) else aim.promised[0]


def _objections(
    session: Session,
    visit: Visit,
    before: Place,
    after: Place,
    taken: Sequence[Taken] | None,
    touched: Sequence[Touched],
    zone: tzinfo,
    now: datetime,
) -> list[Objection]:
    starts_at, ends_at = after.planned
    found = []
    if not visit.is_open:
        found.append(Objection("over", {"status": visit.status}))
    if taken is None:
        found.append(Objection("technician"))
    if after.promised[1] < now - ENTERED_LATE or (starts_at < now - _JUST_NOW and starts_at != before.planned[0]):
        found.append(Objection("in_the_past"))
    minutes = int((ends_at - starts_at) / timedelta(minutes=1))
    for clash in clashes(starts_at, minutes, visit.site.lat, visit.site.lon, taken or ()):
        other = visit_in_words(session, clash.visit_id)
        window = (other.planned_from_at, other.planned_until_at) if other else after.planned
        whose = other.technician if other else after.technician
        facts = {"visit": clash.visit_id, "short_min": clash.short_min, "window": window, "technician": whose}
        found.append(
            Objection(clash.reason, {**facts, "customer": other.customer}) if other is not None else Objection("held")
        )
    found += _off_duty(session, visit, before, after, taken, zone, now)
    found += _unfit(session, visit, before, after)
    found += _too_late(touched, visit.id)
    return sorted(found, key=lambda one: (*FINAL, *INSISTABLE).index(one.code))


def _unfit(session: Session, visit: Visit, before: Place, after: Place) -> list[Objection]:
    """Return what is wrong with who is to go: too few, without the skill, or not wanted by the customer again."""
    found = []
    people = {one: session.get(Technician, one) for one in after.people}
    if len(people) == 1 and visit.service.technicians > 1 and len(before.people) != 1:
        found.append(Objection("needs_two"))
    known = [one for one in people.values() if one is not None]
    skill = visit.service.skill
    if known and skill and not any(skill in one.skills for one in known):
        found.append(Objection("skill", {"skill": skill, "technician": known[0].name}))
    avoided = liking_of(session, visit.customer_id).avoids - set(before.people)
    found += [Objection("unwanted", {"technician": one.name}) for one in known if one.id in avoided]
    return found


def _off_duty(
    session: Session,
    visit: Visit,
    before: Place,
    after: Place,
    taken: Sequence[Taken] | None,
    zone: tzinfo,
    now: datetime,
) -> list[Objection]:
    """Return whether the time is not worked, or the day too long: asked of who waits still, and of nobody who is
    relieved of a visit."""
    if visit.status not in AWAITED or (after.technician_id is None and after.planned == before.planned):
        return []
    starts_at, ends_at = after.planned
    minutes = int((ends_at - starts_at) / timedelta(minutes=1))
    along = beside(session, visit)
    for number, one in enumerate(after.people or [None]):
        shifts, away = duty_of(session, one, starts_at, ends_at, zone)
        closed = first_open_start(starts_at, starts_at, minutes, None, None, (), shifts, away)
        if not isinstance(closed, Away) and one is not None and taken is not None:
            own = along.id if number and along is not None else visit.id
            kept = longest_day_kept(session, one, visit.site, starts_at, minutes, zone, now, visit_id=own)
            closed = kept or closed
        if isinstance(closed, Away):
            return [Objection("closed", {"why": closed.why, "note": closed.note})]
    return []


def _too_late(touched: Sequence[Touched], visit_id: int) -> list[Objection]:
    """Return that the visit or another is likelier late than anything that is offered, when the change makes it so."""
    risky = [one.risk for one in touched if one.risk.breaks]
    if not risky:
        return []
    own = next((one.risk for one in touched if one.risk.visit == visit_id), None)
    others = [one.after or 0.0 for one in risky if one.visit != visit_id]
    percent = round(100 * (own.after or 0.0)) if own is not None else 0
    return [Objection("late", {"percent": percent, "next_percent": round(100 * max(others, default=0.0))})]


def _touched(session: Session, visit: Visit, after: Place, zone: tzinfo, now: datetime) -> list[Touched]:
    """Return the visits that are likelier or less likely late afterwards."""
    if after.promised[1] <= now:
        return []  # what has begun already is written down
    place = visit.site.lat, visit.site.lon
    stands = Planned(visit.id, visit.planned_from_at, visit.planned_until_at, visit.promised_until_at, *place)
    moved = Planned(visit.id, *after.planned, after.promised[1], *place)
    first_at, last_at = min(stands.from_at, moved.from_at), max(stands.until_at, moved.until_at)
    rosters: dict[int, Roster] = {}
    for technician_id in {visit.technician_id, after.technician_id} - {None}:
        assert technician_id is not None
        roster = roster_of(session, technician_id, first_at, last_at, zone, now)
        if roster is not None:
            rosters[technician_id] = roster
    found = risks(stands, rosters, after.technician_id, moved, zone, now)
    return _named(session, visit.id, after, found)


def _named(session: Session, visit_id: int, after: Place, found: Sequence[Risk]) -> list[Touched]:
    rows = session.execute(
        select(Visit.id, Customer.name, Technician.name, Visit.promised_from_at, Visit.promised_until_at)
        .join(Customer, Customer.id == Visit.customer_id)
        .outerjoin(Technician, Technician.id == Visit.technician_id)
        .where(Visit.id.in_([risk.visit for risk in found]))
    )
    known = {
        id: (customer, technician or "", (from_at, until_at)) for id, customer, technician, from_at, until_at in rows
    }
    return [
        Touched(risk, known[risk.visit][0], after.technician, after.promised)
        if risk.visit == visit_id
        else Touched(risk, *known[risk.visit])
        for risk in found
    ]
