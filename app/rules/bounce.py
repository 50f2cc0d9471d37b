"""Which of our mails came back, and does the address lead nowhere for good?

Most mail servers say so in a form of its own (RFC 3464); the carriers of Japan and older servers say it in words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message

from app.rules.mail import header, our_ids, parts, text_of

#: So many recipients of one report are read; we write to one at a time.
_MOST_RECIPIENTS = 10
_STATUS = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
_CODE = re.compile(r"(?<![\d.])(5[0-5]\d|4[0-5]\d)(?![\d.])")
#: Who writes when a mail comes back, and what about.
_SENDERS = re.compile(r"mailer-daemon|postmaster|mail-?delivery|mail ?system|maildaemon", re.IGNORECASE)
_SUBJECTS = re.compile(
    r"undeliver|returned mail|return(?:ed)? to sender|delivery (?:status|failure|has failed|problem)"
    r"|failure notice|mail system error|could not be delivered"
    r"|配信(?:不能|できません|エラー|失敗)|送信エラー|宛先不明|不達",
    re.IGNORECASE,
)
_NOBODY = re.compile(
    r"user[- ]unknown|unknown[- ]user|no such (?:user|recipient|mailbox|address)"
    r"|(?:user|recipient|address|mailbox|account)(?: \S+)?(?: was| is| could)? not (?:found|exist|known|be found)"
    r"|does(?: not|n't) exist|invalid recipient|no mailbox (?:here|by that name)|mailbox unavailable|host unknown"
    r"|domain not found|bad destination|address rejected: user"
    r"|宛先.{0,20}(?:存在し|見つかり)|該当.{0,10}ありません|アドレスが(?:不明|存在し)",
    re.IGNORECASE,
)
_FULL = re.compile(r"(?:mailbox|quota|storage).{0,30}(?:full|exceed|over)|over ?quota|容量", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Bounce:
    """One recipient to whom a mail of ours was not given: our id of the mail (None: not named), and why.

    `outcome` is undelivered, or delayed while the mail server still tries. `nowhere`: the address leads to nobody.
    """

    message_id: str | None
    recipient: str
    outcome: str
    status: str
    nowhere: bool


def read_bounces(raw: bytes) -> list[Bounce]:
    """Return what a mail reports to have come back; nothing when it is no such report."""
    mail = message_from_bytes(raw)
    reported = [part for part in parts(mail) if part.get_content_type() == "message/delivery-status"]
    ids = our_ids(_whole(mail))
    if reported:
        return [
            _from_fields(fields, ids) for fields in _recipients(reported) if _action(fields) not in ("", "delivered")
        ]
    if _SENDERS.search(header(mail, "from")) or _SUBJECTS.search(header(mail, "subject")):
        return _from_words(mail, ids)
    return []


def _recipients(reported: Sequence[Message]) -> list[Message]:
    """Return the fields about each recipient; the first block of a report is about the whole mail."""
    blocks: list[Message] = []
    for part in reported:
        inner = part.get_payload()
        if isinstance(inner, list):
            blocks += [block for block in inner if isinstance(block, Message) and block.get("action") is not None]
        else:  # a report that was encoded is not taken apart by the library
            fields = [message_from_bytes(block.encode()) for block in re.split(r"\r?\n\r?\n", text_of(part))]
            blocks += [block for block in fields if block.get("action") is not None]
    return blocks[:_MOST_RECIPIENTS]


def _action(fields: Message) -> str:
    action = header(fields, "action").strip().lower()
    return {"failed": "undelivered", "delayed": "delayed"}.get(action, "delivered" if action else "")


def _from_fields(fields: Message, ids: Sequence[str]) -> Bounce:
    who = (header(fields, "original-recipient") or header(fields, "final-recipient")).partition(";")[2]
    found = _STATUS.search(header(fields, "status"))
    said = header(fields, "diagnostic-code")
    return _bounce(ids, who, _action(fields), found[0] if found else "", said)


def _from_words(mail: Message, ids: Sequence[str]) -> list[Bounce]:
    said = "\n".join(text_of(part) for part in parts(mail) if part.get_content_type() == "text/plain")[:20_000]
    found, code = _STATUS.search(said), _CODE.search(said)
    if not (found or code or _NOBODY.search(said) or _FULL.search(said)):
        return []
    status = found[0] if found else code[0] if code else ""
    listed = header(mail, "x-failed-recipients") or next(iter(re.findall(r"<([^<>\s@]+@[^<>\s@]+)>", said)), "")
    delayed = status.startswith("4") and not _NOBODY.search(said)
    return [_bounce(ids, listed.split(",")[0], "delayed" if delayed else "undelivered", status, said)]


def _bounce(ids: Sequence[str], who: str, outcome: str, status: str, said: str) -> Bounce:
    nobody = status.startswith(("5.1.", "5.2.1")) or bool(_NOBODY.search(said))
    # A full mailbox is emptied, a mail taken for spam is a matter of this mail: neither says that nobody lives there.
    spared = status.startswith(("4.", "5.2.2", "5.7.", "5.3.")) or bool(_FULL.search(said))
    recipient = who.strip().strip("<>").lower()[:254]
    nowhere = outcome == "undelivered" and nobody and not spared
    return Bounce(ids[0] if ids else None, recipient, outcome, status, nowhere)


def _whole(mail: Message) -> str:
    """Return all that may name our mail: the headers and texts of every part, and of the mail that came back."""
    found: list[str] = []
    for part in parts(mail):
        inner = part.get_payload()
        if part.get_content_type() == "message/rfc822" and isinstance(inner, list):
            found += [header(one, "message-id") for one in inner if isinstance(one, Message)]
        elif not part.is_multipart():
            found.append(text_of(part)[:100_000])
    return "\n".join([*found, header(mail, "in-reply-to"), header(mail, "references")])
