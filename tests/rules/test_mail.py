"""Is a mail read as a person would read it, however it was written?"""

from __future__ import annotations

import base64
import time

import pytest

from app.rules.mail import our_reference, read_mail, said

OURS = "<mamonaku.12-19ab3@example.jp>"


def mail(body=b"hello", charset="utf-8", **headers):
    given = {"From": "Hanako <Hanako@Example.jp>", "Subject": "Re: test", "Message-ID": "<1@x>"}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    given.setdefault("Content-Type", f"text/plain; charset={charset}")
    lines = b"".join(name.encode() + b": " + (v if isinstance(v, bytes) else v.encode()) + b"\r\n"
                     for name, v in given.items() if v is not None)  # fmt: skip
    return lines + b"\r\n" + body


def test_who_wrote_what_in_answer_to_which_mail_of_ours():
    found = read_mail(mail(b"OK\r\n", In_Reply_To=OURS))
    assert (found.sender, found.words, found.answers, found.key) == ("hanako@example.jp", "OK", OURS, "<1@x>")
    assert (found.automatic, found.ours) == (False, False)
    assert our_reference(OURS) == "12-19ab3"


def test_the_newest_reference_counts_where_there_is_no_in_reply_to():
    refs = f"<mamonaku.3-aa@example.jp> <x@y>\r\n {OURS}"
    assert read_mail(mail(References=refs)).answers == OURS


@pytest.mark.parametrize("other", ["<1-2@example.jp>", "<mamonaku.x-2@example.jp>", "mamonaku.12-19ab3", ""])
def test_what_is_not_our_id_is_none(other):
    assert read_mail(mail(In_Reply_To=other)).answers is None


@pytest.mark.parametrize(
    ("charset", "codec", "words"),
    [
        ("iso-2022-jp", "iso2022_jp", "了解しました。ﾊﾝｶｸ".replace("ﾊﾝｶｸ", "")),
        ("ISO-2022-JP", "iso2022_jp_ext", "ﾊﾝｶｸのカナです"),
        ("shift_jis", "cp932", "①~㈱青葉"),
        ("euc-jp", "euc_jp", "変更をお願いします"),
        ("utf-8", "utf-8", "👍了解"),
        ("us-ascii", "utf-8", "名乗りと違うUTF-8"),
        ("x-unknown-charset", "utf-8", "知らない名前"),
        ("utf-8", "cp932", "実はシフトJIS"),
        ("iso-8859-1", "cp1252", "“Voilà” – déjà vu"),
    ],
)
def test_every_charset_that_japan_writes_is_read(charset, codec, words):
    assert read_mail(mail(words.encode(codec), charset)).words == words


def test_the_signs_that_iso_2022_jp_does_not_have_are_read_too():
    raw = b"\x1b$B\x2d\x21\x2d\x6a\x1b(B 18:00 \x1b(I\x31\x1b(B"  # from NEC's row 13, and a half-width letter
    assert read_mail(mail(raw, "iso-2022-jp")).words == "①㈱ 18:00 ｱ"


def test_headers_in_raw_bytes_are_read_as_text():
    raw = "From: 花子 <hanako@example.jp>\r\nSubject: 件名\r\nMessage-ID: <は@x>\r\n\r\n本文".encode()
    found = read_mail(raw)
    assert (found.sender, found.subject, found.key, found.words) == ("hanako@example.jp", "件名", "<は@x>", "本文")


@pytest.mark.parametrize(
    ("subject", "shown"),
    [
        ("=?ISO-2022-JP?B?GyRCTj0yckAbKEI=?=", None),
        ("=?UTF-8?B?" + base64.b64encode("駐車場の件".encode()).decode() + "?=", "駐車場の件"),
        ("=?shift_jis?B?" + base64.b64encode("①番".encode("cp932")).decode() + "?=", "①番"),
        ("=?broken", "=?broken"),
        ("=?UTF-8?B?!!!?=", None),
        ("=?nonsense?Q?a=20b?=", "a b"),
    ],
)
def test_a_subject_in_any_coding_never_breaks_the_mail(subject, shown):
    found = read_mail(mail(Subject=subject)).subject
    assert shown is None or found == shown


