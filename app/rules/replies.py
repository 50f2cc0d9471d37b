"""What does a customer's short answer mean? Only what is plain is understood; everything else is left to a person.

"OK", "OKです。よろしくお願いします" and "👍" are plain. "OKじゃない", "stop by later" and "OK?" are not: a text is
understood only when all of it is, word for word.
"""

from __future__ import annotations

import re
import unicodedata

#: ok: has understood; change: wants another time, or none; call: wants to be called; stop, start: no messages this
#: way any more, or again.
MEANINGS = ("ok", "change", "call", "stop", "start")
#: A plain answer is short; what is longer has something to say.
LONGEST_PLAIN = 80
#: How much of a message is shown where only its gist is wanted.
LONGEST_GIST = 200

_ASKS = r"(?:(?:を|で)?(?:お|御)?(?:願い|ねがい)(?:し|いたし|致し|申し上げ)?(?:ます|たいです|たい)?)"
_DOES = (
    r"(?:(?:を?して|を)?"
    r"(?:ください|下さい|くれ|ほしいです|ほしい|欲しいです|欲しい|(?:頂けます|いただけます|もらえます)か\??))"
)
_WISH = (
    rf"(?:{_DOES}|{_ASKS}|(?:を|で)?(?:ご)?希望(?:します|いたします|です)?"
    r"|したいです|したい|します|して|(?:でき|出来)ますか\??|可能ですか\??|で)?"
)
_WHEN = r"(?:(?:訪問|予約|約束|お約束)の?)?(?:日時|日程|時間|日にち|日付|予約|訪問日|訪問|時刻)?"

