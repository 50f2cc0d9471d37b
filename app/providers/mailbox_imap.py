"""What lies in the company's mailbox? Unread mails by IMAP, marked as read only once they are kept."""

from __future__ import annotations

import imaplib
import re
import ssl
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import unquote, urlsplit

from app.providers.deadline import within

if TYPE_CHECKING:
    from app.config import Settings

R = TypeVar("R")

#: Wait for the next bytes, and for everything that is asked at one time, seconds.
_TIMEOUT_S = 10.0
_DEADLINE_S = 40.0
#: So many mails are taken at a time, and so much of each: what follows is a file that somebody attached.
_AT_ONCE = 20
_MOST_BYTES = 262_144
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class MailboxSilent(Exception):
    """The mailbox could not be read now; what it says tells why, without names or passwords."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One unread mail: where it lies (the mailbox's generation and its number there), and its bytes."""

    generation: str
    uid: str
    raw: bytes


class Mailbox(Protocol):
    """Anything that mails can be taken from."""

    def unread(self) -> Sequence[Letter]:
        """Return some unread mails, the oldest first, and leave them unread. Raises MailboxSilent."""
        ...

    def mark_read(self, letters: Sequence[Letter]) -> None:
        """Mark mails as read, now that they are kept. Raises MailboxSilent."""
        ...


class ImapMailbox:
    """A folder of an IMAP server: `imaps://user:pass@host/INBOX`, or `imap://` with STARTTLS."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._tls = parts.scheme == "imaps"
        self._host = parts.hostname or ""
        self._port = parts.port or (993 if self._tls else 143)
        self._user, self._password = unquote(parts.username or ""), unquote(parts.password or "")
        self._folder = unquote(parts.path.strip("/")) or "INBOX"

    def unread(self) -> Sequence[Letter]:
        """Return unread mails without marking them: whoever dies in between finds them again."""

        def look(server: imaplib.IMAP4) -> list[Letter]:
            generation = self._select(server, readonly=True)
            found = _done(server.uid("SEARCH", "UNSEEN"))
            uids = found[0].decode("ascii", "replace").split() if found and isinstance(found[0], bytes) else []
            letters = []
            for uid in uids[:_AT_ONCE]:
                data = _done(server.uid("FETCH", uid, f"(BODY.PEEK[]<0.{_MOST_BYTES}>)"))
                raw = next((part[1] for part in data if isinstance(part, tuple)), None)
                if raw is not None:  # else somebody has deleted it meanwhile
                    letters.append(Letter(generation, uid, raw))
            return letters

        return self._ask(look)

    def mark_read(self, letters: Sequence[Letter]) -> None:
        """Mark mails as read, unless the folder was made anew: their numbers would be others'."""

        def mark(server: imaplib.IMAP4) -> None:
            generation = self._select(server, readonly=False)
            uids = [letter.uid for letter in letters if letter.generation == generation]
            if uids:
                _done(server.uid("STORE", ",".join(uids), "+FLAGS.SILENT", r"(\Seen)"))

        if letters:
            self._ask(mark)

    def _ask(self, work: Callable[[imaplib.IMAP4], R]) -> R:
        def call() -> R:
            server = self._open()
            try:
                server.login(self._user, self._password)
                return work(server)
            finally:
                _leave(server)

        try:
            return within(_DEADLINE_S, call)
        except TimeoutError as error:
            raise MailboxSilent("no answer in time") from error
        except imaplib.IMAP4.error as error:  # its words may hold the user's name
            raise MailboxSilent("the mailbox refused") from error
        except (OSError, ValueError) as error:
            raise MailboxSilent(type(error).__name__) from error

    def _open(self) -> imaplib.IMAP4:
        context = ssl.create_default_context()
        if self._tls:
            return imaplib.IMAP4_SSL(self._host, self._port, ssl_context=context, timeout=_TIMEOUT_S)
        server = imaplib.IMAP4(self._host, self._port, timeout=_TIMEOUT_S)
        if "STARTTLS" in server.capabilities:
            server.starttls(context)
        elif self._host not in _LOOPBACK:
            _leave(server)
            raise MailboxSilent("the mailbox offers no encryption, so the password was not sent")
        return server

    def _select(self, server: imaplib.IMAP4, *, readonly: bool) -> str:
        _done(server.select(_quoted(self._folder), readonly=readonly))
        _, numbers = server.response("UIDVALIDITY")
        number = numbers[0] if numbers else None
        return number.decode("ascii", "replace") if isinstance(number, bytes) else ""


def _done(answer: tuple[str, list[Any]]) -> list[Any]:
    status, data = answer
    if status != "OK":
        raise imaplib.IMAP4.error("refused")
    return data


def _quoted(folder: str) -> str:
    """Return a folder's name as IMAP writes it: in quotes, letters beyond ASCII in its own kind of UTF-7."""
    coded = re.sub(
        "[^\x20-\x7e]+|&",
        lambda found: "&-" if found[0] == "&" else f"&{_base64(found[0])}-",
        folder,
    )
    escaped = coded.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _base64(text: str) -> str:
    return b64encode(text.encode("utf-16-be")).decode().rstrip("=").replace("/", ",")


def _leave(server: imaplib.IMAP4) -> None:
    try:
        server.logout()
    except (imaplib.IMAP4.error, OSError):
        server.shutdown()


def from_settings(settings: Settings) -> ImapMailbox | None:
    """Return the mailbox when one is set."""
    return ImapMailbox(settings.mailbox_url) if settings.mailbox_url else None
