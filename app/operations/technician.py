"""Take in technicians, and the credentials with which their phones report positions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from app.auth import create_device
from app.errors import Invalid, NotFound, Problem
from app.i18n import LOCALES
from app.models import Branch, Device, Technician
from app.operations.branch import DAY_PLACES
from app.operations.checks import tell_choice, tell_position, tell_text
from app.operations.customer import LONGEST_NAME
from app.operations.listing import Listed, Page, contains, id_of, listed, page_of

TRAVELS_BY = ("car", "public_transport", "bicycle")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LONGEST_SKILL = 50
MOST_SKILLS = 50
LONGEST_DAY_MIN = 24 * 60
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d|24:00")


@dataclass(frozen=True, slots=True)
class DeviceSecret:
    """A new location credential; the secret exists in the clear only here."""

    username: str
    secret: str


def create_technician(
    session: Session,
    *,
    name: str,
    now: datetime,
    language: str = "ja",
    skills: Sequence[str] = (),
    travels_by: str = "car",
    base_lat: float | None = None,
    base_lon: float | None = None,
    working_hours: Mapping[str, Sequence[Sequence[str]]] | None = None,
    branch_id: int | None = None,
    starts_from: str = "home",
    returns_to: str = "home",
    most_day_min: int | None = None,
) -> tuple[Technician, DeviceSecret]:
    """Add a technician together with a credential for the phone's location app.

    `working_hours` is local time: `{"mon": [["09:00", "12:00"], ["13:00", "18:00"]]}`; `24:00` ends a day.
    Raises Invalid naming every field that is wrong (`base.lat`, `working_hours.mon`).
    """
    technician = Technician(created_at=now)
    problems = _fill(technician, name, language, skills, travels_by, base_lat, base_lon, working_hours or {})
    with session.no_autoflush:
        problems += _place_day(session, technician, branch_id, starts_from, returns_to, most_day_min)
    if problems:
        raise Invalid(problems)
    session.add(technician)
    session.flush()
    return technician, add_device(session, technician.id, now)


def change_technician(
    session: Session,
    technician_id: int,
    *,
    name: str,
    language: str,
    skills: Sequence[str],
    travels_by: str,
    base_lat: float | None,
    base_lon: float | None,
    working_hours: Mapping[str, Sequence[Sequence[str]]],
    active: bool,
    branch_id: int | None = None,
    starts_from: str = "home",
    returns_to: str = "home",
    most_day_min: int | None = None,
) -> Technician:
    """Write a technician's facts anew; who is out of service gets no visits and is signed out.

    Raises NotFound, Invalid naming every field that is wrong.
    """
    technician = find_technician(session, technician_id, also_former=True)
    with session.no_autoflush:
        problems = _fill(technician, name, language, skills, travels_by, base_lat, base_lon, working_hours)
        problems += _place_day(session, technician, branch_id, starts_from, returns_to, most_day_min)
    if problems:
        session.expunge(technician)
        raise Invalid(problems)
    technician.active = active
    session.flush()
    return technician


def revoke_device(session: Session, technician_id: int, device_id: int, now: datetime) -> None:
    """End a location credential; the app is refused from now on. Raises NotFound."""
    device = session.get(Device, device_id)
    if device is None or device.technician_id != technician_id:
        raise NotFound("device")
    device.revoked_at = device.revoked_at or now


def add_device(session: Session, technician_id: int, now: datetime) -> DeviceSecret:
    """Add a credential for one more phone of a technician. Raises NotFound."""
    find_technician(session, technician_id)
    return DeviceSecret(*create_device(session, technician_id=technician_id, now=now))


def find_technician(session: Session, technician_id: int, *, also_former: bool = False) -> Technician:
    """Return a technician who works here, or did. Raises NotFound."""
    technician = session.get(Technician, technician_id)
    if technician is None or not (technician.active or also_former):
        raise NotFound("technician")
    return technician


def page_of_technicians(session: Session, *, limit: int, cursor: str | None) -> Page[Technician]:
    """Return the technicians who work here, oldest first. Raises Invalid."""
    wanted = select(Technician).where(Technician.active, Technician.id > id_of(cursor)).order_by(Technician.id)
    return page_of(session.scalars(wanted.limit(limit + 1)).all(), limit, lambda technician: str(technician.id))


def known_skills(session: Session) -> Sequence[str]:
    """Return every skill that technicians who work here have."""
    lists = session.scalars(select(Technician.skills).where(Technician.active))
    return sorted({skill for skills in lists for skill in skills})


def list_technicians(session: Session, text: str, page: int) -> Listed[Technician]:
    """Return technicians by name, those at work first."""
    wanted = select(Technician).order_by(Technician.active.desc(), Technician.name, Technician.id)
    return listed(session, wanted.where(contains(Technician.name, text)), page)


def technician_choices(session: Session, *also: int | None) -> Sequence[tuple[int, str]]:
    """Return who can be given a visit: every active technician, and those who have it already."""
    rows = session.execute(
        select(Technician.id, Technician.name)
        .where(or_(Technician.active, Technician.id.in_([one for one in also if one])))
        .order_by(Technician.name, Technician.id)
    )
    return [(row.id, row.name) for row in rows]


def devices_of(session: Session, technician_id: int) -> Sequence[Device]:
    """Return a technician's location credentials, newest first."""
    return session.scalars(
        select(Device).where(Device.technician_id == technician_id).order_by(Device.revoked_at, Device.id.desc())
    ).all()


