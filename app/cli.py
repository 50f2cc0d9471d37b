"""The `mamonaku` command: everything a person types in a shell. Every command has --help."""

from __future__ import annotations

import errno
import logging
import pkgutil
import sys
from contextlib import redirect_stdout
from io import StringIO
from multiprocessing import get_context
from typing import Any

import click
from sqlalchemy.exc import DatabaseError, OperationalError

from app import auth, lists, logs
from app.backtest import commands as past_days
from app.config import SettingsError
from app.errors import AppError, Invalid
from app.explain import commands as explaining
from app.i18n import LOCALES, t
from app.optimise import optimise
from app.rules.access import ROLES
from app.shell import joined, known_settings

DESK_ROLES = ROLES[1:]


class Commands(click.Group):
    """Turns every error a person can act on into one line on standard error and a non-zero exit."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; settings, input and database errors are told in words."""
        try:
            return super().invoke(ctx)
        except SettingsError as error:
            raise click.ClickException(str(error)) from None
        except Invalid as error:
            lines = [f"{p.field}: {t(f'problem.{p.code}', 'en', **p.facts)}" for p in error.problems]
            raise click.ClickException("\n".join(lines)) from None
        except AppError as error:
            raise click.ClickException(t(f"error.{error.code}", "en", **error.facts)) from None
        except DatabaseError as error:
            what = "does not answer" if isinstance(error, OperationalError) else "cannot be used"
            raise click.ClickException(f"the database {what}: {logs.mask(str(error.orig))}") from None
        except OSError as error:
            if error.errno == errno.EPIPE:  # whoever read our output has gone: click ends quietly
                raise
            raise click.ClickException(f"{error.filename or 'system'}: {error.strerror or error}") from None
        except KeyboardInterrupt:
            click.echo("stopped", err=True)
            ctx.exit(130)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="mamonaku")
def main() -> None:
    """Mamonaku books technician visits, watches each one, and tells customers of delays in time."""
    logs.configure()


_host = click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
_port = click.option(
    "--port", default=8000, envvar="PORT", show_default=True, type=click.IntRange(1, 65535), help="Port to listen on."
)


@main.command()
@_host
@_port
def serve(host: str, port: int) -> None:
    """Serve the pages and run the jobs, all in one process."""
    _serve(host, port, workers=1, with_jobs=True)


@main.command()
@_host
@_port
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1, 64), help="Worker processes.")
def web(host: str, port: int, workers: int) -> None:
    """Serve the pages alone; run `mamonaku jobs` beside it."""
    _serve(host, port, workers=workers, with_jobs=False)


def _upgrade_quietly() -> None:
    with redirect_stdout(StringIO()):
        main(["db", "upgrade"])


def _serve(host: str, port: int, *, workers: int, with_jobs: bool) -> None:
    from app.server import Server, product

    settings = known_settings()
    # In a process of its own: the migration's libraries would stay in the memory of the server and its workers.
    upgrading = get_context("fork").Process(target=_upgrade_quietly)
    upgrading.start()
    upgrading.join()
    if upgrading.exitcode:
        raise SystemExit(upgrading.exitcode)
    settings.signing_key()  # made before the workers start, so that they share it
    up = f"Mamonaku is up on http://{host}:{port} (Ctrl-C stops it)"
    Server(lambda: product(settings, with_jobs=with_jobs), host=host, port=port, workers=workers, ready=up).run()


@main.command()
def jobs() -> None:
    """Run the jobs alone: sweep, deliver, locate, purge. Any number may run on PostgreSQL."""
    with joined() as parts:
        click.echo("jobs are running (Ctrl-C stops them)", err=True)
        # By name: nothing in app knows the jobs, which are a layer above it.
        pkgutil.resolve_name("jobs.__main__:run")(parts)


@main.group()
def db() -> None:
    """Look after the database."""


@db.command("upgrade")
def db_upgrade() -> None:
    """Bring the tables up to date; doing it twice is no harm."""
    with joined() as parts:
        click.echo(f"the tables of {parts.db.engine.url.render_as_string(hide_password=True)} are up to date")


@main.command()
@_port
@click.option("--speed", default=30.0, show_default=True, type=click.FloatRange(1, 240), help="Times as fast as life.")
def demo(port: int, speed: float) -> None:
    """Play a working day of eight technicians in Osaka in fast motion, on this host only."""
    from app.demo.stage import prepare
    from app.server import Server
    from app.server import demo as demo_house

    logs.configure(logging.WARNING)  # the messages are on the demo's own page
    url = f"http://127.0.0.1:{port}"
    settings = known_settings().model_copy(update={"base_url": url})
    with click.progressbar(length=100, label="the day's morning", file=sys.stderr) as bar:
        prepared = prepare(settings, lambda share: bar.update(int(100 * share) - bar.pos))
    up = f"The demo is up: open {url}/demo (Ctrl-C stops it)"
    Server(lambda: demo_house(prepared, speed), host="127.0.0.1", port=port, workers=1, ready=up).run()


main.add_command(lists.import_)
main.add_command(lists.export)
main.add_command(past_days.replay)
main.add_command(past_days.backtest)
main.add_command(explaining.explain)
main.add_command(optimise)


@main.group()
def company() -> None:
    """Look after what customers know of the company."""


@company.command("set")
@click.option("--name", required=True, help="Full name, in mails and on pages.")
@click.option("--short-name", required=True, help="Name at the start of every SMS; at most 10 characters.")
@click.option("--phone", required=True, help="Number that customers may call.")
@click.option("--phone-hours", default="", help="When somebody answers it, in words.")
def company_set(name: str, short_name: str, phone: str, phone_hours: str) -> None:
    """Set the company up without a browser; the first page does the same."""
    from app.operations.company import set_company

    with joined() as parts, parts.db.write() as session:
        set_company(
            session,
            name=name,
            short_name=short_name,
            phone=phone,
            phone_hours=phone_hours,
            sender_role="",
            sender_name="",
            country=parts.settings.country,
        )
    click.echo(f"customers hear from {name}")


@main.group()
def user() -> None:
    """Look after the people who sign in."""


@user.command("create")
@click.option("--email", prompt=True, help="Address to sign in with.")
@click.option("--name", prompt=True, help="Name as colleagues see it.")
@click.option("--role", type=click.Choice(DESK_ROLES), prompt=True, help="What the person may do.")
@click.option("--language", type=click.Choice(LOCALES), default="ja", show_default=True)
@click.password_option(help="At least 10 characters; asked for when not given.")
def user_create(email: str, name: str, role: str, language: str, password: str) -> None:
    """Add a person who may sign in."""
    with joined() as parts, parts.db.write() as session:
        now = parts.clock.now()
        auth.create_user(session, email=email, name=name, role=role, password=password, language=language, now=now)
    click.echo(f"{name} may sign in as {role}")


@main.group()
def token() -> None:
    """Look after the keys of other programs."""


@token.command("create")
@click.option("--role", type=click.Choice(DESK_ROLES), required=True, help="What the program may do.")
@click.argument("name")
def token_create(role: str, name: str) -> None:
    """Print a new API token for the program NAME, once."""
    from app.operations.company import find_company

    with joined() as parts, parts.db.write() as session:
        click.echo(auth.create_api_token(session, name=name, role=role, now=parts.clock.now()))
        if find_company(session) is None:
            click.echo(
                "note: the company has no name yet, so no notice can go out; see `mamonaku company set`", err=True
            )


if __name__ == "__main__":
    main()
