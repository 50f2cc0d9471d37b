"""How does one person ask? Through the API, or the operations behind it, in a transaction as the web's hook has it.

What is in doubt when fifty ask at once are the locks, the statements and their order, which both ways share: to read
JSON and to route a request takes a third of the time, and holds nobody up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flask import Flask
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.errors import AppError
from app.operations.appointment import Message, book, cancel, change
from app.operations.hold import hold_time
from app.operations.notice import Telling
from app.operations.time_off import NewAbsence, enter_absence, in_the_way
from app.parts import Parts


@dataclass(frozen=True, slots=True)
class Act:
    """What one person asks of the API; `group` says what the others of the same kind are after."""

    group: str
    method: str
    path: str
    body: dict[str, Any]
    if_match: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one person was answered."""

    act: Act
    status: int
    reply: dict[str, Any] = field(default_factory=dict)


def through_the_api(app: Flask, token: str) -> Callable[[Act], Outcome]:
    """Return who asks as other programs do."""

    def ask(act: Act) -> Outcome:
        headers = {"Authorization": f"Bearer {token}"}
        if act.if_match is not None:
            headers["If-Match"] = f'"{act.if_match}"'
        reply = app.test_client().open(f"/api/v1{act.path}", method=act.method, json=act.body, headers=headers)
        return Outcome(act, reply.status_code, reply.get_json(silent=True) or {})

    return ask


def directly(parts: Parts) -> Callable[[Act], Outcome]:
    """Return who asks the operations, and is answered with what the API would say."""
    now, zone = parts.clock.now(), parts.settings.zone
    message = Message(Telling(parts.settings.base_url, zone, parts.channels), "no")
    common = {"now": now, "actor": "races"}

    def done(session: Session, act: Act) -> tuple[int, dict[str, Any]]:
        wish = {_NAMES.get(name, name): _read(value) for name, value in act.body.items()}
        match act.path.split("/")[1:]:
            case ["visits"]:
                return 201, {"id": book(session, zone=zone, **wish, **common).id}
            case ["visits", visit_id] if "status" in wish:
                return 200, {"id": cancel(session, int(visit_id), message, **common).id}
            case ["visits", visit_id]:
                del wish["tell"]
                if "second_technician_id" in wish and wish["second_technician_id"] is None:
                    wish["alone"] = True
                return 200, {"id": change(session, int(visit_id), message, version=act.if_match, **wish, **common).id}
            case ["holds"]:
                return 201, {"hold": hold_time(session, **{"lat": None, "lon": None, **wish}, **common).token}
            case ["absences"]:
                new = NewAbsence(wish["technician_id"], wish["from"], wish["until"])
                enter_absence(session, new, zone=zone, **common)
                return 201, {"in_the_way": [{"visit": one.visit_id} for one in in_the_way(session, new, zone, now)]}
        raise AssertionError(act.path)

    def ask(act: Act) -> Outcome:
        try:
            with parts.db.write() as session:
                status, reply = done(session, act)
        except AppError as error:
            return Outcome(act, error.status, {"reason": error.code})
        except IntegrityError:
            return Outcome(act, 409, {"reason": "done_twice"})
        except Exception as error:
            return Outcome(act, 500, {"reason": type(error).__name__})
        return Outcome(act, status, reply)

    return ask


#: What the operations call what the API calls otherwise.
_NAMES = {
    **{name: f"{name}_id" for name in ("customer", "site", "service", "technician", "second_technician")},
    **{name: f"{name}_at" for name in ("promised_from", "promised_until", "planned_from")},
}


def _read(value: Any) -> Any:
    return datetime.fromisoformat(value) if isinstance(value, str) and value[:2] == "20" else value