def test_the_subject_is_said_where_it_adds_something():
    assert said(read_mail(mail(b"body", Subject="駐車場の件"))) == "駐車場の件\n\nbody"
    assert said(read_mail(mail(b"body", Subject="Re: お知らせ", In_Reply_To=OURS))) == "body"
    assert said(read_mail(mail(b"", Subject="空メール"))) == "空メール"


def test_html_alone_is_read_without_its_tags_and_files_are_named():
    html = (
        b"--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html><head><style>p{}</style></head><p>One&nbsp;&amp;"
        b"<br>two</p><script>bad()</script></html>\r\n--b\r\nContent-Type: image/jpeg;"
        b" name*=utf-8''%E5%86%99%E7%9C%9F.jpg\r\n"
        b"Content-Disposition: attachment\r\n\r\nxx\r\n--b--\r\n"
    )
    found = read_mail(mail(html, Content_Type="multipart/mixed; boundary=b")).words
    assert found.startswith("One &\ntwo")
    assert "bad" not in found
    assert "📎" in found


@pytest.mark.parametrize(
    ("html", "shown"),
    [
        ("<html><head><meta charset=utf-8><body>Never closed: still read</body></html>", "Never closed: still read"),
        ("<head><title>t</title></head>5 &lt; 6 < 7<!-- <b>remark</b> -->!", "5 < 6 < 7!"),
        ("<header>Top</header><p>a<br/>b", "Top\na\nb"),
        ("text<style>p{}", "text"),
        ("cut <a href='x", "cut"),
        ("&#" + "9" * 5000 + "; 了解", "&#" + "9" * 5000 + "; 了解"),
    ],
)
def test_html_that_is_not_as_it_should_be_is_still_read(html, shown):
    assert read_mail(mail(html.encode(), Content_Type="text/html; charset=utf-8")).words == shown


@pytest.mark.parametrize("piece", ["<a ", '<a x="', "<a a=", "<!--", "<script>", "<head>", "<", "</", "&"])
def test_html_made_to_cost_time_costs_none(piece):
    raw = mail((piece * 90_000).encode(), Content_Type="text/html")
    began_s = time.process_time()
    read_mail(raw)
    assert time.process_time() - began_s < 1.0


def test_of_two_versions_the_plain_one_is_read():
    both = (
        b"--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + base64.b64encode("了解".encode())
        + b"\r\n--b\r\nContent-Type: text/html\r\n\r\n<b>no</b>\r\n--b--"
    )
    assert read_mail(mail(both, Content_Type="multipart/alternative; boundary=b")).words == "了解"


@pytest.mark.parametrize(
    "sign",
    [
        {"Auto-Submitted": "auto-replied"},
        {"Auto-Submitted": "auto-generated (rejected)"},
        {"Precedence": "bulk"},
        {"Precedence": "auto_reply"},
        {"X-Autoreply": "yes"},
        {"List-Id": "<news.example>"},
        {"Return-Path": "<>"},
    ],
)
def test_a_machines_word_is_known(sign):
    assert read_mail(mail(**sign)).automatic


def test_a_person_is_no_machine():
    assert not read_mail(mail(Auto_Submitted="no", Precedence="first-class")).automatic
    assert not read_mail(mail(X_Auto_Response_Suppress="OOF, AutoReply")).automatic


def test_our_own_mail_is_known_so_that_nothing_runs_in_a_circle():
    assert read_mail(mail(Message_ID=OURS)).ours


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00\xff\xfe",
        b"Content-Type: multipart/mixed; boundary=\r\n\r\n--\r\n",
        b'Content-Type: text/plain; charset="\xff"\r\nSubject: \xe3\x81\r\n\r\n\x80',
        b"From: \r\nFrom: two\r\nMessage-ID: \r\n\r\nx",
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        + b"--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" * 200,
        b"Subject: " + b"=?utf-8?q?a?= " * 3000 + b"\r\n\r\n",
        b"Content-Transfer-Encoding: base64\r\n\r\n!!!=",
    ],
)
def test_no_bytes_break_it(raw):
    found = read_mail(raw)
    assert found.key
    assert isinstance(said(found), str)
