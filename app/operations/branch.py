"""Keep the company's branches, and say where each technician's day begins and ends: at home, or at the branch."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Double, case, func, select
from sqlalchemy.orm import Session

from app.errors import Invalid, NotFound, Problem
from app.models import Branch, Company, Technician
from app.operations.checks import tell_position, tell_text
from app.operations.customer import LONGEST_ADDRESS
from app.operations.listing import Page, id_of, page_of
from app.rules.stretch import MOST_DAY_MIN, Worker

#: Where a day may begin or end.
DAY_PLACES = ("home", "branch")
LONGEST_NAME = 80

_PERSON, _BRANCH = Technician.__table__.c, Branch.__table__.c


def _there(chosen: ColumnElement[str], own: ColumnElement[float], branch: ColumnElement[float]) -> ColumnElement[float]:
    return case((chosen == "branch", branch), else_=own).cast(Double)


#: Latitude and longitude where a technician's day begins, and where it ends, as columns of statements that join
#: `WITH_BRANCH`; empty where that is not known.
STARTS = (
    _there(_PERSON.starts_from, _PERSON.base_lat, _BRANCH.lat).label("start_lat"),
    _there(_PERSON.starts_from, _PERSON.base_lon, _BRANCH.lon).label("start_lon"),
)
ENDS = (
    _there(_PERSON.returns_to, _PERSON.base_lat, _BRANCH.lat).label("end_lat"),
    _there(_PERSON.returns_to, _PERSON.base_lon, _BRANCH.lon).label("end_lon"),
)
#: How long a technician's day may be at most, in minutes; 0: as long as it takes.
MOST_DAY = func.coalesce(
    _PERSON.most_day_min,
    select(Company.__table__.c.most_day_min).where(Company.__table__.c.id == 1).scalar_subquery(),
    MOST_DAY_MIN,
)
WITH_BRANCH = Technician.__table__.outerjoin(Branch.__table__, _BRANCH.id == _PERSON.branch_id)


def worker_of(start: Sequence[float | None], end: Sequence[float | None], travels_by: str, most_day_min: int) -> Worker:
    """Return what a day's length depends on, out of the columns above."""
    most = timedelta(minutes=most_day_min) if most_day_min else None
    return Worker(place(*start), place(*end), travels_by, most)


def place(lat: float | None, lon: float | None) -> tuple[float, float] | None:
    """Return a place, or None where it is not known."""
    return None if lat is None or lon is None else (lat, lon)


def save_branch(
    session: Session,
    branch_id: int | None,
    *,
    name: str,
    address: str,
    lat: float | None,
    lon: float | None,
    now: datetime,
    active: bool = True,
) -> Branch:
    """Add a branch, or change one. Raises NotFound, Invalid naming the fields: `active` while technicians belong to one
    that is given up."""
    problems: list[Problem] = []
    name = tell_text(problems, "name", name, LONGEST_NAME)
    address = tell_text(problems, "address", address, LONGEST_ADDRESS)
    tell_position(problems, "", lat, lon)
    if not problems and (lat is None or lon is None):
        problems.append(Problem("lat", "missing"))
    if branch_id is not None and not active and (there := _people(session, branch_id)):
        problems.append(Problem("active", "branch_in_use", {"count": there}))
    if problems:
        raise Invalid(problems)
    branch = Branch(created_at=now) if branch_id is None else find_branch(session, branch_id)
    assert lat is not None
    assert lon is not None
    branch.name, branch.address, branch.lat, branch.lon, branch.active = name, address, lat, lon, active
    session.add(branch)
    session.flush()
    return branch


def find_branch(session: Session, branch_id: int) -> Branch:
    """Return a branch. Raises NotFound."""
    branch = session.get(Branch, branch_id)
    if branch is None:
        raise NotFound("branch")
    return branch


def all_branches(session: Session) -> Sequence[tuple[Branch, int]]:
    """Return every branch, those in use first, each with the number of technicians who belong to it."""
    people = select(func.count()).where(Technician.branch_id == Branch.id, Technician.active).scalar_subquery()
    rows = session.execute(select(Branch, people).order_by(Branch.active.desc(), Branch.name, Branch.id))
    return [(branch, count) for branch, count in rows]


def branch_choices(session: Session, also: int | None = None) -> Sequence[tuple[int, str]]:
    """Return the branches a technician can belong to, and the one that somebody belongs to already."""
    rows = session.execute(
        select(Branch.id, Branch.name).where(Branch.active | (Branch.id == also)).order_by(Branch.name, Branch.id)
    )
    return [(row.id, row.name) for row in rows]


def list_branches(session: Session, *, limit: int, cursor: str | None) -> Page[Branch]:
    """Return the branches in use. Raises Invalid."""
    rows = session.scalars(
        select(Branch).where(Branch.active, Branch.id > id_of(cursor)).order_by(Branch.id).limit(limit + 1)
    ).all()
    return page_of(rows, limit, lambda branch: str(branch.id))


def _people(session: Session, branch_id: int) -> int:
    there = select(func.count()).where(Technician.branch_id == branch_id, Technician.active)
    return session.scalar(there) or 0