#: Regular expressions over text that _plain has made of it: half-width, lower case, hiragana, without long vowels.
_WORDS: dict[str, tuple[str, ...]] = {
    "ok": (
        r"(?:okay|ok|おっけ|おけ|おk)(?:です|だ)?(?:よ|ね)?",
        r"(?:了解|りょうかい)(?:です|しました|いたしました|致しました|した)?(?:よ|ね)?",
        r"(?:承知|拝承|確認)(?:です|しました|いたしました|致しました|済み(?:です)?|ずみ(?:です)?)",
        r"(?:わか|分か|判|解)り?(?:ました|った)(?:よ|ね)?",
        r"(?:かしこまり|畏まり)ました",
        r"はい|ええ|うん",
        r"(?:大丈夫|だいじょうぶ)(?:です|だよ)?(?:よ)?",
        r"(?:問題|もんだい)(?:ありません|ないです|なし(?:です)?|ない)",
        r"(?:お待ち|待って)(?:して)?(?:います|おります|ます)",
        r"(?:お)?気をつけて(?:お越しください|来てください|きてください)?",
        "👍|👌|🙆|⭕|○|〇|◯|✅",
        r"yes|yep|yeah|yup|y|k|kk|sure|fine|got it|i got it|understood|i understand|noted|roger(?: that)?",
        r"all ?right|alright",
        r"no (?:problem|worries)|sounds? good|that(?:'s| is) (?:fine|ok|okay|good)|that works|works for me|will do"
        r"|great|perfect|good|confirmed|see you(?: then| soon)?|i'll (?:wait|be here)",
    ),
    "change": (
        rf"{_WHEN}の?(?:を)?変更{_WISH}",
        r"(?:日時|日程|時間|日にち|日)(?:を|の)?(?:変えて|かえて)(?:ください|下さい|ほしいです|ほしい|欲しいです|欲しい)?",
        r"(?:日時|日程|時間|日にち|日)(?:を|の)?(?:変え|かえ)(?:たいです|たい|られますか)",
        r"(?:別|他|ほか)の(?:日|時間|日時)(?:に|が|を)?(?:いいです|良いです|希望(?:です|します)?|変更)?"
        rf"(?:{_DOES}|{_ASKS})?",
        rf"(?:{_WHEN}の?(?:を)?)?(?:きゃんせる|取り?消し|とりけし|中止){_WISH}",
        r"(?:不在|留守)(?:です|にしています|にしております)?",
        r"都合が(?:悪い|わるい|つかない|つきません|悪くなりました)(?:です)?",
        r"(?:re-?schedule|postpone|change|cancel)"
        r"(?: (?:it|this|that|please|the|my|our|visit|appointment|booking|time|day|date))*",
        r"(?:i|we)(?: want| need|'d like| would like|'ll have) to (?:re-?schedule|postpone|change|cancel)"
        r"(?: (?:it|this|the|my|our|visit|appointment|booking|time|day|date))*",
        r"(?:another|different) (?:time|day|date)|(?:not|won't be|can't be) (?:at )?(?:home|there)",
    ),
    "call": (
        rf"(?:折り?返し(?:の)?)?(?:お)?電話(?:が|を)?(?:希望(?:です|します)?|{_DOES}|{_ASKS}|待って(?:い)?ます|して)?",
        rf"(?:折り?返し)(?:の)?(?:お電話|電話|連絡|ご連絡)?(?:を)?(?:{_DOES}|{_ASKS}|して)?",
        rf"(?:ご)?連絡(?:を)?(?:{_DOES}|{_ASKS}|して)",
        "📞|☎|📱",
        r"(?:can|could|would) you (?:please )?(?:call|phone|ring)(?: me)?(?: back)?\??",
        r"call-?back|(?:call|phone|ring|telephone)(?: me)?(?: back)?|tel"
        r"|(?:i|we)(?: want|'d like| would like) (?:a call|to be called)|give me a (?:call|ring)",
    ),
    "stop": (
        rf"(?:(?:配信|送信|めっせじ|める|sms|line)の?)?(?:を)?停止{_WISH}",
        r"(?:配信|送信|めっせじ|める)(?:を)?(?:止めて|やめて|とめて)(?:ください|下さい)?",
        rf"(?:配信|登録)(?:の|を)?解除{_WISH}|受信拒否|配信不要(?:です)?",
        r"(?:もう)?(?:めっせじ|める|sms)?(?:を|は)?(?:送らないで|送信しないで)(?:ください|下さい)?",
        r"stop(?: (?:texting|messaging|emailing|mailing)(?: me)?| ?all)?",
        r"stop sending(?: me)?(?: (?:these|messages|texts|mails|sms))*",
        r"unsubscribe(?: me)?|opt[- ]?out|remove me(?: from (?:the|your) list)?",
    ),
    "start": (
        rf"(?:配信)?(?:を|の)?再開{_WISH}",
        r"start|unstop|re-?subscribe",
    ),
    # Said beside any of them; thanks alone say that it was understood, a greeting alone says nothing.
    "thanks": (
        r"(?:(?:ご)?連絡|(?:お)?知らせ|(?:ご)?対応)?(?:誠に|本当に|どうも)?"
        r"(?:ありがとう|有難う|有り難う)(?:ございます|ございました)?",
        r"thanks?(?: you)?(?: (?:so|very) much| a lot)?"
        r"(?: for (?:letting me know|the (?:update|info|heads up|message)))?|thx|ty|cheers",
    ),
    "polite": (
        r"(?:どうぞ|では|それでは|じゃあ)?(?:よろしく|宜しく)(?:どうぞ)?"
        r"(?:お願い|おねがい)?(?:し|いたし|致し|申し上げ)?(?:ます)?",
        r"(?:お|御)?(?:願い|ねがい)(?:し|いたし|致し)(?:ます)",
        r"(?:お)?(?:世話になって|世話になり)(?:い|おり)?(?:ます)?|お疲れ様です|こんにちは|こんばんは|おはようございます",
        r"すみません(?:が)?|すいません(?:が)?|恐れ入ります(?:が)?|申し訳(?:ありません|ございません)(?:が)?|どうも",
        "🙏|🙇|😊|🙂|😀|☺|😌|✨",
        r"please|pls|plz|hi|hello|sorry|hey",
    ),
}
_SPACES = re.compile(r"[\s、。,.!!…・;:~〜]+")
#: Skin tones, variation selectors, joiners and the signs for man and woman say nothing here; nor do long vowels.
_DROPPED = re.compile("[\U0001f3fb-\U0001f3ff︎️‍♀♂ー]")
_HIRAGANA = {katakana: katakana - 0x60 for katakana in range(0x30A1, 0x30F7)}
_ASCII = re.compile(r"[a-z0-9']")


