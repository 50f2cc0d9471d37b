"""Is an e-mail well formed, encrypted where it can be, and is every way to fail told apart?"""

from __future__ import annotations

import smtplib
import ssl
import subprocess
from dataclasses import replace
from email.header import decode_header, make_header
from email.utils import parsedate_to_datetime

import pytest

from app.notices import html_of
from app.providers import email_smtp
from app.providers.base import OutcomeUnknown, Recipient, Refused, TryLater
from app.providers.email_smtp import SmtpEmail
from app.rules.messages import Message
from tests.standins import mail_server

MESSAGE = Message(
    "short",
    "line",
    "【到着遅れのお詫び】11/24(火) 17:00のご訪問について",
    "山田 花子様\n\n.\nお詫び申し上げます。",
    "spoken",
)
HANAKO = Recipient(email="hanako@example.jp")
SENDER = "アオバPC <notice@aoba.example>"


def send(server, recipient=HANAKO, message=MESSAGE, url=None):
    return SmtpEmail(url or server.url, SENDER).send(message, recipient, reference="12-18f", valid_s=600)


def test_a_mail_says_who_to_whom_and_what(mail):
    message_id = send(mail)
    (got,) = mail.mails
    assert message_id == got["Message-ID"] == "<mamonaku.12-18f@aoba.example>"
    assert str(make_header(decode_header(str(got["Subject"])))) == MESSAGE.subject
    assert got["From"].addresses[0].addr_spec == "notice@aoba.example"
    assert got["From"].addresses[0].display_name == "アオバPC"
    assert got["To"].addresses[0].addr_spec == "hanako@example.jp"
    assert got["Auto-Submitted"] == "auto-generated"
    assert got["Date"].datetime.tzinfo is not None
    assert got.get_content_type() == "multipart/alternative"
    text, html = got.iter_parts()
    assert text.get_content().replace("\r\n", "\n").strip() == MESSAGE.body
    assert html.get_content().replace("\r\n", "\n").strip() == html_of(MESSAGE, "ja").strip()
    assert mail.recipients == ["hanako@example.jp"]


def test_old_mail_servers_get_seven_bits(mail):
    send(mail)
    (got,) = mail.mails
    assert {part["Content-Transfer-Encoding"] for part in got.iter_parts()} <= {"base64", "quoted-printable"}


def test_answers_go_where_they_are_read(mail):
    channel = SmtpEmail(mail.url, SENDER, reply_to="受付 <desk@aoba.example>")
    channel.send(MESSAGE, HANAKO, reference="12-18f", valid_s=600)
    send(mail)
    asked, usual = mail.mails
    assert asked["Reply-To"].addresses[0].addr_spec == "desk@aoba.example"
    assert usual["Reply-To"] is None


