"""Who takes in the lists that the office has sent? The jobs, one after another: tried first, and nothing half done."""

from __future__ import annotations

from datetime import datetime

import structlog
from sqlalchemy.orm import Session

from app.apart import MOST_TRIES, Changed, Take, carried_over, tried, worked_out
from app.crash import writing
from app.db import SILENT
from app.errors import Invalid
from app.models import ListFile
from app.operations.intake import Imported, Known, import_customers, import_visits
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
    with parts.db.read() as session:
        sent = session.get_one(ListFile, list_id)
        trying, take = sent.state == "trying", _taking(parts, sent)
    if trying:
        done = tried(parts.db, take)
        with writing(parts.db, "list") as session:
            _note(session, list_id, "tried", parts.clock.now(), done)
        return
    for last in (*[False] * MOST_TRIES, True):  # hours or days off were changed meanwhile: at last everybody waits
        now = parts.clock.now()
        staged = None if last else worked_out(parts.db, take, now, parts.settings.zone)
        try:
            with writing(parts.db, "list") as session:
                sent = session.get_one(ListFile, list_id, with_for_update=True)
                if sent.state == "taking":  # unless somebody else has taken it in
                    done = carried_over(session, staged, take, now, parts.settings.zone)
                    _note(session, list_id, "taken", now, done)
                    sent.content = None
        except Changed:
            continue
        return


def _taking(parts: Parts, sent: ListFile) -> Take:
    """Return what takes a list in, with word of how far it is."""
    now, settings, content = parts.clock.now(), parts.settings, sent.content or b""
    list_id, actor = sent.id, sent.actor

    def tell(done: int, of: int) -> None:
        parts.progress[list_id] = (done, of)

    if sent.kind == "customers":
        return lambda session, only: import_customers(
            session, content, now=now, country=settings.country, progress=tell, only=only
        )
    known = Known()
    return lambda session, only: import_visits(
        session, content, now=now, zone=settings.zone, actor=actor, progress=tell, only=only, known=known
    )


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
