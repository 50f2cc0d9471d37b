"""Which router do the settings name?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.providers import route_osrm, route_valhalla
from app.providers.route_table import TableRouter

if TYPE_CHECKING:
    from app.config import Settings
    from app.rules.roads import AskRoads


def from_settings(settings: Settings) -> AskRoads | None:
    """Return how to ask the router that the settings name; None when they name none."""
    if not settings.routing_url:
        return None
    if settings.routing_kind == "valhalla":
        return TableRouter(route_valhalla.tables(settings.routing_url)).roads
    return TableRouter(route_osrm.tables(settings.routing_url, settings.routing_bicycle_url)).roads
