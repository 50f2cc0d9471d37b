"""Which settings are there? Name, type, default and one sentence each; the README table is generated from here."""

from __future__ import annotations

import os
import re
import secrets
import tempfile
from collections.abc import Callable
from contextlib import suppress
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.utils import parseaddr
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class SettingsError(Exception):
    """A setting from the environment is wrong; the message names the variable."""


class Settings(BaseSettings):
    """Everything that can be set from outside, read from `MAMONAKU_*` environment variables."""

    model_config = SettingsConfigDict(env_prefix="MAMONAKU_", env_ignore_empty=True, extra="ignore", frozen=True)

    instance: Path = Field(Path("instance"), description="Folder of the embedded database and the secret key.")
    database_url: str = Field(
        "", description="Where data lives: `sqlite:///…` (default: in the instance folder) or `postgresql://…`."
    )
    secret_key: str = Field("", description="Signs cookies; made on first start and kept in the instance folder.")
    base_url: str = Field(
        "http://127.0.0.1:8000", description="Public address, used in links and to check callback signatures."
    )
    timezone: str = Field("Asia/Tokyo", description="Zone in which the company's days and hours are counted.")
    locale: str = Field("ja", description="Language when nothing says otherwise: `ja` or `en`.")
    country: str = Field("JP", description="Country whose phone numbers are meant when no country code is given.")
    smtp_url: str = Field(
        "", description="Mail server, `smtp://user:pass@host:port` or `smtps://…`; none: no e-mail leaves."
    )
    mail_from: str = Field(
        "", validate_default=True, description="Sender address of e-mails; needed with the mail server."
    )
    mail_reply_to: str = Field("", description="Address that answers to e-mails go to; none: the sender's.")
    mailbox_url: str = Field(
        "",
        description="Mailbox that answers and returned mails come to, `imaps://user:pass@host/INBOX`; none: not read.",
    )
    words_kept_days: int = Field(
        365, ge=1, le=3650, description="Days after which the words of customers' messages are deleted."
    )
    twilio_account_sid: str = Field(
        "",
        description="Twilio account for SMS and calls; with no way to send at all, notices go to the console.",
    )
    twilio_auth_token: str = Field(
        "", validate_default=True, description="Secret of the Twilio account; also checks its callbacks."
    )
    twilio_from: str = Field(
        "", validate_default=True, description="Number or sender name that SMS come from; only a number can also call."
    )
    twilio_base_url: str = Field("https://api.twilio.com", description="Address of Twilio's API, or of a stand-in.")
    line_channel_token: str = Field("", description="Channel access token of the company's LINE official account.")
    line_channel_secret: str = Field(
        "", validate_default=True, description="Secret of that channel; checks what LINE calls back."
    )
    line_account: str = Field(
        "", description="The account's LINE ID, e.g. `@aoba-pc`, shown to customers who want notices there."
    )
    line_base_url: str = Field("https://api.line.me", description="Address of LINE's API, or of a stand-in.")
    sms_segment_yen: float = Field(
        12.0, ge=0, le=1000, description="Price of one SMS segment in yen, to show what a wording costs."
    )
    push_contact: str = Field(
        "", description="E-mail address that browsers' push services may write to; none: no notifications on devices."
    )
    push_key: str = Field(
        "",
        description="Private key that signs those notifications; made on first start and kept in the instance folder.",
    )
    push_services: str = Field(
        "fcm.googleapis.com *.push.services.mozilla.com *.push.apple.com *.notify.windows.com",
        description="Hosts of push services that may be written to; `*.` for any name below.",
    )
    routing_url: str = Field(
        "", description="Router that knows how long ways take; none, or while it is silent: straight line × detour."
    )
    routing_kind: str = Field("osrm", description="What kind of server that is: `osrm` or `valhalla`.")
    routing_bicycle_url: str = Field(
        "",
        description="OSRM server for bicycles, since each knows one way to travel; none: they go by the straight line. "
        "Valhalla knows both.",
    )
    internal_hosts: str = Field(
        "",
        description="Hosts inside your own network that webhooks may be sent to and calendars read from, also without "
        "`https`; all other names must lead to addresses in the internet.",
    )
    geocoder_url: str = Field(
        "https://nominatim.openstreetmap.org", description="Nominatim server that turns addresses into positions."
    )
    map_tiles_url: str = Field(
        "", description="Map tiles, e.g. `https://tile.example/{z}/{x}/{y}.png`; none: maps show positions on a grid."
    )
    dry_run: bool = Field(
        False,
        description="Send nothing at all: notices are decided, worded and recorded, and every page says so. No mailbox "
        "is read either, since a mail that was read would be missed by whoever answers it.",
    )
    fixes_kept_days: int = Field(7, ge=1, le=3650, description="Days after which raw positions are deleted.")
    # The first month's end must still be there when somebody asks what last month would have looked like.
    replay_kept_days: int = Field(
        35,
        ge=0,
        le=3650,
        description="Days for which past days can be played again: of older positions, one in 30 seconds stays until "
        "then, and only from two hours before a promise until the work is done; 0: none stays.",
    )
    trusted_proxies: int = Field(
        0, ge=0, le=5, description="Reverse proxies in front whose X-Forwarded headers are believed."
    )

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError(f"{value!r} is not a time zone; an example is Asia/Tokyo")
        return value

    @field_validator("internal_hosts")
    @classmethod
    def _host_names(cls, value: str) -> str:
        wrong = [host for host in value.split() if not re.fullmatch(r"[A-Za-z0-9_.:-]+", host)]
        if wrong:
            raise ValueError(f"{wrong[0]!r} is not a host; an example is erp.example.internal 10.0.0.5")
        return value.lower()

    @field_validator("locale")
    @classmethod
    def _known_locale(cls, value: str) -> str:
        if value not in ("ja", "en"):
            raise ValueError(f"{value!r} is not a language here; ja and en are")
        return value

    @field_validator("country")
    @classmethod
    def _country_code(cls, value: str) -> str:
        if len(value) != 2 or not value.isalpha():
            raise ValueError(f"{value!r} is not a two-letter country code; an example is JP")
        return value.upper()

    @field_validator("base_url", "twilio_base_url", "line_base_url", "geocoder_url")
    @classmethod
    def _web_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{value!r} is not a web address; an example is https://example.jp")
        return value.rstrip("/")

    @field_validator("routing_url", "routing_bicycle_url")
    @classmethod
    def _web_address_or_none(cls, value: str) -> str:
        return cls._web_address(value) if value else ""

    @field_validator("routing_kind")
    @classmethod
    def _known_router(cls, value: str) -> str:
        if value not in ("osrm", "valhalla"):
            raise ValueError(f"{value!r} is not a kind of router known here; osrm and valhalla are")
        return value

    @field_validator("smtp_url")
    @classmethod
    def _mail_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.scheme not in ("smtp", "smtps") or not parts.hostname):
            raise ValueError("not a mail server address; an example is smtp://user:pass@mail.example.jp:587")
        return value

    @field_validator("mailbox_url")
    @classmethod
    def _mailbox(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.scheme not in ("imap", "imaps") or not parts.hostname or not parts.username):
            raise ValueError("not a mailbox; an example is imaps://user:pass@mail.example.jp/INBOX")
        return value

    @field_validator("line_channel_secret")
    @classmethod
    def _whole_channel(cls, value: str, info: ValidationInfo) -> str:
        token = info.data.get("line_channel_token")
        if token and not value:
            raise ValueError("missing; MAMONAKU_LINE_CHANNEL_TOKEN needs it")
        if value and token == "":
            raise ValueError("given without MAMONAKU_LINE_CHANNEL_TOKEN")
        return value

    @field_validator("line_account")
    @classmethod
    def _line_id(cls, value: str) -> str:
        if value and not re.fullmatch(r"@[A-Za-z0-9._-]{1,40}", value):
            raise ValueError("not a LINE ID of an official account; an example is @aoba-pc")
        return value

    @field_validator("mail_from", "mail_reply_to", "push_contact")
    @classmethod
    def _sender_of_mail(cls, value: str, info: ValidationInfo) -> str:
        if not value and info.field_name == "mail_from" and info.data.get("smtp_url"):
            raise ValueError("missing; MAMONAKU_SMTP_URL needs it")
        if value:
            name, address = parseaddr(value)
            try:
                Address(name, addr_spec=address)
            except (ValueError, IndexError, HeaderParseError):
                address = ""
            if not address.isascii() or not all(address.partition("@")):
                raise ValueError("not an e-mail address; an example is Aoba PC <notice@example.jp>")
        return value

    @field_validator("twilio_auth_token", "twilio_from")
    @classmethod
    def _whole_account(cls, value: str, info: ValidationInfo) -> str:
        account = info.data.get("twilio_account_sid")
        if account and not value:
            raise ValueError("missing; MAMONAKU_TWILIO_ACCOUNT_SID needs it")
        if value and account == "":
            raise ValueError("given without MAMONAKU_TWILIO_ACCOUNT_SID")
        return value

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str) -> str:
        try:
            bad = bool(value) and (not value.startswith(("sqlite:///", "postgresql://")) or urlsplit(value).port == 0)
        except ValueError:  # a port that is no number
            bad = True
        if bad:
            raise ValueError("not a database address; sqlite:///file or postgresql://user@host/name")
        return value

    @property
    def zone(self) -> ZoneInfo:
        """The company's time zone."""
        return ZoneInfo(self.timezone)

    @property
    def playable_days(self) -> int:
        """For how many days there are positions enough to play a past day again."""
        return max(self.fixes_kept_days, self.replay_kept_days)

    @property
    def database(self) -> str:
        """The database address in force."""
        return self.database_url or f"sqlite:///{(self.instance / 'mamonaku.sqlite').absolute()}"

    def signing_key(self) -> str:
        """Return the secret key."""
        return self.secret_key or self.kept("secret_key", lambda: secrets.token_urlsafe(48))

    def kept(self, name: str, make: Callable[[], str]) -> str:
        """Return a secret from the instance folder; the first call on a new installation makes it."""
        self.instance.mkdir(parents=True, exist_ok=True)
        file = self.instance / name
        if not file.exists():
            # Written whole under another name first: of two processes that start together, none reads half a key.
            handle, draft = tempfile.mkstemp(dir=self.instance)  # for the owner alone
            with os.fdopen(handle, "w") as new:
                new.write(make())
            with suppress(FileExistsError):
                os.link(draft, file)
            os.unlink(draft)
        return file.read_text().strip()


def read_settings() -> Settings:
    """Read the settings from the environment.

    Raises SettingsError naming every variable that is wrong; secrets are never repeated in the message.
    """
    try:
        return Settings()
    except ValidationError as error:
        wrong = [
            f"MAMONAKU_{'_'.join(str(p) for p in e['loc']).upper()}: {e['msg'].removeprefix('Value error, ')}"
            for e in error.errors(include_input=False)
        ]
        raise SettingsError("\n".join(wrong)) from None


def settings_table() -> str:
    """Return the table of all settings for the README, in Markdown."""
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for name, info in Settings.model_fields.items():
        default = f"`{info.default}`" if info.default not in ("", None) else "–"
        rows.append(f"| `MAMONAKU_{name.upper()}` | {default} | {info.description} |")
    return "\n".join(rows)