def understand(text: str) -> str | None:
    """Return what a text plainly means, one of MEANINGS, or None where a person has to read it.

    A wish weighs more than the OK beside it; two different wishes, or a wish about messages beside anything else, are
    left to a person.

    >>> understand("OKです!よろしくお願いします"), understand("はい、電話ください"), understand("👍🏻")
    ('ok', 'call', 'ok')
    >>> understand("OKじゃない"), understand("stop by later"), understand("OK?"), understand("停止")
    (None, None, None, 'stop')
    """
    if len(text) > LONGEST_PLAIN:
        return None
    left, meant = _plain(text), set()
    while left:
        found = _longest(left)
        if found is None:
            return None
        meaning, length = found
        meant.add(meaning)
        left = left[length:].lstrip()
    wishes = meant - {"ok", "thanks", "polite"}
    if len(wishes) > 1 or (wishes & {"stop", "start"} and "ok" in meant):
        return None
    return next(iter(wishes), "ok" if meant & {"ok", "thanks"} else None)


def gist(words: str) -> str:
    """Return what somebody wrote without what was quoted below it, without a signature, and not too long.

    >>> gist("了解です。\\n\\n2026年11月24日(火) 16:20 アオバPC <a@example.jp>:\\n> 17時ごろに伺います")
    '了解です。'
    """
    kept: list[str] = []
    for line in words.replace("\r\n", "\n").split("\n"):
        if _is_below(line.strip()):
            break
        if not line.lstrip().startswith((">", ">")):
            kept.append(line.rstrip())
    said = re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip() or words.strip()
    return said if len(said) <= LONGEST_GIST else said[: LONGEST_GIST - 1].rstrip() + "…"


#: A line below which nothing new is said: a quotation begins, or a signature.
_BELOW = re.compile(
    r"--$|[-_=━─=*~]{4,}|on .{4,200}wrote:$"
    r"|-+ ?(?:original message|forwarded message|元のメッセージ|転送されたメッセージ) ?-*"
    r"|(?:from|差出人|送信元) ?[::] ?\S"
    r"|sent from my |get outlook for |(?:私の)?(?:iphone|ipad|android)から送信|.{0,100}が書きました[::]?$",
    re.IGNORECASE,
)
#: "2026年11月24日(火) 16:20 アオバPC <a@example.jp>:" is found from its end: a pattern that tries every place of every
#: part takes seconds over a line that was made for it.
_QUOTED_AT, _QUOTED_WHOM = (
    re.compile(r"\d{1,2}:\d{2}"),
    re.compile(r"[<(][^<>()@]{1,120}@[^<>()@]{1,120}[>)][^<>()@]{0,20}$"),
)
_LONGEST_HEAD = 400


def _is_below(line: str) -> bool:
    if _BELOW.match(line):
        return True
    if len(line) > _LONGEST_HEAD or not line.endswith((":", ":")):
        return False
    whom = _QUOTED_WHOM.search(line, 0, len(line) - 1)
    return whom is not None and _QUOTED_AT.search(line, 0, whom.start()) is not None


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold().replace("’", "'").translate(_HIRAGANA)
    return _SPACES.sub(" ", _DROPPED.sub("", folded)).strip()


_COMPILED = [(meaning, re.compile(_DROPPED.sub("", "|".join(words)))) for meaning, words in _WORDS.items()]


def _longest(text: str) -> tuple[str, int] | None:
    """Return the meaning and the length of the longest known phrase at the beginning of a text."""
    found = [
        (match.end(), meaning)
        for meaning, pattern in _COMPILED
        for match in [pattern.match(text)]
        if match and match.end() and not _cuts_a_word(text, match.end())
    ]
    if not found:
        return None
    length, meaning = max(found, key=lambda one: one[0])
    return meaning, length


def _cuts_a_word(text: str, at: int) -> bool:
    return at < len(text) and bool(_ASCII.match(text[at]) and _ASCII.match(text[at - 1]))
