"""visits to which a second technician goes along"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261123_0115"
down_revision = "20261123_0110"
branch_labels = None
depends_on = None

_STANDS = sa.text("status <> 'cancelled'")


def upgrade() -> None:
    """Go forward."""
    # In words: SQLite takes constraints with a new column, and would otherwise write the whole table anew, to which
    # others refer.
    for name, table in (("second_technician_id", "technician"), ("beside_id", "visit")):
        op.execute(
            f"ALTER TABLE visit ADD COLUMN {name} INTEGER CONSTRAINT fk_visit_{name}_{table} REFERENCES {table} (id)"
        )
    op.create_index(
        "ix_visit_beside", "visit", ["beside_id"], unique=True, sqlite_where=_STANDS, postgresql_where=_STANDS
    )
    op.execute(
        "ALTER TABLE service ADD COLUMN technicians INTEGER DEFAULT 1 NOT NULL CONSTRAINT ck_service_technicians"
        " CHECK (technicians IN (1, 2))"
    )


def downgrade() -> None:
    """Go back."""
    op.execute("ALTER TABLE service DROP COLUMN technicians")
    op.drop_index("ix_visit_beside", "visit")
    op.execute("ALTER TABLE visit DROP COLUMN beside_id")
    op.execute("ALTER TABLE visit DROP COLUMN second_technician_id")
