"""What do the office's pages share? Their blueprint, the way on after saving, and a row by its number."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, url_for

from app.errors import NotFound
from app.operations.technician import LONGEST_DAY_MIN
from app.web.desk import desk_words
from app.web.forms import Form
from app.web.visitor import parts, session

blueprint = Blueprint("office", __name__)
blueprint.context_processor(desk_words)


def saved(endpoint: str, **values: Any) -> Any:
    """Go and look at what was saved."""
    return redirect(url_for(endpoint, saved=1, **values), 303)


def place_as_typed(lat: float | None, lon: float | None) -> dict[str, str]:
    """Return a position as somebody would type it: six digits are 11 cm."""
    return {} if lat is None or lon is None else {"lat": f"{lat:.6f}", "lon": f"{lon:.6f}"}


def hours_typed(minutes: int) -> str:
    """Return minutes as hours: 13, or 12.5."""
    return f"{minutes / 60:g}"


def hours_in_minutes(form: Form, name: str) -> int | None:
    """Return the hours of a field in minutes, or None when it is empty; what is wrong is noted in the form."""
    typed = form.text(name, most=6)
    if not typed:
        return None
    try:
        minutes = round(float(typed) * 60)
    except (ValueError, OverflowError):
        minutes = -1
    if not 0 <= minutes <= LONGEST_DAY_MIN:
        form.wrong(name, "range", least=0, most=LONGEST_DAY_MIN // 60)
    return minutes


def country() -> str:
    return parts().settings.country


def known_row(table: Any, row_id: int, code: str) -> Any:
    """Return a row by its number. Raises NotFound."""
    row = session().get(table, row_id)
    if row is None:
        raise NotFound(code)
    return row
