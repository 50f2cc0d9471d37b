"""Have a list tried and then taken in by whoever works in the background: every row of it, or none."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session, defer

from app.errors import Conflict, Invalid, NotFound
from app.models import ListFile

KINDS = ("customers", "visits")
#: A larger one is split, or taken in by command.
LARGEST = 3 * 1024 * 1024
LONGEST_NAME = 200
#: So many are shown.
SHOWN = 20
#: States in which something is still to be done with it.
WISHED = ("trying", "taking")


def send_list(session: Session, *, kind: str, name: str, content: bytes, now: datetime, actor: str) -> ListFile:
    """Take a list to be tried. Raises Invalid naming the field."""
    if kind not in KINDS:
        raise Invalid.one("kind", "choice", choices=", ".join(KINDS))
    if not content:
        raise Invalid.one("file", "missing")
    if len(content) > LARGEST:
        raise Invalid.one("file", "file_too_large", most=LARGEST // 1024 // 1024)
    printable = "".join(letter for letter in name if letter.isprintable())
    sent = ListFile(kind=kind, name=printable[-LONGEST_NAME:], content=content, created_at=now, actor=actor)
    session.add(sent)
    session.flush()
    return sent


def take_list(session: Session, list_id: int) -> None:
    """Have a list taken in that was tried without fault. Raises NotFound, Conflict."""
    known = find_list(session, list_id, locked=True)
    if known.state != "tried" or known.problems or known.content is None:
        raise Conflict("list_not_ready")
    known.state = "taking"


def forget_list(session: Session, list_id: int) -> None:
    """Forget a list; what was taken in stays. Raises NotFound, Conflict while it is being taken in."""
    known = find_list(session, list_id, locked=True)
    if known.state == "taking":
        raise Conflict("list_under_way")
    session.execute(delete(ListFile).where(ListFile.id == known.id))


def find_list(session: Session, list_id: int, *, locked: bool = False) -> ListFile:
    """Return a list that was sent. Raises NotFound."""
    known = session.get(ListFile, list_id, with_for_update=locked or None, options=[defer(ListFile.content)])
    if known is None:
        raise NotFound("list")
    return known


def sent_lists(session: Session) -> Sequence[ListFile]:
    """Return the lists that were sent last, newest first, without what is in them."""
    wanted = select(ListFile).options(defer(ListFile.content)).order_by(ListFile.id.desc()).limit(SHOWN)
    return session.scalars(wanted).all()


def wished_list(session: Session) -> int | None:
    """Return the list whose turn it is."""
    return session.scalar(select(ListFile.id).where(ListFile.state.in_(WISHED)).order_by(ListFile.id).limit(1))
