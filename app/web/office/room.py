"""What do the office's pages share? Their blueprint, the way on after saving, and a row by its number."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, url_for

from app.errors import NotFound
from app.web.desk import desk_words
from app.web.visitor import parts, session

blueprint = Blueprint("office", __name__)
blueprint.context_processor(desk_words)


def saved(endpoint: str, **values: Any) -> Any:
    """Go and look at what was saved."""
    return redirect(url_for(endpoint, saved=1, **values), 303)


def place_as_typed(lat: float | None, lon: float | None) -> dict[str, str]:
    """Return a position as somebody would type it: six digits are 11 cm."""
    return {} if lat is None or lon is None else {"lat": f"{lat:.6f}", "lon": f"{lon:.6f}"}


def country() -> str:
    return parts().settings.country


def known_row(table: Any, row_id: int, code: str) -> Any:
    """Return a row by its number. Raises NotFound."""
    row = session().get(table, row_id)
    if row is None:
        raise NotFound(code)
    return row