def test_a_mail_program_may_end_e_mails_where_they_can_be_done_without(mail):
    channel = SmtpEmail(mail.url, SENDER, base_url="https://a.jp")
    for who in (replace(HANAKO, unsubscribe_path="/v/abc/no-mail"), HANAKO):
        channel.send(MESSAGE, who, reference="12-18f", valid_s=600)
    optional, needed = mail.mails
    assert optional["List-Unsubscribe"] == "<https://a.jp/v/abc/no-mail>"
    assert optional["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert needed["List-Unsubscribe"] is None


def test_a_mail_says_from_when_on_it_is_of_no_use(mail):
    send(mail)
    (got,) = mail.mails
    assert (parsedate_to_datetime(got["Expires"]) - got["Date"].datetime).total_seconds() == 600


def test_a_server_that_knows_reports_and_deadlines_is_told_them(mail, monkeypatch):
    asked = []
    monkeypatch.setattr(smtplib.SMTP, "has_extn", lambda self, name: name in ("dsn", "deliverby"))
    for verb in ("mail", "rcpt"):
        monkeypatch.setattr(smtplib.SMTP, verb, lambda self, *given: asked.append(given[1]) or (250, b"OK"))
    monkeypatch.setattr(smtplib.SMTP, "data", lambda self, text: (250, b"OK"))
    monkeypatch.setattr(email_smtp.SmtpEmail, "_introduce", lambda self, server: server.ehlo())
    send(mail)
    assert asked == [["ENVID=12-18f", "RET=HDRS", "BY=600;R"], ["NOTIFY=FAILURE,DELAY"]]


@pytest.mark.parametrize(
    ("reply", "ends"),
    [
        ("550 5.1.1 no such user", "bounced"),
        ("550 5.1.10 no such domain", "bounced"),
        ("550 5.7.1 policy", None),
        ("550 no", None),
        ("552 5.2.2 mailbox full", None),
    ],
)
def test_only_an_address_where_nobody_lives_is_given_up(mail, reply, ends):
    mail.reply_rcpt = reply
    with pytest.raises(Refused) as raised:
        send(mail)
    assert raised.value.ends == ends


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"reply_rcpt": "550 no such user"}, Refused),
        ({"reply_rcpt": "450 busy"}, TryLater),
        ({"reply_data": "554 spam"}, Refused),
        ({"reply_data": "451 try again"}, TryLater),
    ],
)
def test_a_code_of_five_hundred_is_final_and_four_hundred_is_not(mail, changes, error):
    for name, value in changes.items():
        setattr(mail, name, value)
    with pytest.raises(error):
        send(mail)
    assert mail.mails == []


def test_a_connection_that_breaks_after_the_text_leaves_it_unknown(mail):
    mail.break_off = True
    with pytest.raises(OutcomeUnknown):
        send(mail)
    assert len(mail.mails) == 1


def test_a_server_that_says_nothing_is_given_up(mail, monkeypatch):
    import socket

    monkeypatch.setattr(email_smtp, "_TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(TryLater):
        send(mail, url=f"smtp://127.0.0.1:{silent.getsockname()[1]}")


def test_the_whole_delivery_has_a_deadline(mail, monkeypatch):
    import socket

    monkeypatch.setattr(email_smtp, "_DEADLINE_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(OutcomeUnknown):
        send(mail, url=f"smtp://127.0.0.1:{silent.getsockname()[1]}")


@pytest.mark.parametrize("address", ["a@b@c", "x\r\nBcc: y@example.jp", "花子@example.jp", "no-at-sign", ""])
def test_an_impossible_address_is_refused_and_nothing_leaves(mail, address):
    with pytest.raises(Refused):
        send(mail, Recipient(email=address))
    assert mail.mails == []


def test_a_subject_cannot_bring_a_header_along(mail):
    with pytest.raises(Refused):
        send(mail, message=Message("s", "l", "x\r\nBcc: y@example.jp", "b", "v"))
    assert mail.mails == []


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-keyout", folder / "key.pem", "-out", folder / "cert.pem", "-days", "2", "-subj", "/CN=localhost",
            "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return folder


@pytest.fixture
def server_context(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    return context


def test_a_server_that_offers_encryption_gets_it(server_context, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "cert.pem"))
    with mail_server(tls_context=server_context, require_starttls=True) as server:
        send(server)
        assert len(server.mails) == 1


def test_a_server_that_cannot_prove_who_it_is_gets_nothing(server_context):
    with mail_server(tls_context=server_context) as server:
        with pytest.raises(TryLater):
            send(server)
        assert server.mails == []


def test_smtps_is_encrypted_from_the_first_byte(server_context, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "cert.pem"))
    with mail_server(ssl_context=server_context) as server:
        send(server, url=server.url.replace("smtp://", "smtps://"))
        assert len(server.mails) == 1


def test_a_wrong_password_is_final():
    with mail_server(authenticator=lambda *_: _refused(), auth_require_tls=False) as server:
        with pytest.raises(Refused, match="SMTP 535"):
            send(server, url=server.url.replace("smtp://", "smtp://user:pa%20ss@"))
        assert server.mails == []


def _refused():
    from aiosmtpd.smtp import AuthResult

    return AuthResult(success=False, handled=False)
