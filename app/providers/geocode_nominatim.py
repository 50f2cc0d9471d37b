"""Where is this address? Asked of a Nominatim server through geopy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from geopy.exc import GeocoderServiceError, GeopyError
from geopy.geocoders import Nominatim


@dataclass(frozen=True, slots=True)
class Place:
    """A position and the name under which the geocoder knows it."""

    lat: float
    lon: float
    name: str


class GeocoderSilent(Exception):
    """The geocoder did not answer, so nothing is known about the address."""


class Geocoder(Protocol):
    """Anything that finds addresses."""

    def find(self, address: str, *, language: str) -> Place | None:
        """Return the best match, or None when the address is unknown. Raises GeocoderSilent."""
        ...


class NominatimGeocoder:
    """A Nominatim server, the public one or a company's own."""

    def __init__(self, url: str, country: str, timeout_s: float = 4.0) -> None:
        parts = urlsplit(url)
        self._client = Nominatim(
            domain=parts.netloc + parts.path, scheme=parts.scheme, user_agent="mamonaku/0.1", timeout=timeout_s
        )
        self._country = country.lower()

    def find(self, address: str, *, language: str) -> Place | None:
        """Return the best match in the company's country."""
        try:
            found = self._client.geocode(address, language=language, country_codes=self._country)
        except (GeocoderServiceError, GeopyError, ValueError) as error:
            raise GeocoderSilent(type(error).__name__) from error
        return Place(found.latitude, found.longitude, found.address) if found else None
