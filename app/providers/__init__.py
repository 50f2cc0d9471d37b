"""Which parts of the outside world can be reached? The registry; one file is one kind_vendor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.config import Settings
    from app.providers.base import Channel


def build_channels(settings: Settings) -> Mapping[str, Channel]:
    """Return the channels that the settings name, in the order in which they are tried."""
    return {}
