"""What does an e-mail say: who wrote, what, in answer to which of our mails, and was it a person?

Mails are as broken as the programs that write them: nothing here raises, whatever the bytes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from email import message_from_bytes
from email.header import decode_header
from email.message import Message
from email.utils import parseaddr
from html import unescape
from typing import Any

#: The id that our e-mail channel gives a mail: <mamonaku.(our reference of the attempt)@(the sender's domain)>.
_OURS = re.compile(r"<mamonaku\.((?:letter-)?[0-9]{1,9}-[0-9a-f]{1,16})@[^<>@\s]{1,255}>")
#: So many parts of a mail are looked at; a mail that nests deeper is no letter.
_MOST_PARTS = 60
_LONGEST_SUBJECT = 200
_MOST_FILES = 5
#: Programs name a charset and write another; these stand for what is really meant.
_REALLY = {
    "shift_jis": "cp932", "shift-jis": "cp932", "sjis": "cp932", "x-sjis": "cp932", "windows-31j": "cp932",
    "ms_kanji": "cp932", "euc-jp": "euc_jis_2004", "x-euc-jp": "euc_jis_2004", "eucjp": "euc_jis_2004",
    "gb2312": "gb18030", "us-ascii": "utf-8", "ascii": "utf-8", "latin1": "cp1252", "iso-8859-1": "cp1252",
}  # fmt: skip
_JIS = re.compile(rb"\x1b(\$[@BA]|\([BJIH]|\$\([A-Z])")
_WORDS_OF_MACHINES = re.compile(r"bulk|junk|list|auto[-_ ]?reply", re.IGNORECASE)
_REPLY = re.compile(r"\s*(?:re|aw|sv|antw|返信|回答)\s*(?:\[\d+\])?\s*[::]\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Mail:
    """One e-mail. `automatic`: a machine wrote it. `answers`: our reference and the id of the mail of ours it names.

    `key` is the mail's own id, or what stands for one that has none. `ours`: we sent it ourselves.
    """

    key: str
    sender: str
    subject: str
    words: str
    automatic: bool
    ours: bool
    answers: str | None


def read_mail(raw: bytes) -> Mail:
    """Return what a mail says, as far as it can be read."""
    mail = message_from_bytes(raw)
    own_id = header(mail, "message-id").strip()
    named = _OURS.search(f"{header(mail, 'in-reply-to')} {' '.join(reversed(header(mail, 'references').split()))}")
    return Mail(
        key=own_id[:250] or f"sha256:{hashlib.sha256(raw).hexdigest()}",
        sender=parseaddr(header(mail, "from"))[1].strip().lower()[:254],
        subject=" ".join(header(mail, "subject").split())[:_LONGEST_SUBJECT],
        words=_words(mail),
        automatic=_is_automatic(mail),
        ours=_OURS.fullmatch(own_id) is not None,
        answers=named[0] if named else None,
    )


def said(mail: Mail) -> str:
    """Return a mail as one text: its subject first, unless that only repeats ours."""
    plain = _REPLY.sub("", mail.subject)
    if not plain or mail.answers or plain != mail.subject:
        return mail.words or plain
    return f"{mail.subject}\n\n{mail.words}".strip()


def our_reference(message_id: str) -> str | None:
    """Return our reference of the attempt that sent a mail, from the id we gave it.

    >>> our_reference("<mamonaku.12-19ab3@example.jp>")
    '12-19ab3'
    """
    found = _OURS.fullmatch(message_id)
    return found[1] if found else None


def our_ids(text: str) -> list[str]:
    """Return the ids of mails of ours that a text names, in its order."""
    return [found[0] for found in _OURS.finditer(text)]


def header(mail: Message, name: str) -> str:
    """Return a header as text, whatever it was encoded in; empty when there is none."""
    value = mail.get(name)
    if value is None:
        return ""
    return _pieces(value)


def _pieces(value: Any) -> str:
    """Return what a header's encoded words say; bytes that should not be there are read as text too."""
    try:
        found = decode_header(value)
    except Exception:  # broken in a way that the library does not foresee
        found = [(str(value), None)]
    return "".join(
        decoded(text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text, charset)
        for text, charset in found
    ).replace("\x00", "")


def decoded(data: bytes, charset: str | None) -> str:
    """Return bytes as text: in the charset that is named if that holds, else in the likeliest that does."""
    named = (charset or "").strip().strip("\"'").lower().replace("unknown-8bit", "")
    if _JIS.search(data) and (not named or named.startswith("iso-2022") or named in ("utf-8", "us-ascii")):
        return _from_jis(data)
    for name in (_REALLY.get(named, named), "utf-8", "cp932"):
        try:
            return data.decode(name or "utf-8")
        except (LookupError, UnicodeError, ValueError):
            continue
    return data.decode("utf-8", "replace")


