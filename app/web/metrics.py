"""What does /metrics say that stands in the database: waiting notices, the brake, and each channel's breaker?"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.orm import Session

from app.operations.alarm import channels_down
from app.operations.brake import held, is_holding
from app.operations.outbox import waiting


class Sending(Collector):
    """How sending goes, for all processes together: each scrape asks the database once."""

    def __init__(self, session: Session, channels: Iterable[str], now: datetime, *, dry_run: bool) -> None:
        self._session, self._channels, self._now, self._dry_run = session, list(channels), now, dry_run

    def collect(self) -> Iterable[Metric]:
        """Yield the figures."""
        count, longest_s = waiting(self._session, self._now)
        yield _one("mamonaku_notices_waiting", "Notices that are due and not handed over yet.", count)
        yield _one("mamonaku_notices_waiting_longest_seconds", "How long the first of them has been due.", longest_s)
        yield _one(
            "mamonaku_brake_holding", "1 while the brake holds and a person is asked.", is_holding(self._session)
        )
        yield _one("mamonaku_brake_held_notices", "Notices that the brake holds back.", held(self._session, self._now))
        yield _one("mamonaku_dry_run", "1 where nothing is ever sent.", self._dry_run)
        down = set(channels_down(self._session))
        breaker = GaugeMetricFamily(
            "mamonaku_channel_closed",
            "1 while the breaker of a channel is open: its provider fails, and nothing is handed to it.",
            labels=["channel"],
        )
        for name in sorted({*self._channels, *down}):
            breaker.add_metric([name], float(name in down))
        yield breaker


def _one(name: str, says: str, value: float) -> Metric:
    return GaugeMetricFamily(name, says, value=float(value))
