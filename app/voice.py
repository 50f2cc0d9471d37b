"""What does a customer hear when a machine calls, and what does each key do? TwiML, from a notice's spoken text."""

from __future__ import annotations

from xml.etree import ElementTree

from app.i18n import t

#: Twilio takes no longer instructions along with a call.
LONGEST_TWIML = 4000
#: How long it waits for a key after the last word, seconds.
_KEY_WITHIN_S = "6"
_VOICES = {"ja": "ja-JP", "en": "en-GB"}


def reading(spoken: str, language: str, key_url: str) -> str:
    """Return instructions that read a notice aloud, take one key, and read it once more when none came.

    A notice that is too long to be read twice is read once. Raises ValueError when it is too long even for that.
    """
    for times in (2, 1):
        response = ElementTree.Element("Response")
        for _ in range(times):
            gather = ElementTree.SubElement(
                response,
                "Gather",
                {"input": "dtmf", "numDigits": "1", "timeout": _KEY_WITHIN_S, "action": key_url, "method": "POST"},
            )
            for words in (t("voice.opening", language), spoken, t("voice.keys", language)):
                _say(gather, words, language)
        _say(response, t("voice.no_key", language), language)
        twiml = _written(response)
        if len(twiml) <= LONGEST_TWIML:
            return twiml
    raise ValueError("too long to be read out")


def answer(code: str, language: str) -> str:
    """Return instructions that say one closing sentence and hang up; `code` is understood, call_back or not_now."""
    response = ElementTree.Element("Response")
    _say(response, t(f"voice.{code}", language), language)
    ElementTree.SubElement(response, "Hangup")
    return _written(response)


def _say(parent: ElementTree.Element, words: str, language: str) -> None:
    ElementTree.SubElement(parent, "Say", {"language": _VOICES[language]}).text = words


def _written(response: ElementTree.Element) -> str:
    return ElementTree.tostring(response, encoding="unicode")
