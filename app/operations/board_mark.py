"""Has anything on the board changed? Asked by every screen every second, so it costs little: rows are only hashed."""

from __future__ import annotations

import hashlib
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

from sqlalchemy import ColumnElement, String, bindparam, func, select, type_coerce
from sqlalchemy.orm import Session

from app.models import Absence, Alarm, CurrentPosition, Customer, Hold, Notice, Site, Technician, Visit
from app.operations.booking import LONGEST_WINDOW
from app.prepared import Prepared
from app.rules.calendar import day_bounds

#: What changes by the clock alone (how old evidence is, what is near) is looked at so often.
BY_THE_CLOCK = timedelta(seconds=5)

_VISIT, _CUSTOMER, _SITE, _ALARM, _PERSON, _POSITION, _ABSENCE, _HOLD, _NOTICE = (
    model.__table__.c for model in (Visit, Customer, Site, Alarm, Technician, CurrentPosition, Absence, Hold, Notice)
)  # fmt: skip
_ON_DAY = (
    _VISIT.promised_from_at >= bindparam("promised"),
    _VISIT.promised_from_at < bindparam("ends"),
    _VISIT.planned_from_at >= bindparam("begins"),
    _VISIT.planned_from_at < bindparam("ends"),
)


def raw(*columns: ColumnElement[Any]) -> list[ColumnElement[Any]]:
    """Return columns as the driver gives them: nothing is done with them but to compare."""
    return [type_coerce(column, String) for column in columns]


_VISITS = Prepared(
    select(
        *raw(
            _VISIT.id, _VISIT.version, _VISIT.status, _VISIT.technician_id, _VISIT.forecast_from_at,
            _VISIT.forecast_until_at, _VISIT.forecast_median_at, _VISIT.late_probability, _VISIT.forecast_as_of_at,
            _VISIT.forecast_state, _VISIT.decided_reason, _VISIT.en_route_at, _VISIT.arrived_at, _VISIT.completed_at,
            _CUSTOMER.name, _CUSTOMER.notices, _SITE.lat, _SITE.lon,
        )
    )
    .join_from(Visit.__table__, Customer.__table__, _CUSTOMER.id == _VISIT.customer_id)
    .join(Site.__table__, _SITE.id == _VISIT.site_id)
    .where(*_ON_DAY)
    .order_by(_VISIT.id)
)  # fmt: skip
_NOTICES = Prepared(
    select(*raw(_NOTICE.id, _NOTICE.state, _NOTICE.sent_at, _NOTICE.delivered_at, _NOTICE.confirmed_by))
    .join_from(Notice.__table__, Visit.__table__, _VISIT.id == _NOTICE.visit_id)
    .where(*_ON_DAY)
    .order_by(_NOTICE.id)
)
_ALARMS = Prepared(select(*raw(_ALARM.id, _ALARM.facts)).where(_ALARM.cleared_at.is_(None)).order_by(_ALARM.id))
_PEOPLE = Prepared(
    select(
        *raw(
            _PERSON.id, _PERSON.name, _PERSON.active, _PERSON.working_hours, _PERSON.state, _PERSON.state_since_at,
            _PERSON.state_why, _POSITION.fixed_at,
        )
    )
    .join_from(Technician.__table__, CurrentPosition.__table__, _POSITION.technician_id == _PERSON.id, isouter=True)
    .order_by(_PERSON.id)
)  # fmt: skip
_TIME_OFF = Prepared(select(*raw(func.max(_ABSENCE.id), func.count(_ABSENCE.id), func.count(_ABSENCE.taken_back_at))))
_HELD = Prepared(select(*raw(func.max(_HOLD.id), func.count(_HOLD.id))).where(_HOLD.expires_at > bindparam("now")))


def board_mark(session: Session, on: date, zone: tzinfo, now: datetime) -> str:
    """Return a mark that differs when the board of a day, or the attention list, may say something else."""
    begins_at, ends_at = day_bounds(on, zone)
    day = {"begins": begins_at, "ends": ends_at, "promised": begins_at - LONGEST_WINDOW}
    known = session.connection()
    seen = hashlib.blake2b(str(now.timestamp() // BY_THE_CLOCK.total_seconds()).encode(), digest_size=12)
    for statement, values in (
        (_VISITS, day),
        (_NOTICES, day),
        (_ALARMS, {}),
        (_PEOPLE, {}),
        (_TIME_OFF, {}),
        (_HELD, {"now": now}),
    ):
        seen.update(repr(statement.rows(known, values)).encode())
    return seen.hexdigest()
