"""Which parts of the outside world can be reached? The registry; one file is one kind_vendor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from app.providers import console, email_smtp, line_messaging, push_web, sms_twilio, voice_twilio
from app.providers.dry_run import DryRun

if TYPE_CHECKING:
    from app.config import Settings
    from app.providers.base import Channel

#: Every channel, in the order of rules.reach.CHANNELS: what is read within minutes comes first.
CHANNELS = (
    line_messaging.from_settings,
    sms_twilio.from_settings,
    push_web.from_settings,
    voice_twilio.from_settings,
    email_smtp.from_settings,
)


def build_channels(settings: Settings) -> Mapping[str, Channel]:
    """Return the channels that the settings name, in their order; the console when they name none.

    In a dry run each is replaced by one that sends nothing.
    """
    named: list[Channel | None] = [from_settings(settings) for from_settings in CHANNELS]
    found = [channel for channel in named if channel is not None] or [console.from_settings(settings)]
    return {channel.name: DryRun(channel) if settings.dry_run else channel for channel in found}
