"""How can a person be reached? Numbers and addresses as typed become the one form that channels need."""

from __future__ import annotations

import re
import unicodedata

import phonenumbers
from phonenumbers import PhoneNumberType

from app.errors import Invalid

_SMS_CAPABLE = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)
_EMAIL = re.compile(r"[^\s@<>,;\"\x00-\x1f\x7f]{1,64}@[^\s@<>,;\"\x00-\x1f\x7f]+\.[^\s@<>,;\".\x00-\x1f\x7f]+")
_LONGEST_EMAIL = 254


def phone_e164(typed: str | None, country: str, field: str) -> str | None:
    """Return a number in E.164 form, or None when nothing was typed; `country` is meant where no code is given.

    Raises Invalid naming `field`. Example: `phone_e164("03-1234-5678", "JP", "phone") == "+81312345678"`.
    """
    return _e164(_parsed(typed, country, field))


def mobile_e164(typed: str | None, country: str, field: str) -> str | None:
    """Return a number that can receive SMS in E.164 form, or None when nothing was typed. Raises Invalid."""
    number = _parsed(typed, country, field)
    if number and phonenumbers.number_type(number) not in _SMS_CAPABLE:
        raise Invalid.one(field, "not_mobile")
    return _e164(number)


def email_address(typed: str | None, field: str) -> str | None:
    """Return an e-mail address without the blanks and full-width letters of typing, or None. Raises Invalid."""
    address = unicodedata.normalize("NFKC", typed or "").strip()
    if not address:
        return None
    if len(address) > _LONGEST_EMAIL or not _EMAIL.fullmatch(address):
        raise Invalid.one(field, "email")
    return address


def _parsed(typed: str | None, country: str, field: str) -> phonenumbers.PhoneNumber | None:
    text = unicodedata.normalize("NFKC", typed or "").strip()
    if not text:
        return None
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        raise Invalid.one(field, "phone") from None
    # Letters would be read as the digits they share a key with, an extension would be lost.
    if not phonenumbers.is_valid_number(number) or number.extension or re.search(r"[^\W\d_]", text):
        raise Invalid.one(field, "phone")
    return number


def _e164(number: phonenumbers.PhoneNumber | None) -> str | None:
    return None if number is None else phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
