"""What follows when a visit is moved or given to somebody else, and may it be done? Read first, carried out after."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import Conflict, Stale
from app.models import Customer, Technician, Visit
from app.operations.appointment import Changes, Message, change, told_if
from app.operations.booking import ENTERED_LATE
from app.operations.consent import ways_to
from app.operations.plan import longest_day_kept, seen_around
from app.operations.policy import current_policy
from app.operations.slots import roster_of
from app.operations.time_off import duty_of
from app.operations.visit import find_visit, visit_in_words
from app.rules.booking import Taken, first_open_start
from app.rules.consequences import Risk, Window, clashes, promise_after, risks
from app.rules.duty import Away
from app.rules.gaps import Planned, Roster
from app.rules.reach import PRINTED
from app.rules.visit import AWAITED

#: What stands in the way, most final first: these nobody may insist on, ...
FINAL = ("over", "technician", "in_the_past", "held", "overlap", "unreachable")
#: ... and these somebody may who knows better.
INSISTABLE = ("closed", "skill", "late")
#: Work planned so long ago is still written down without a word.
_JUST_NOW = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a visit stands in the plan: with whom, planned and promised when."""

    technician_id: int | None
    technician: str
    planned: Window
    promised: Window


@dataclass(frozen=True, slots=True)
class Aim:
    """What somebody wants: a technician (None: nobody yet), a promise, minutes of work, and the start of the work
    (None: the first within the promise that is free)."""

    technician_id: int | None
    promised: Window
    duration_min: int
    planned_from_at: datetime | None = None


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
    not."""
    promised = promise_after((visit.promised_from_at, visit.promised_until_at), starts_at)
    stays = starts_at == visit.planned_from_at
    return Aim(technician_id, promised, visit.duration_min, None if stays else starts_at)


def read_consequences(
    session: Session, visit: Visit, aim: Aim, zone: tzinfo, now: datetime, channels: Collection[str] = ()
) -> Consequences:
    """Return what would follow from a change; changes nothing, locks nothing. `channels` are those that are set up."""
    people = select(Technician.id, Technician.name).where(Technician.id.in_({visit.technician_id, aim.technician_id}))
    names = {row.id: row.name for row in session.execute(people)}
    before = Place(
        visit.technician_id,
        names.get(visit.technician_id or 0, ""),
        (visit.planned_from_at, visit.planned_until_at),
        (visit.promised_from_at, visit.promised_until_at),
    )
    taken = _taken(session, visit, aim, now)
    starts_at = _starts_at(session, visit, aim, taken or [], zone)
    ends_at = starts_at + timedelta(minutes=aim.duration_min)
    after = Place(aim.technician_id, names.get(aim.technician_id or 0, ""), (starts_at, ends_at), aim.promised)
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
    also: Changes | None = None,
) -> Visit:
    """Do what was shown: move or reassign a visit and tell whoever must be told (operations.appointment).

    Raises what `change` raises; without `insist` Conflict `risky` or `no_skill` for what `read_consequences` shows, and
    without `outside` Conflict `closed`. What `also` changes is not looked at before.
    """
    visit = find_visit(session, visit_id)
    if version is not None and version != visit.version:
        raise Stale("visit_changed", version=visit.version)
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
        **(also or {}),
    }
    return change(session, visit_id, message, now=now, actor=actor, version=version, **changes)


def _refuse(seen: Consequences) -> None:
    """Raise Conflict for what nobody has insisted on; what is final is refused with better words by the change."""
    for objection in seen.objections:
        if objection.is_final:
            return
        if objection.code == "skill":
            raise Conflict("no_skill", **objection.facts)
        if objection.code == "late":
            raise Conflict("risky", **objection.facts)


def _taken(session: Session, visit: Visit, aim: Aim, now: datetime) -> list[Taken] | None:
    """Return what else stands in the plan of who is to go; None when nobody of that number is at work any more."""
    if aim.technician_id is None:
        return []
    person = session.get(Technician, aim.technician_id)
    if person is None or not (person.active or person.id == visit.technician_id):
        return None
    first_at, last_at = (aim.planned_from_at, aim.planned_from_at) if aim.planned_from_at else aim.promised
    return seen_around(session, aim.technician_id, first_at, last_at, aim.duration_min, now, visit_id=visit.id)


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
        facts = {"visit": clash.visit_id, "short_min": clash.short_min, "window": window}
        found.append(
            Objection(clash.reason, {**facts, "customer": other.customer}) if other is not None else Objection("held")
        )
    found += _off_duty(session, visit, before, after, taken, zone, now)
    person = session.get(Technician, after.technician_id) if after.technician_id else None
    if person is not None and visit.service.skill and visit.service.skill not in person.skills:
        found.append(Objection("skill", {"skill": visit.service.skill, "technician": person.name}))
    found += _too_late(touched, visit.id)
    return sorted(found, key=lambda one: (*FINAL, *INSISTABLE).index(one.code))


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
    shifts, away = duty_of(session, after.technician_id, starts_at, ends_at, zone)
    closed = first_open_start(starts_at, starts_at, minutes, None, None, (), shifts, away)
    if not isinstance(closed, Away) and after.technician_id is not None and taken is not None:
        kept = longest_day_kept(
            session, after.technician_id, visit.site, starts_at, minutes, zone, now, visit_id=visit.id
        )
        closed = kept or closed
    return [Objection("closed", {"why": closed.why, "note": closed.note})] if isinstance(closed, Away) else []


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
