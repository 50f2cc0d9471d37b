"""Take in what a customer adds to her visit, and show it to whoever comes and to the dispatcher, and to nobody else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import Session

from app.errors import Conflict, Invalid, NotFound
from app.models import CustomerNote, CustomerPhoto, OtherPhone, Visit
from app.operations.booking import add_event, visit_for_change
from app.operations.contact import mobile_e164, phone_e164
from app.operations.customer_view import visit_of_link
from app.operations.photo import Photo

LONGEST_NOTE = 500
MOST_NOTES = 10
MOST_PHOTOS = 5
#: All photos of a visit together; five of the usual ones are a third of it.
MOST_BYTES = 6 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Added:
    """What a customer has added to a visit, oldest first: words for the visit, photos (their ids), another number."""

    notes: Sequence[CustomerNote] = ()
    photos: Sequence[CustomerPhoto] = ()
    phone: OtherPhone | None = None
    #: Why it was called off, in her own words.
    farewell: str = ""

    def __bool__(self) -> bool:
        return bool(self.notes or self.photos or self.phone)


@dataclass(slots=True)
class _Gathered:
    notes: list[CustomerNote] = field(default_factory=list)
    photos: list[CustomerPhoto] = field(default_factory=list)
    phone: OtherPhone | None = None
    farewell: str = ""


def added_to(session: Session, visit_ids: Sequence[int]) -> Mapping[int, Added]:
    """Return what was added to each of some visits; photos without their pixels."""
    found: dict[int, _Gathered] = {}
    for note in session.scalars(
        select(CustomerNote).where(CustomerNote.visit_id.in_(visit_ids)).order_by(CustomerNote.id)
    ):
        of_visit = found.setdefault(note.visit_id, _Gathered())
        if note.about == "cancel":
            of_visit.farewell = note.words
        else:
            of_visit.notes.append(note)
    for photo in session.scalars(
        select(CustomerPhoto).where(CustomerPhoto.visit_id.in_(visit_ids)).order_by(CustomerPhoto.id)
    ):
        found.setdefault(photo.visit_id, _Gathered()).photos.append(photo)
    for phone in session.scalars(select(OtherPhone).where(OtherPhone.visit_id.in_(visit_ids))):
        found.setdefault(phone.visit_id, _Gathered()).phone = phone
    return {id: Added(one.notes, one.photos, one.phone, one.farewell) for id, one in found.items()}


def added_behind(session: Session, token: str, now: datetime) -> Added:
    """Return what was added to the visit behind a link. Raises NotFound for an unknown or ended link."""
    visit = visit_of_link(session, token, now)
    return added_to(session, [visit.id]).get(visit.id, Added())


def add_note(session: Session, token: str, words: str, *, key: str, now: datetime) -> None:
    """Add words for whoever comes; the form's `key` keeps one that is sent twice from standing twice.

    Raises NotFound, Conflict when the visit is over, Invalid naming `note`.
    """
    said = readable(words)
    if not said:
        raise Invalid.one("note", "missing")
    if len(said) > LONGEST_NOTE:
        raise Invalid.one("note", "too_long", most=LONGEST_NOTE)
    visit = _open_visit(session, token, now)
    mine = CustomerNote.visit_id == visit.id
    if session.scalar(select(CustomerNote.id).where(mine, CustomerNote.client_key == key)) is not None:
        return
    if (session.scalar(select(func.count()).select_from(CustomerNote).where(mine)) or 0) >= MOST_NOTES:
        raise Invalid.one("note", "too_many_notes", most=MOST_NOTES)
    session.add(CustomerNote(visit_id=visit.id, written_at=now, words=said, client_key=key))
    add_event(session, visit, "customer_note", "customer", now)


def add_photos(session: Session, token: str, photos: Sequence[Photo], now: datetime) -> None:
    """Add photos for whoever comes; one that is there already is not added again.

    Raises NotFound, Conflict when the visit is over, Invalid naming `photos`.
    """
    visit = _open_visit(session, token, now)
    there = {photo.digest: photo for photo in added_to(session, [visit.id]).get(visit.id, Added()).photos}
    new = {photo.digest: photo for photo in photos if photo.digest not in there}
    if len(there) + len(new) > MOST_PHOTOS:
        raise Invalid.one("photos", "too_many_photos", most=MOST_PHOTOS)
    size = sum(photo.size_bytes for photo in there.values()) + sum(len(photo.content) for photo in new.values())
    if size > MOST_BYTES:
        raise Invalid.one("photos", "photos_too_large")
    for digest, photo in new.items():
        session.add(
            CustomerPhoto(
                visit_id=visit.id, added_at=now, digest=digest, width=photo.width, height=photo.height,
                size_bytes=len(photo.content), content=photo.content,
            )
        )  # fmt: skip
    if new:
        add_event(session, visit, "customer_photo", "customer", now, facts={"photos": len(new)})


def remove_photo(session: Session, token: str, photo_id: int, now: datetime) -> None:
    """Take a photo of hers away again; one that is not there is gone already. Raises NotFound for the link."""
    visit = visit_for_change(session, visit_of_link(session, token, now).id)
    photo = session.get(CustomerPhoto, photo_id)
    if photo is not None and photo.visit_id == visit.id:
        session.delete(photo)
        add_event(session, visit, "customer_photo_removed", "customer", now)


def name_phone(session: Session, token: str, typed: str, *, country: str, now: datetime) -> None:
    """Take in which number to call about this visit ("": the customer's own again).

    Raises NotFound, Conflict when the visit is over, Invalid naming `other_phone`.
    """
    number = phone_e164(typed, country, "other_phone")
    visit = _open_visit(session, token, now)
    kept = session.get(OtherPhone, visit.id)
    if (kept.number if kept else None) == number:
        return
    if number is None:
        session.execute(delete(OtherPhone).where(OtherPhone.visit_id == visit.id))
    else:
        kept = kept or OtherPhone(visit_id=visit.id)
        kept.number, kept.is_mobile, kept.given_at = number, _is_mobile(number, country), now
        session.add(kept)
    add_event(session, visit, "other_phone", "customer", now, facts={"named": number is not None})


def photo_of(session: Session, visit_id: int, photo_id: int) -> bytes:
    """Return a photo of a visit, JPEG. Raises NotFound."""
    found = select(CustomerPhoto.content).where(CustomerPhoto.id == photo_id, CustomerPhoto.visit_id == visit_id)
    content = session.scalar(found)
    if content is None:
        raise NotFound("photo")
    return content


def photo_for(session: Session, technician_id: int, photo_id: int) -> bytes:
    """Return a photo of a visit that is this technician's. Raises NotFound."""
    content = session.scalar(
        select(CustomerPhoto.content)
        .join(Visit, Visit.id == CustomerPhoto.visit_id)
        .where(
            CustomerPhoto.id == photo_id,
            or_(Visit.technician_id == technician_id, Visit.second_technician_id == technician_id),
        )
    )
    if content is None:
        raise NotFound("photo")
    return content


def readable(words: str) -> str:
    """Return what somebody typed without the blanks around it and without what is no letter."""
    return "".join(c for c in words.replace("\r\n", "\n").strip() if c.isprintable() or c == "\n")


def _open_visit(session: Session, token: str, now: datetime) -> Visit:
    visit = visit_for_change(session, visit_of_link(session, token, now).id)
    if not visit.is_open:
        raise Conflict("visit_over", status=visit.status)
    return visit


def _is_mobile(number: str, country: str) -> bool:
    try:
        return mobile_e164(number, country, "other_phone") is not None
    except Invalid:
        return False
