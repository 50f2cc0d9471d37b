"""How is a Valhalla server asked for the ways between places? Its time–distance matrix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.providers.base import TryLater
from app.providers.http import ask, json_of
from app.providers.route_table import Table
from app.rules.roads import Place


def tables(url: str) -> Mapping[str, Table]:
    """Return how to ask, by way to travel."""
    return {"car": _table(url, "auto"), "bicycle": _table(url, "bicycle")}


def _table(url: str, costing: str) -> Table:
    def rows(sources: Sequence[Place], targets: Sequence[Place], within_s: float) -> Any:
        asked = {"sources": _places(sources), "targets": _places(targets), "costing": costing}
        answer = ask("POST", f"{url}/sources_to_targets", json=asked, limits_s=(1.0, within_s))
        said = json_of(answer)
        if answer.status_code != 200:
            raise TryLater(f"the router answered {answer.status_code} {str(said.get('error_code', ''))[:10]}".strip())
        found = said.get("sources_to_targets")
        if isinstance(found, dict):  # asked for, or set on the server, without words
            return found.get("durations")
        return [list(map(_time, row)) for row in found] if isinstance(found, list) and _are_rows(found) else None

    return rows


def _places(places: Sequence[Place]) -> list[dict[str, float]]:
    return [{"lat": round(lat, 6), "lon": round(lon, 6)} for lat, lon in places]


def _are_rows(found: list[Any]) -> bool:
    return all(isinstance(row, list) for row in found)


def _time(cell: Any) -> Any:
    """Return the seconds of a way; what is no way at all is found out by who reads the table."""
    return cell.get("time") if isinstance(cell, dict) else cell if cell is not None else ""
