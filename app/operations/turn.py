"""Whose turn is it with a technician's day: who changes it, and when does the sweep look at it again?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import bindparam, func, literal_column, select, update
from sqlalchemy.orm import Session
from sqlalchemy.types import ARRAY, BigInteger

from app.models import Company, Technician, Visit
from app.prepared import Prepared, among
from app.rules.booking import LONGEST_VISIT_MIN
from app.rules.visit import OPEN

#: No evidence about a visit can exist earlier than this before its plan.
FIRST_LOOK_BEFORE = timedelta(hours=12)

#: Built once: every fix and tap runs it. One due visit has the whole day looked at, so the others need no writing.
#: `begun` keeps years of visits that are over from being read.
_VISIT = Visit.__table__.c
_LOCK = (
    select(Technician.id)
    .where(among(Technician.__table__.c.id, "technicians"))
    .order_by(Technician.id)
    .with_for_update(key_share=True)
)
_LOCKED, _FREE = Prepared(_LOCK), Prepared(_LOCK.with_for_update(key_share=True, skip_locked=True))
_LOCKED_OF = Prepared(
    select(Technician.id)
    .where(
        Technician.id
        == func.any(
            bindparam("technicians", type_=ARRAY(BigInteger)).op("||")(
                func.array(
                    select(_VISIT.technician_id)
                    .where(_VISIT.id == bindparam("visit"))
                    .union_all(select(_VISIT.second_technician_id).where(_VISIT.id == bindparam("visit")))
                    .scalar_subquery()
                )
            )
        )
    )
    .order_by(Technician.id)
    .with_for_update(key_share=True)
)
_FIRST = (
    select(_VISIT.id)
    .where(
        _VISIT.technician_id == bindparam("technician"),
        _VISIT.status.in_([literal_column(f"'{status}'") for status in OPEN]),
        _VISIT.check_at.is_not(None),
        _VISIT.planned_from_at >= bindparam("begun"),
        _VISIT.planned_from_at < bindparam("soon"),
    )
    .order_by(_VISIT.planned_from_at)
    .limit(1)
)
_LOOK_AGAIN = Prepared(
    update(Visit.__table__)  # type: ignore[arg-type]
    .where(_VISIT.id == _FIRST.scalar_subquery(), _VISIT.check_at > bindparam("now"))
    .values(check_at=bindparam("now")),
    ("technician", "begun", "soon", "now"),
)


def lock_company(session: Session) -> None:
    """Let one person change what holds for the whole company at a time: of two who have read the same version of its
    texts or prices, the second learns of the first."""
    session.scalars(select(Company.id).with_for_update()).all()


def lock_technicians(session: Session, *technician_ids: int | None) -> None:
    """Wait for the turn to change these technicians' days.

    Whoever changes several visits of a technician, or a visit and then others of the same day, does this first:
    otherwise two of them could each hold what the other waits for. On SQLite, every writer is alone already.
    """
    if session.get_bind().dialect.name == "sqlite":
        return
    wanted = sorted({technician_id for technician_id in technician_ids if technician_id is not None})
    if wanted:
        _LOCKED.rows(session.connection(), {"technicians": wanted})


def lock_technicians_of(session: Session, visit_id: int, *more: int | None) -> Sequence[int]:
    """Wait for the turn to change the days of a visit's technicians, and of some more; return who they are.

    Whose it is may have changed until it was waited for. For PostgreSQL alone.
    """
    asked = {"visit": visit_id, "technicians": [technician_id for technician_id in more if technician_id is not None]}
    return [locked for (locked,) in _LOCKED_OF.rows(session.connection(), asked)]


def lock_free_technicians(session: Session, technician_ids: Sequence[int]) -> Sequence[int]:
    """Take the turn to change the days of those technicians whom nobody else is changing just now; return them.

    For who changes many days at once and can come back: waiting for one would keep the others locked meanwhile.
    """
    if session.get_bind().dialect.name == "sqlite":
        return technician_ids
    return [free for (free,) in _FREE.rows(session.connection(), {"technicians": technician_ids})]


def look_again(session: Session, technician_id: int | None, now: datetime, *, in_turn: bool = False) -> None:
    """Have the sweep look at a technician's day at once, because there is new evidence or another plan.

    `in_turn`: who calls has the turn to change that day already.
    """
    if technician_id is not None:
        if not in_turn:
            lock_technicians(session, technician_id)
        session.flush()
        begun, soon = now - FIRST_LOOK_BEFORE - timedelta(minutes=LONGEST_VISIT_MIN), now + FIRST_LOOK_BEFORE
        _LOOK_AGAIN.run(session.connection(), [(technician_id, begun, soon, now)])


def look_at_all_again(session: Session, now: datetime) -> None:
    """Have the sweep look at every day that is watched now, because what decides has changed. One look sees a day.

    A day that is due has perhaps been taken up already, with what decided before: its turn is waited for as well.
    """
    session.flush()
    watched = (Visit.technician_id.is_not(None), Visit.status.in_(OPEN), Visit.check_at.is_not(None))
    around_now = (*watched, Visit.planned_from_at < now + FIRST_LOOK_BEFORE)
    lock_technicians(session, *session.scalars(select(Visit.technician_id).where(*around_now).distinct()))
    one_a_day = select(func.min(Visit.id)).where(*around_now, Visit.check_at > now).group_by(Visit.technician_id)
    look = update(Visit).where(Visit.id.in_(one_a_day)).values(check_at=now)
    session.execute(look.execution_options(synchronize_session=False))
