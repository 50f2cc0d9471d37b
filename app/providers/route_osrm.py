"""How is an OSRM server asked for the ways between places? Its table service; each server knows one way to travel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.providers.base import TryLater
from app.providers.http import ask, json_of
from app.providers.route_table import Table
from app.rules.roads import Place


def tables(car_url: str, bicycle_url: str = "") -> Mapping[str, Table]:
    """Return how to ask, by way to travel."""
    found = {"car": _table(car_url, "driving")}
    return found | ({"bicycle": _table(bicycle_url, "cycling")} if bicycle_url else {})


def _table(url: str, profile: str) -> Table:
    def rows(sources: Sequence[Place], targets: Sequence[Place], within_s: float) -> Any:
        places = ";".join(f"{lon:.6f},{lat:.6f}" for lat, lon in (*sources, *targets))
        numbers = range(len(sources) + len(targets))
        given = {
            "sources": ";".join(map(str, numbers[: len(sources)])),
            "destinations": ";".join(map(str, numbers[len(sources) :])),
            "annotations": "duration",
        }
        answer = ask("GET", f"{url}/table/v1/{profile}/{places}", params=given, limits_s=(1.0, within_s))
        said = json_of(answer)
        if answer.status_code != 200 or said.get("code") != "Ok":
            raise TryLater(f"the router answered {answer.status_code} {str(said.get('code', ''))[:40]}".strip())
        return said.get("durations")

    return rows
