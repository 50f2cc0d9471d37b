"""Does a part of a page say something new? Asked every second; drawn only when something may have changed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from flask import Response, request

from app.web.visitor import now


def answer_live(mark: str, draw: Callable[[], str]) -> Response:
    """Answer with a part as it is now, or "not modified" when it says what the page says already.

    While the `mark` is one that the page has seen, nothing is drawn at all.
    """
    known = {mark_of: page_of for mark_of, _, page_of in (tag.partition(".") for tag in request.if_none_match.as_set())}
    page = None if mark in known else draw()
    said = known[mark] if page is None else hashlib.sha256(page.encode()).hexdigest()[:32]
    reply = Response(status=304) if page is None or said in known.values() else Response(page)
    reply.set_etag(f"{mark}.{said}")
    reply.headers["X-Now"] = now().isoformat()
    return reply
