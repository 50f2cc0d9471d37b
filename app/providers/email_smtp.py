"""How does an e-mail leave? Through the company's mail server by SMTP, step by step, because only a connection that
breaks after the text was handed over leaves its fate unknown.
"""

from __future__ import annotations

import smtplib
import ssl
from datetime import datetime
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, parseaddr
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from app.providers.base import OutcomeUnknown, Recipient, Refused, TryLater
from app.providers.deadline import within
from app.rules.messages import Message

if TYPE_CHECKING:
    from app.config import Settings

#: Wait for the next byte, and for the whole delivery, seconds.
_TIMEOUT_S = 10.0
_DEADLINE_S = 25.0
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
#: Old mail servers mangle eight-bit text; everything is encoded.
_POLICY = SMTP.clone(cte_type="7bit")


class SmtpEmail:
    """A mail server: `smtp://` with STARTTLS when it offers that, `smtps://` with TLS from the first byte."""

    name = "email"
    repeats_safely = False

    def __init__(self, url: str, sender: str) -> None:
        parts = urlsplit(url)
        self._tls = parts.scheme == "smtps"
        self._host = parts.hostname or ""
        self._port = parts.port or (465 if self._tls else 25)
        self._user, self._password = unquote(parts.username or ""), unquote(parts.password or "")
        name, self._sender = parseaddr(sender)
        self._from = Address(name, addr_spec=self._sender)
        self._domain = self._sender.rpartition("@")[2]

    def reaches(self, recipient: Recipient) -> bool:
        """Return whether there is an e-mail address."""
        return bool(recipient.email)

    def send(self, message: Message, recipient: Recipient, *, reference: str, valid_s: int) -> str:
        """Hand subject and body over; the id is the Message-ID."""
        assert recipient.email is not None
        message_id = f"<mamonaku.{reference}@{self._domain}>"
        try:
            mail = self._mail(message, recipient.email, message_id)
        except (ValueError, IndexError, HeaderParseError) as error:
            raise Refused("not an e-mail address") from error
        try:
            within(_DEADLINE_S, lambda: self._hand_over(mail, recipient.email or ""))
        except TimeoutError as error:
            raise OutcomeUnknown("no answer in time") from error
        return message_id

    def look_up(self, message: Message, recipient: Recipient, *, reference: str, began_at: datetime) -> str | None:
        """Raise OutcomeUnknown: a mail server does not tell what it took."""
        raise OutcomeUnknown("a mail server cannot be asked")

    def _mail(self, message: Message, to: str, message_id: str) -> EmailMessage:
        mail = EmailMessage(policy=_POLICY)
        mail["From"] = self._from
        mail["To"] = Address(addr_spec=to)
        mail["Subject"] = message.subject
        mail["Date"] = formatdate(usegmt=True)
        mail["Message-ID"] = message_id
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(message.body + "\n", charset="utf-8")
        return mail

    def _hand_over(self, mail: EmailMessage, to: str) -> None:
        try:
            server = self._open()
        except smtplib.SMTPResponseException as error:
            raise _by_code(error.smtp_code) from error
        except (smtplib.SMTPException, OSError) as error:
            raise TryLater("no connection to the mail server") from error
        try:
            try:
                self._introduce(server)
                _expect(server.mail(self._sender))
                _expect(server.rcpt(to))
            except smtplib.SMTPResponseException as error:
                raise _by_code(error.smtp_code) from error
            except smtplib.SMTPNotSupportedError as error:
                raise Refused("the mail server cannot do this") from error
            except (smtplib.SMTPException, OSError) as error:
                raise TryLater("the connection broke before the text") from error
            except UnicodeError as error:
                raise Refused("an address that this mail server cannot write") from error
            try:
                _expect(server.data(mail.as_bytes()))
            except smtplib.SMTPDataError as error:
                raise _by_code(error.smtp_code) from error
            except (smtplib.SMTPException, OSError) as error:
                raise OutcomeUnknown("the connection broke after the text") from error
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


def _expect(reply: tuple[int, bytes]) -> None:
    code, _ = reply
    if not 200 <= code < 300:
        raise _by_code(code)


def _by_code(code: int) -> Refused | TryLater:
    """Return what a mail server's code means; its words are left out, they hold the address."""
    return TryLater(f"SMTP {code}") if code < 500 else Refused(f"SMTP {code}")


def _leave(server: smtplib.SMTP) -> None:
    try:
        server.quit()
    except (smtplib.SMTPException, OSError):
        server.close()


def from_settings(settings: Settings) -> SmtpEmail | None:
    """Return the channel when a mail server is set."""
    return SmtpEmail(settings.smtp_url, settings.mail_from) if settings.smtp_url else None
