"""How does an e-mail leave? Through the company's mail server by SMTP, step by step, because only a connection that
breaks after the text was handed over leaves its fate unknown.
"""

from __future__ import annotations

import re
import smtplib
import ssl
from datetime import datetime, timedelta
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formatdate, parseaddr
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from app.notices import html_of
from app.providers.base import Barred, OutcomeUnknown, Recipient, Refused, TryLater
from app.providers.deadline import within
from app.rules.messages import Message

if TYPE_CHECKING:
    from app.config import Settings

#: Wait for the next byte, and for the whole delivery, seconds.
_TIMEOUT_S = 10.0
_DEADLINE_S = 25.0
#: The user or password is wrong, or a way to sign in that it does not offer.
_NOT_LET_IN = frozenset({530, 534, 535, 538})
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
#: Old mail servers mangle eight-bit text; everything is encoded.
_POLICY = SMTP.clone(cte_type="7bit")
#: No such mailbox, no such domain, moved away.
_NOBODY_THERE = re.compile(rb"\s*5\.1\.(1|2|6|10)\b")


class SmtpEmail:
    """A mail server: `smtp://` with STARTTLS when it offers that, `smtps://` with TLS from the first byte."""

    name = "email"
    repeats_safely = False

    def __init__(self, url: str, sender: str, *, reply_to: str = "", base_url: str = "") -> None:
        parts = urlsplit(url)
        self._tls = parts.scheme == "smtps"
        self._host = parts.hostname or ""
        self._port = parts.port or (465 if self._tls else 25)
        self._user, self._password = unquote(parts.username or ""), unquote(parts.password or "")
        name, self._sender = parseaddr(sender)
        self._from = Address(name, addr_spec=self._sender)
        self._domain = self._sender.rpartition("@")[2]
        reply_name, reply_address = parseaddr(reply_to)
        self._reply_to = Address(reply_name, addr_spec=reply_address) if reply_to else None
        self._base_url = base_url

    def reaches(self, recipient: Recipient) -> bool:
        """Return whether there is an e-mail address."""
        return bool(recipient.email)

    def send(self, message: Message, recipient: Recipient, *, reference: str, valid_s: int) -> str:
        """Hand subject and body over, as text and as HTML; the id is the Message-ID.

        Our reference is in it and comes back with every answer and bounce; servers that know delivery reports (RFC
        3461) get it as the envelope's id too. `Expires` says from when on the mail is of no use, and a server that
        knows "deliver by" (RFC 2852) returns it by then.
        """
        assert recipient.email is not None
        message_id = f"<mamonaku.{reference}@{self._domain}>"
        try:
            mail = self._mail(message, recipient, message_id, valid_s)
        except (ValueError, IndexError, HeaderParseError) as error:
            raise Refused("not an e-mail address") from error
        try:
            within(_DEADLINE_S, lambda: self._hand_over(mail, recipient.email or "", reference, valid_s))
        except TimeoutError as error:
            raise OutcomeUnknown("no answer in time") from error
        return message_id

    def look_up(self, message: Message, recipient: Recipient, *, reference: str, began_at: datetime) -> str | None:
        """Raise OutcomeUnknown: a mail server does not tell what it took."""
        raise OutcomeUnknown("a mail server cannot be asked")

    def _mail(self, message: Message, recipient: Recipient, message_id: str, valid_s: int) -> EmailMessage:
        mail = EmailMessage(policy=_POLICY)
        mail["From"] = self._from
        mail["To"] = Address(addr_spec=recipient.email or "")
        if self._reply_to is not None:
            mail["Reply-To"] = self._reply_to
        mail["Subject"] = message.subject
        mail["Date"] = formatdate(usegmt=True)
        mail["Expires"] = format_datetime(mail["Date"].datetime + timedelta(seconds=valid_s))
        mail["Message-ID"] = message_id
        mail["Auto-Submitted"] = "auto-generated"
        if recipient.unsubscribe_path and self._base_url:
            mail["List-Unsubscribe"] = f"<{self._base_url}{recipient.unsubscribe_path}>"
            mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"  # RFC 8058
        mail.set_content(message.body + "\n", charset="utf-8")
        mail.add_alternative(html_of(message, recipient.language), subtype="html", charset="utf-8")
        return mail

    def _hand_over(self, mail: EmailMessage, to: str, reference: str, valid_s: int) -> None:
        try:
            server = self._open()
        except smtplib.SMTPResponseException as error:
            raise _by_code(error.smtp_code) from error
        except (smtplib.SMTPException, OSError) as error:
            raise TryLater("no connection to the mail server") from error
        try:
            try:
                self._introduce(server)
                _expect(server.mail(self._sender, _envelope(server, reference, valid_s)))
                _expect(server.rcpt(to, ["NOTIFY=FAILURE,DELAY"] if server.has_extn("dsn") else []))
            except smtplib.SMTPResponseException as error:
                raise _by_code(error.smtp_code) from error
            except smtplib.SMTPNotSupportedError as error:
                raise Refused("the mail server cannot do this") from error
            except (smtplib.SMTPException, OSError) as error:
                raise TryLater("the connection broke before the text") from error
            except UnicodeError as error:
                raise Refused("an address that this mail server cannot write") from error
            try:
                code, said = server.data(mail.as_bytes())
            except smtplib.SMTPDataError as error:
                raise _by_code(error.smtp_code) from error
            except (smtplib.SMTPException, OSError) as error:
                raise OutcomeUnknown("the connection broke after the text") from error
            if not 200 <= code < 600:
                raise OutcomeUnknown("taken, but the answer cannot be read")
            _expect((code, said))
        finally:
            _leave(server)

    def _open(self) -> smtplib.SMTP:
        if self._tls:
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(self._host, self._port, self._domain, timeout=_TIMEOUT_S, context=context)
        return smtplib.SMTP(self._host, self._port, self._domain, timeout=_TIMEOUT_S)

    def _introduce(self, server: smtplib.SMTP) -> None:
        server.ehlo_or_helo_if_needed()
        encrypted = self._tls
        if not encrypted and server.has_extn("starttls"):
            _expect(server.starttls(context=ssl.create_default_context()))
            server.ehlo()
            encrypted = True
        if self._user:
            if not encrypted and self._host not in _LOOPBACK:
                raise Refused("the mail server offers no encryption, so the password was not sent")
            server.login(self._user, self._password)


