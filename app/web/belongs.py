"""Does what an address names belong to the visit that it names before it?"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from app.errors import NotFound
from app.web.visitor import session


def check_of_visit(visit_id: int, table: Any, row_id: int) -> None:
    """Raise NotFound unless a row is one of this visit's: else one visit's page would change another's."""
    if session().scalar(select(table.visit_id).where(table.id == row_id)) != visit_id:
        raise NotFound("http_404")