def _from_jis(data: bytes) -> str:
    """Return ISO-2022-JP as text, with the circled digits, company signs and half-width katakana that it may not have.

    Python's own codecs stop at these, and most mail programs of Japan write them.
    """
    text, at, mode = [], 0, b"(B"
    for escape in [*_JIS.finditer(data), None]:
        run = data[at : escape.start() if escape else len(data)]
        if mode in (b"$B", b"$@"):
            high = bytes(byte | 0x80 for byte in run if byte > 0x20)
            text.append(high.decode("euc_jis_2004", "replace") + ("\n" if b"\n" in run else ""))
        elif mode == b"(I":
            text.append(b"".join(b"\x8e" + bytes([byte | 0x80]) for byte in run).decode("euc_jp", "replace"))
        elif mode in (b"(B", b"(J", b"(H"):
            text.append(run.decode("cp932", "replace"))
        else:
            text.append("�" * (len(run) // 2))
        if escape:
            at, mode = escape.end(), escape[1]
    return "".join(text)


def parts(mail: Message) -> Iterator[Message]:
    """Return the mail and its parts, as many as any letter has; not those of a mail within it."""
    waiting, seen = [mail], 0
    while waiting and seen < _MOST_PARTS:
        part = waiting.pop(0)
        seen += 1
        yield part
        inner = part.get_payload()
        if isinstance(inner, list) and part.get_content_type() != "message/rfc822":
            waiting[:0] = [one for one in inner if isinstance(one, Message)]


def text_of(part: Message) -> str:
    """Return a part's text."""
    try:
        data = part.get_payload(decode=True)
    except Exception:
        return ""
    return decoded(data, _charset(part)) if isinstance(data, bytes) else ""


def _charset(part: Message) -> str | None:
    try:
        return part.get_content_charset()
    except Exception:
        return None


def _words(mail: Message) -> str:
    """Return the letter itself: its plain text, else what its HTML says; files are only named."""
    plain: list[str] = []
    rich: list[str] = []
    files: list[str] = []
    for part in parts(mail):
        kind = part.get_content_type()
        name = _file_name(part)
        if part.is_multipart():
            continue
        if name or part.get_content_disposition() == "attachment":
            files.append(name or kind)
        elif kind == "text/plain":
            plain.append(text_of(part))
        elif kind == "text/html":
            rich.append(_without_tags(text_of(part)))
    letter = "\n".join(plain).strip() or "\n".join(rich).strip()
    return "\n".join([letter, *(f"📎 {name[:100]}" for name in files[:_MOST_FILES])]).strip()


def _file_name(part: Message) -> str:
    try:
        name = part.get_filename() or ""
    except Exception:
        return "?"
    return _pieces(name)


def _is_automatic(mail: Message) -> bool:
    """Return whether a machine wrote this: it says so, it goes to many, or nobody is meant to answer it (RFC 3834)."""
    submitted = header(mail, "auto-submitted").strip().lower()
    if submitted and not submitted.startswith("no"):
        return True
    if _WORDS_OF_MACHINES.search(header(mail, "precedence")):
        return True
    if header(mail, "return-path").strip() == "<>":
        return True
    return any(
        mail.get(name) is not None
        # Not X-Auto-Response-Suppress: it asks for no machine's answer; people's mails from Exchange carry it too.
        for name in ("x-autoreply", "x-autorespond", "x-autoresponder", "list-id")
    )


#: A tag's name; what else begins with "<" is a remark, or no tag at all.
_TAG = re.compile(r"</?([a-z][a-z0-9]*)", re.IGNORECASE)
_BREAKS = frozenset({"br", "p", "div", "tr", "li", "blockquote", "hr", "h1", "h2", "h3"})
#: What is not shown, and where it is over: a head that was never closed ends with the body.
_HIDDEN = {
    "head": re.compile(r"</head|<body", re.IGNORECASE),
    **{name: re.compile(f"</{name}", re.IGNORECASE) for name in ("style", "script", "title")},
}


def _without_tags(html: str) -> str:
    """Return what a reader of an HTML mail sees.

    The library's parser takes minutes over a mail that was made for that; this looks at every letter once.
    """
    text, at, hidden = list[str](), 0, dict(_HIDDEN)
    while (begins := html.find("<", at)) >= 0:
        text.append(html[at:begins])
        tag = _TAG.match(html, begins)
        if tag is None and html[begins + 1 : begins + 2] not in ("!", "?", "/"):
            text.append("<")  # as in "a < b"
            at = begins + 1
            continue
        remark = html.startswith("<!--", begins)
        ends = html.find("-->", begins + 4) if remark else html.find(">", begins)
        at = ends + (3 if remark else 1) if ends >= 0 else len(html)
        name = tag[1].lower() if tag and html[begins + 1] != "/" else ""
        if name in hidden:
            shown = hidden[name].search(html, at)
            at = shown.start() if shown else at if name == "head" else len(html)
            if name == "head":
                del hidden[name]  # there is one
        elif name in _BREAKS:
            text.append("\n")
    whole = "".join([*text, html[at:]])
    with suppress(ValueError):  # a sign with a number of thousands of digits
        whole = unescape(whole)
    lines = whole.replace("\xa0", " ").split("\n")
    return re.sub(r"\n{3,}", "\n\n", "\n".join(line.strip() for line in lines)).strip()
