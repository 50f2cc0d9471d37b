"""The only place where parts are joined: settings, database, providers, pages."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apiflask import APIFlask

    from app.clock import Clock
    from app.config import Settings
    from app.parts import Parts


def join(settings: Settings, clock: Clock | None = None) -> Parts:
    """Open the database and the ways out to the world that the settings name."""
    from app.clock import WallClock
    from app.db import Database
    from app.operations.own_ways import forget_device
    from app.parts import Parts
    from app.providers import build_channels
    from app.providers.calendar_ical import Calendars
    from app.providers.geocode_nominatim import NominatimGeocoder
    from app.providers.guarded import Guarded
    from app.providers.mailbox_imap import from_settings as mailbox_of
    from app.providers.push_web import WebPush
    from app.providers.route import from_settings as router_of
    from app.sealing import INFO, Seal

    if not settings.database_url:
        settings.instance.mkdir(parents=True, exist_ok=True)
    db, channels = Database(settings.database, **{INFO: Seal(settings.signing_key())}), build_channels(settings)
    outside = Guarded(settings.internal_hosts.split())

    def forget(endpoint: str) -> None:
        with db.write() as session:
            forget_device(session, endpoint)

    push = channels.get("push")
    if isinstance(push, WebPush):
        push.gone = forget
    return Parts(
        settings=settings,
        db=db,
        clock=clock or WallClock(),
        channels=channels,
        geocoder=NominatimGeocoder(settings.geocoder_url, settings.country),
        # A mail that is read is marked as read: a dry run would take it away from whoever answers it.
        mailbox=None if settings.dry_run else mailbox_of(settings),
        router=router_of(settings),
        outside=outside,
        calendars=Calendars(outside),
    )


def create_app(parts: Parts) -> APIFlask:
    """Return the web application over joined parts."""
    from apiflask import APIFlask
    from werkzeug.middleware.proxy_fix import ProxyFix

    from app import web

    settings = parts.settings
    app = APIFlask(
        __name__, title="Mamonaku", version="1", spec_path="/api/v1/openapi.json", docs_path=None, json_errors=False
    )
    app.extensions["mamonaku"] = parts
    secure = settings.base_url.startswith("https://")
    app.config.update(
        SECRET_KEY=settings.signing_key(),
        SESSION_COOKIE_NAME="__Host-mamonaku" if secure else "mamonaku",
        SESSION_COOKIE_SECURE=secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=timedelta(days=90),
        SESSION_REFRESH_EACH_REQUEST=False,  # an answer to the board's polling must not undo a change made meanwhile
        MAX_CONTENT_LENGTH=4 * 1024 * 1024,
        MAX_FORM_MEMORY_SIZE=1024 * 1024,
        WTF_CSRF_TIME_LIMIT=None,  # a page left open overnight, or offline in a basement, must still be able to post
        WTF_CSRF_SSL_STRICT=False,  # our pages send no referrer; the token in the session does the work
    )
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    web.install(app)
    return app
