"""Who takes in the lists that the office has sent? The jobs, one after another: tried first, and nothing half done."""

from __future__ import annotations

from datetime import datetime

import structlog
from sqlalchemy.orm import Session

from app.crash import writing
from app.db import SILENT
from app.errors import Invalid
from app.models import ListFile
from app.operations.intake import Imported, Progress, import_customers, import_visits
from app.operations.list_file import wished_list
from app.parts import Parts

log = structlog.get_logger()


def work_through_lists(parts: Parts) -> int:
    """Try, or take in, every list whose turn has come; return how many. One that fails stops no other."""
    count = 0
    while True:
        with parts.db.read() as session:
            list_id = wished_list(session)
        if list_id is None:
            return count
        try:
            _work_through(parts, list_id)
        except Invalid as invalid:
            with writing(parts.db, "list") as session:
                _note(session, list_id, "tried", parts.clock.now(), wrong=invalid)
        except SILENT:
            raise
        except Exception as error:  # a fault of ours, which would only come again
            log.error("a list could not be worked through", list_id=list_id, error=type(error).__name__, exc_info=True)
            with writing(parts.db, "list") as session:
                _note(session, list_id, "failed", parts.clock.now())
        finally:
            parts.progress.pop(list_id, None)
        count += 1


def _work_through(parts: Parts, list_id: int) -> None:
    """Take a list in and note that in the same transaction; or try it, and keep only what would have come of it."""

    def tell(done: int, of: int) -> None:
        parts.progress[list_id] = (done, of)

    with parts.db.read() as session:
        trying = session.get_one(ListFile, list_id).state == "trying"
    if trying:
        with parts.db.open(writes=True) as session:  # and nobody commits
            done = _take_in(session, parts, session.get_one(ListFile, list_id), tell)
    with writing(parts.db, "list") as session:
        sent = session.get_one(ListFile, list_id, with_for_update=True)
        if trying:
            _note(session, list_id, "tried", parts.clock.now(), done)
        elif sent.state == "taking":  # unless somebody else has taken it in
            _note(session, list_id, "taken", parts.clock.now(), _take_in(session, parts, sent, tell))
            sent.content = None


def _take_in(session: Session, parts: Parts, sent: ListFile, tell: Progress) -> Imported:
    now, settings, content = parts.clock.now(), parts.settings, sent.content or b""
    if sent.kind == "customers":
        return import_customers(session, content, now=now, country=settings.country, progress=tell)
    return import_visits(session, content, now=now, zone=settings.zone, actor=sent.actor, progress=tell)


def _note(
    session: Session,
    list_id: int,
    state: str,
    now: datetime,
    done: Imported | None = None,
    wrong: Invalid | None = None,
) -> None:
    sent = session.get_one(ListFile, list_id)
    sent.state, sent.finished_at = state, now
    sent.added, sent.known = (done.added, done.known) if done is not None else (0, 0)
    sent.problems = [[one.field, one.code, one.facts] for one in wrong.problems] if wrong is not None else []
