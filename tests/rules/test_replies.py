"""Is a plain answer understood, and everything else left to a person?"""

from __future__ import annotations

import time

import pytest

from app.rules.replies import LONGEST_GIST, gist, understand

PLAIN = {
    "ok": (
        "OK|ok|OK|Ok.|OKです|okですよ|おっけー!|ｵｯｹｰ|オッケーです|了解|了解です|了解しました。"
        "|了解いたしました|承知しました|承知いたしました。よろしくお願いいたします。|わかりました"
        "|分かりました!|かしこまりました|はい|ハイ|はい、大丈夫です|問題ありません|👍|👍🏻|👍👍|🙆‍♀️|○|〇"
        "|ありがとうございます|ご連絡ありがとうございます。承知しました。|お待ちしております"
        "|お気をつけてお越しください|Yes|yes!|Okay, thanks|Got it. Thank you!|thank you"
        "|Thanks for letting me know|no problem|Sounds good|That's fine"
    ),
    "change": (
        "変更|変更希望|変更希望です|変更お願いします|変更したいです|変更してください|変更できますか?|日時変更"
        "|日時を変更してください|訪問日時の変更をお願いします|時間変えて|時間を変えてください|キャンセル"
        "|ｷｬﾝｾﾙ|キャンセルでお願いします|予約をキャンセルしたいです|中止してください|別の日にしてください"
        "|不在です|都合が悪いです|すみません、変更お願いします|change|Please reschedule|cancel"
        "|Cancel my appointment please|I'd like to reschedule|another day please"
    ),
    "call": (
        "電話|お電話ください|電話下さい|電話して|電話してください|電話お願いします|電話ほしい"
        "|折り返しお願いします|折り返し電話ください|連絡ください|お電話いただけますか?|はい、電話ください|☎️"
        "|call|Call me|Please call me back|Could you call me?|callback"
    ),
    "stop": (
        "STOP|stop|ｓｔｏｐ|Stop.|STOPALL|停止|配信停止|配信停止してください|配信を停止してください"
        "|メールを送らないでください|受信拒否|unsubscribe|Unsubscribe me|opt out|stop texting me"
    ),
    "start": "START|start|unstop|再開|配信再開をお願いします",
}
NOT_PLAIN = (
    "OKじゃない|OKではありません|OK?|okません|stop by later|don't stop|I can't stop|変更なし|変更しないで"
    "|変更はありません|電話不要|電話しないで|電話に出られません|キャンセルしないでください|いいえ|NG|no"
    "|だめ|何時ですか?|すみません|🙏|お願いします|STOP OK|停止 変更|変更 電話 停止|call later"
    "|ok for 18:00|18時ならOK|はい?|good morning|yesterday|🤷|❌|了解ですが、17時は困ります|わかりました?"
    "|配信停止しないで|a|1||。|👎|電車が停止しています"
)


@pytest.mark.parametrize(("meaning", "text"), [(m, text) for m, texts in PLAIN.items() for text in texts.split("|")])
def test_a_plain_answer_is_understood(meaning, text):
    assert understand(text) == meaning


@pytest.mark.parametrize("text", NOT_PLAIN.split("|"))
def test_what_is_not_plain_is_left_to_a_person(text):
    assert understand(text) is None


def test_what_is_long_is_left_to_a_person_and_costs_no_time():
    assert understand("OK " * 5000) is None
    assert understand(("変更" * 39) + "?") is None


@pytest.mark.parametrize(
    "below",
    [
        "> 17時ごろに伺います",
        ">17時",
        "2026年11月24日(火) 16:20 アオバPC <notice@example.jp>:\n> 17時",
        "On Tue, 24 Nov 2026 at 16:20, Aoba PC <notice@example.jp> wrote:\n> five",
        "-----Original Message-----\nFrom: Aoba",
        "From: アオバPC <notice@example.jp>\nSent: Tuesday",
        "差出人: アオバPC\n送信日時: 2026",
        "________________________________\n差出人",
        "Sent from my iPhone",
        "iPhoneから送信",
        "-- \n山田 花子",
        "━━━━━━━━\n山田 花子\n090-0000-0000",
    ],
)
def test_what_is_quoted_below_is_not_the_gist(below):
    assert gist(f"了解しました。\n18時までは家にいます。\n\n{below}") == "了解しました。\n18時までは家にいます。"


def test_an_answer_between_quoted_lines_is_kept():
    assert gist("> 17時でよろしいですか\n18時がいいです\n> よろしく") == "18時がいいです"


def test_who_only_quotes_is_shown_whole_and_a_long_text_has_an_end():
    assert gist("> 17時") == "> 17時"
    assert len(gist("あ" * 1000)) == LONGEST_GIST
    assert gist("") == ""


def test_a_line_made_to_cost_time_costs_none():
    began_s = time.process_time()
    gist("\n".join(["00:00" * 24 + "(@)" * 120 + "x", "00:00" * 20 + "(@" * 100 + ":", "on " + "wrote: " * 80] * 12))
    assert time.process_time() - began_s < 0.5