def _fill(
    technician: Technician,
    name: str,
    language: str,
    skills: Sequence[str],
    travels_by: str,
    base_lat: float | None,
    base_lon: float | None,
    working_hours: Mapping[str, Sequence[Sequence[str]]],
) -> list[Problem]:
    """Write a technician's facts, checked, and return what is wrong with them."""
    problems: list[Problem] = []
    technician.name = tell_text(problems, "name", name, LONGEST_NAME)
    tell_choice(problems, "language", language, LOCALES)
    tell_choice(problems, "travels_by", travels_by, TRAVELS_BY)
    if len(skills) > MOST_SKILLS:
        problems.append(Problem("skills", "too_many", {"most": MOST_SKILLS}))
    named = [tell_text(problems, f"skills[{n}]", skill, LONGEST_SKILL) for n, skill in enumerate(skills)]
    tell_position(problems, "base.", base_lat, base_lon)
    for day, spans in working_hours.items():
        if day not in DAYS:
            problems.append(Problem(f"working_hours.{day[:10]}", "choice", {"choices": ", ".join(DAYS)}))
        elif not _in_order(spans):
            problems.append(Problem(f"working_hours.{day}", "hours"))
    technician.language, technician.travels_by = language, travels_by
    technician.skills = list(dict.fromkeys(named))
    technician.base_lat, technician.base_lon = base_lat, base_lon
    technician.working_hours = {
        day: [list(span) for span in working_hours[day]] for day in DAYS if day in working_hours
    }
    return problems


def _place_day(
    session: Session,
    technician: Technician,
    branch_id: int | None,
    starts_from: str,
    returns_to: str,
    most_day_min: int | None,
) -> list[Problem]:
    """Write where a technician's days begin and end and how long they may be, checked; return what is wrong with it."""
    problems: list[Problem] = []
    branch = session.get(Branch, branch_id) if branch_id is not None else None
    if branch_id is not None and (branch is None or not (branch.active or branch_id == technician.branch_id)):
        problems.append(Problem("branch", "unknown"))
    for field, place in (("starts_from", starts_from), ("returns_to", returns_to)):
        tell_choice(problems, field, place, DAY_PLACES)
        if place == "branch" and branch_id is None:
            problems.append(Problem(field, "no_branch"))
    if most_day_min is not None and not 0 <= most_day_min <= LONGEST_DAY_MIN:
        problems.append(Problem("most_day_min", "range", {"least": 0, "most": LONGEST_DAY_MIN}))
    technician.most_day_min = most_day_min
    technician.branch_id, technician.starts_from, technician.returns_to = branch_id, starts_from, returns_to
    return problems


def note_sign_of_life(session: Session, username: str, now: datetime) -> None:
    """Remember that a phone has reported, to the minute."""
    session.execute(
        update(Device)
        .where(
            Device.username == username,
            or_(Device.last_seen_at.is_(None), Device.last_seen_at < now - timedelta(minutes=1)),
        )
        .values(last_seen_at=now)
        .execution_options(synchronize_session=False)
    )


def _in_order(spans: Sequence[Sequence[str]]) -> bool:
    """Return whether spans of a day are from–until pairs, one after the other."""
    times = [time for span in spans for time in span]
    return (
        all(len(span) == 2 for span in spans)
        and all(_TIME.fullmatch(time) for time in times)
        and all(span[0] < span[1] for span in spans)
        and all(earlier[1] <= later[0] for earlier, later in pairwise(spans))
    )
