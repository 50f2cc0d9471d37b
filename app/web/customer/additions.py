"""What does a customer add to her visit? Words and photos for whoever comes, and another number to call."""

from __future__ import annotations

from contextlib import closing

from flask import request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import RequestEntityTooLarge

from app.errors import Invalid
from app.operations.addition import MOST_PHOTOS, add_note, add_photos, name_phone, remove_photo
from app.operations.customer_view import visit_of_link
from app.operations.photo import LARGEST_MB, Photo, read_photo
from app.web.by_link import known_link
from app.web.customer.page import form_key, visit_page
from app.web.customer.room import back, blueprint, load, per_link, presses
from app.web.limits import limiter
from app.web.visitor import end_session, now, parts, session

#: What one form may carry: as many photos as a visit may have, and what stands around them.
MOST_BYTES = (MOST_PHOTOS * LARGEST_MB + 1) * 1024 * 1024
#: To unpack photos is work for the processor.
sendings = limiter.limit("5 per minute; 30 per hour", key_func=per_link)


@blueprint.post("/<token>/note")
@presses
def note(token: str) -> ResponseReturnValue:
    """Take in words for whoever comes; what was typed is kept when it cannot be taken."""
    load(token)
    try:
        add_note(session(), token, request.form.get("note", ""), key=form_key(), now=now())
    except Invalid as error:
        return _wrong(token, error)
    return back(token, "added")


@blueprint.post("/<token>/photos")
@sendings
def photos(token: str) -> ResponseReturnValue:
    """Take in photos."""
    try:
        sent = _read_photos(token)
        load(token)
        add_photos(session(), token, sent, now())
    except Invalid as error:
        return _wrong(token, error)
    return back(token, "added")


@blueprint.post("/<token>/photos/<int:photo_id>/remove")
@presses
def unsend_photo(token: str, photo_id: int) -> ResponseReturnValue:
    """Take a photo away again."""
    load(token)
    remove_photo(session(), token, photo_id, now())
    return back(token, "added")


@blueprint.post("/<token>/other-phone")
@presses
def other_phone(token: str) -> ResponseReturnValue:
    """Take in which number to call about this visit."""
    load(token)
    typed = request.form.get("other_phone", "")
    try:
        name_phone(session(), token, typed, country=parts().settings.country, now=now())
    except Invalid as error:
        return _wrong(token, error)
    return back(token, "phone")


def _read_photos(token: str) -> list[Photo]:
    """Return the photos that were sent, read before the turn to write is taken: that is seconds of work.

    For a link that leads nowhere nothing is read. Raises NotFound, Invalid naming `photos`.
    """
    with parts().db.read() as look:
        visit_of_link(look, known_link(token), now())
    request.max_content_length = MOST_BYTES
    with closing(request):  # large files lie on the disk
        return _photos_sent()


def _photos_sent() -> list[Photo]:
    try:
        files = [file for file in request.files.getlist("photos") if file.filename]
    except RequestEntityTooLarge:
        raise Invalid.one("photos", "photo_too_large", most=LARGEST_MB) from None
    if not files:
        raise Invalid.one("photos", "missing")
    if len(files) > MOST_PHOTOS:
        raise Invalid.one("photos", "too_many_photos", most=MOST_PHOTOS)
    return [read_photo(file.stream.read(LARGEST_MB * 1024 * 1024 + 1)) for file in files]


def _wrong(token: str, error: Invalid) -> ResponseReturnValue:
    end_session(commit=False)
    return visit_page(token, typed=request.form, problems={p.field: p for p in error.problems}), 422