def _envelope(server: smtplib.SMTP, reference: str, valid_s: int) -> list[str]:
    """Return what the envelope says beside the sender, to a server that understands it."""
    options = [f"ENVID={reference}", "RET=HDRS"] if server.has_extn("dsn") else []
    least_s = server.esmtp_features.get("deliverby", "")
    if server.has_extn("deliverby") and valid_s >= (int(least_s) if least_s.isdigit() else 0):
        options.append(f"BY={valid_s};R")
    return options


def _expect(reply: tuple[int, bytes]) -> None:
    code, said = reply
    if not 200 <= code < 300:
        raise _by_code(code, said)


def _by_code(code: int, said: bytes = b"") -> Refused | TryLater:
    """Return what a mail server's code means; its words are left out, they hold the address.

    An enhanced code (RFC 3463) of the address family, 5.1.x, says that nobody lives there.
    """
    if code < 500:
        return TryLater(f"SMTP {code}")
    if code in _NOT_LET_IN:
        return Barred(f"SMTP {code}")
    return Refused(f"SMTP {code}", ends="bounced" if _NOBODY_THERE.match(said) else None)


def _leave(server: smtplib.SMTP) -> None:
    try:
        server.quit()
    except (smtplib.SMTPException, OSError):
        server.close()


def from_settings(settings: Settings) -> SmtpEmail | None:
    """Return the channel when a mail server is set."""
    if not settings.smtp_url:
        return None
    return SmtpEmail(settings.smtp_url, settings.mail_from, reply_to=settings.mail_reply_to, base_url=settings.base_url)
