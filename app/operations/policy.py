"""When are customers told, as the manager wants it? The policy in force, its change, and its history."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import Invalid, NotFound, Problem, Stale
from app.models import PolicyVersion
from app.operations.turn import look_at_all_again
from app.prepared import Prepared
from app.rules.policy import Policy
from app.rules.terms import TERMS, faults

log = structlog.get_logger()

_NEWEST = select(PolicyVersion).order_by(PolicyVersion.id.desc()).limit(1)
_VERSION = PolicyVersion.__table__.c
#: Every sweep asks for these.
_VALUES = Prepared(select(_VERSION["values"]).order_by(_VERSION.id.desc()).limit(1))
_USUAL = Policy()


def current_policy(session: Session) -> Policy:
    """Return the policy in force; what was never changed is as the product comes with it."""
    values = _VALUES.rows(session.connection())
    return _policy_at_hand(json.dumps(values[0][0], sort_keys=True)) if values else _USUAL


@lru_cache(maxsize=8)
def _policy_at_hand(values: str) -> Policy:
    """Return the policy that kept values mean: every sweep asks, and they are the same for weeks."""
    return policy_of(json.loads(values))


def policy_of(values: Mapping[str, Any]) -> Policy:
    """Return the policy that kept values mean.

    A newer release may know a parameter no more, or allow less: what does not fit any more is left at the product's own
    value and logged. No customer may stay untold because of it.
    """
    known = {name: value for name, value in values.items() if name in TERMS}
    while found := faults({**_defaults(), **known}):
        log.error("a kept parameter of the policy does not fit any more", parameters=[fault.field for fault in found])
        kept = {name: value for name, value in known.items() if name not in {fault.field for fault in found}}
        known = kept if len(kept) < len(known) else {}
    return Policy(**known)


def change_policy(
    session: Session, values: Mapping[str, Any], *, actor: str, now: datetime, version: int | None = None
) -> Policy:
    """Change parameters of the policy and return it; those not named stay, None means the product's own value.

    What changes nothing adds no version. `version` is the number of the newest version that was read (0: there was
    none). Raises Invalid naming the fields: unknown, of the wrong type, out of range, or in contradiction to another;
    Stale when somebody else has changed the policy since that version.
    """
    newest = newest_version(session)
    if version is not None and version != (newest.id if newest is not None else 0):
        raise Stale("policy_changed")
    defaults = _defaults()
    wanted = {name: defaults.get(name) if value is None else value for name, value in values.items()}
    before = asdict(current_policy(session))
    return _keep(session, {**before, **wanted}, actor, now)


def try_policy(session: Session, values: Mapping[str, Any]) -> Policy:
    """Return the policy in force with other values, without changing it. Raises Invalid naming the fields."""
    defaults = _defaults()
    wanted = {name: defaults.get(name) if value is None else value for name, value in values.items()}
    return Policy(**_sound({**asdict(current_policy(session)), **wanted}))


def restore_policy(session: Session, version_id: int | None, *, actor: str, now: datetime) -> Policy:
    """Go back to an earlier version, or (None) to what the product comes with, by adding a version that says the same.

    Raises NotFound, and Invalid when the old values do not fit any more.
    """
    version = PolicyVersion(values={}) if version_id is None else session.get(PolicyVersion, version_id)
    if version is None:
        raise NotFound("policy_version")
    return _keep(session, {**_defaults(), **version.values}, actor, now)


def newest_version(session: Session) -> PolicyVersion | None:
    """Return the version in force; None while nothing was ever changed."""
    return session.scalar(_NEWEST)


def policy_versions(session: Session, limit: int) -> Sequence[PolicyVersion]:
    """Return the newest versions, newest first."""
    return session.scalars(select(PolicyVersion).order_by(PolicyVersion.id.desc()).limit(limit)).all()


@dataclass(frozen=True, slots=True)
class Change:
    """What one version changed: `number` of the version, when, by whom, and each parameter before and after."""

    number: int
    at: datetime
    by: str
    changed: Sequence[tuple[str, Any, Any]]


def policy_changes(session: Session, limit: int) -> Sequence[Change]:
    """Return what the newest versions changed, newest first."""
    versions = policy_versions(session, limit + 1)
    before = [version.values for version in versions[1:]]
    if len(versions) <= limit:
        before.append({})
    own = _defaults()
    return [
        Change(
            version.id,
            version.at,
            version.by,
            [
                (name, old.get(name, own[name]), version.values.get(name, own[name]))
                for name in own
                if old.get(name, own[name]) != version.values.get(name, own[name])
            ],
        )
        for version, old in zip(versions, before, strict=False)
    ]


def _keep(session: Session, values: Mapping[str, Any], actor: str, now: datetime) -> Policy:
    """Add a version with everything that differs from the product's own values, when it says something new."""
    defaults = _defaults()
    changed = {name: value for name, value in _sound(values).items() if value != defaults[name]}
    newest = newest_version(session)
    if changed != (newest.values if newest is not None else {}):
        session.add(PolicyVersion(at=now, by=actor, values=changed))
        session.flush()
        look_at_all_again(session, now)
    return Policy(**changed)


def _sound(values: Mapping[str, Any]) -> Mapping[str, Any]:
    found = faults(values)
    if found:
        raise Invalid([Problem(fault.field, fault.code, dict(fault.facts)) for fault in found])
    return values


def _defaults() -> dict[str, Any]:
    return asdict(Policy())
