"""What is joined together? The few long-lived objects that every edge needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from app.clock import Clock
from app.config import Settings
from app.db import Database
from app.providers.base import Channel
from app.providers.calendar_ical import Calendars
from app.providers.geocode_nominatim import Geocoder
from app.providers.guarded import Guarded
from app.providers.mailbox_imap import Mailbox
from app.rules.roads import AskRoads


@dataclass(slots=True)
class Parts:
    """One running Mamonaku: settings, database, clock, and the ways out to the world."""

    settings: Settings
    db: Database
    clock: Clock
    channels: Mapping[str, Channel]
    geocoder: Geocoder
    #: Where customers' mails come in; None where no mailbox is set.
    mailbox: Mailbox | None = None
    #: Who knows how long ways take; None: the straight line does.
    router: AskRoads | None = None
    #: The way to addresses that people typed in.
    outside: Guarded = field(default_factory=Guarded)
    #: The way to technicians' own calendars.
    calendars: Calendars = field(default_factory=lambda: Calendars(Guarded()))
    #: How many rows of how many are done of a list that is worked through in this process, by its number.
    progress: dict[int, tuple[int, int]] = field(default_factory=dict)
    #: Called after every commit that may have made work for the jobs; they set it when they run in this process.
    wake: Callable[[], None] = field(default=lambda: None)
