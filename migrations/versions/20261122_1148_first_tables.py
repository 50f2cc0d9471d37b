"""first tables"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import app.db

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


EVIDENCE = ("visit_event", "decision_entry", "receipt", "policy_version")

NO_OVERLAP_POSTGRESQL = (
    "ALTER TABLE visit ADD CONSTRAINT visit_no_overlap EXCLUDE USING gist ("
    " int4range(technician_id, technician_id, '[]') WITH =,"
    " tstzrange(planned_from_at, planned_until_at) WITH &&)"
    " WHERE (technician_id IS NOT NULL AND status <> 'cancelled')"
)
NO_OVERLAP_SQLITE = (
    " WHEN NEW.technician_id IS NOT NULL AND NEW.status <> 'cancelled' AND EXISTS ("
    " SELECT 1 FROM visit other WHERE other.technician_id = NEW.technician_id AND other.id IS NOT NEW.id"
    " AND other.status <> 'cancelled' AND other.planned_from_at < NEW.planned_until_at"
    " AND other.planned_until_at > NEW.planned_from_at)"
    " BEGIN SELECT RAISE(ABORT, 'visit_no_overlap'); END"
)


def _guard() -> None:
    """Let the database itself refuse overlapping visits and changed evidence, in the way each of the two can."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(NO_OVERLAP_POSTGRESQL)
        op.execute(
            "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$"
            " BEGIN RAISE EXCEPTION 'evidence is only added to: %', TG_TABLE_NAME; END $$"
        )
        for table in EVIDENCE:
            op.execute(
                f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}"
                " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
            )
        return
    op.execute("CREATE TRIGGER visit_no_overlap_insert BEFORE INSERT ON visit" + NO_OVERLAP_SQLITE)
    op.execute(
        "CREATE TRIGGER visit_no_overlap_update"
        " BEFORE UPDATE OF technician_id, planned_from_at, planned_until_at, status ON visit" + NO_OVERLAP_SQLITE
    )
    for table in EVIDENCE:
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table}"
                f" BEGIN SELECT RAISE(ABORT, 'evidence is only added to: {table}'); END"
            )


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "api_token",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("created_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", app.db.UTCDateTime(timezone=True), nullable=True),
        sa.CheckConstraint("role IN ('technician', 'dispatcher', 'manager', 'admin')", name=op.f("ck_api_token_role")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_token")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_api_token_token_hash")),
    )
    op.create_table(
        "backtest",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("created_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("first_on", sa.Date(), nullable=False),
        sa.Column("last_on", sa.Date(), nullable=False),
        sa.Column("policy_values", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("state_reason", sa.String(), nullable=True),
        sa.Column("progress", sa.Double(), nullable=False),
        sa.Column("runs", sa.Integer(), nullable=False),
        sa.Column("started_at", app.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("seen_at", app.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("finished_at", app.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("result", sa.JSON(), nullable=True),
        sa.CheckConstraint(
            "state IN ('waiting', 'running', 'done', 'failed', 'cancelled')", name=op.f("ck_backtest_state")
        ),
        sa.CheckConstraint("first_on <= last_on", name=op.f("ck_backtest_days")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backtest")),
    )
    op.create_table(
        "company",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("short_name", sa.String(), nullable=False),
        sa.Column("phone", sa.String(), nullable=False),
        sa.Column("phone_hours", sa.String(), nullable=False),
        sa.Column("sender_role", sa.String(), nullable=False),
        sa.Column("sender_name", sa.String(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_company_only_one")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_company")),
    )
    op.create_table(
        "customer",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("mobile", sa.String(), nullable=True),
        sa.Column("phone", sa.String(), nullable=True),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("line_id", sa.String(), nullable=True),
        sa.Column("notices", sa.String(), nullable=False),
        sa.Column("first_channel", sa.String(), nullable=True),
        sa.Column("created_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('individual', 'corporate')", name=op.f("ck_customer_kind")),
        sa.CheckConstraint("notices IN ('all', 'delays', 'none')", name=op.f("ck_customer_notices")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer")),
    )
    op.create_table(
        "job_run",
        sa.Column("job", sa.String(), nullable=False),
        sa.Column("slot_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("ran_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("job", "slot_at", name=op.f("pk_job_run")),
    )
    op.create_table(
        "lease",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("until_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("seen_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_lease")),
    )
    op.create_table(
        "learning",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("learned_at", app.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("anew_at", app.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("anew_by", sa.String(), nullable=True),
        sa.CheckConstraint("id = 1", name=op.f("ck_learning_only_one")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_learning")),
    )
    op.create_table(
        "lesson",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.CheckConstraint("kind IN ('travel', 'work', 'window')", name=op.f("ck_lesson_kind")),
        sa.PrimaryKeyConstraint("kind", "key", name=op.f("pk_lesson")),
    )
    op.create_table(
        "policy_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("values", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policy_version")),
    )
    op.create_table(
        "service",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name_ja", sa.String(), nullable=False),
        sa.Column("name_en", sa.String(), nullable=False),
        sa.Column("duration_min", sa.Integer(), nullable=False),
        sa.Column("skill", sa.String(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.CheckConstraint("duration_min > 0", name=op.f("ck_service_duration_min")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service")),
    )
    op.create_table(
        "technician",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("skills", sa.JSON(), nullable=False),
        sa.Column("travels_by", sa.String(), nullable=False),
        sa.Column("base_lat", sa.Double(), nullable=True),
        sa.Column("base_lon", sa.Double(), nullable=True),
        sa.Column("working_hours", sa.JSON(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(), nullable=True),
        sa.Column("state_since_at", app.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("state_why", sa.String(), nullable=True),
        sa.Column("state_found_at", app.db.UTCDateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "travels_by IN ('car', 'public_transport', 'bicycle')", name=op.f("ck_technician_travels_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_technician")),
    )
    op.create_table(
        "user",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("role IN ('technician', 'dispatcher', 'manager', 'admin')", name=op.f("ck_user_role")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user")),
        sa.UniqueConstraint("email", name=op.f("uq_user_email")),
    )
    op.create_table(
        "current_position",
        sa.Column("technician_id", sa.Integer(), nullable=False),
        sa.Column("fixed_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("received_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("lat", sa.Double(), nullable=False),
        sa.Column("lon", sa.Double(), nullable=False),
        sa.Column("accuracy_m", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(
            ["technician_id"], ["technician.id"], name=op.f("fk_current_position_technician_id_technician")
        ),
        sa.PrimaryKeyConstraint("technician_id", name=op.f("pk_current_position")),
    )
    op.create_table(
        "device",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("technician_id", sa.Integer(), nullable=False),
        sa.Column("username", sa.String(), nullable=False),
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("created_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", app.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", app.db.UTCDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["technician_id"], ["technician.id"], name=op.f("fk_device_technician_id_technician")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_device_token_hash")),
        sa.UniqueConstraint("username", name=op.f("uq_device_username")),
    )
    op.create_index(op.f("ix_device_technician_id"), "device", ["technician_id"], unique=False)
    op.create_table(
        "idempotent_reply",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("api_token_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("request_hash", sa.String(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("created_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["api_token_id"], ["api_token.id"], name=op.f("fk_idempotent_reply_api_token_id_api_token")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_idempotent_reply")),
        sa.UniqueConstraint("api_token_id", "key", name=op.f("uq_idempotent_reply_api_token_id_key")),
    )
    op.create_table(
        "phone_link",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("technician_id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("created_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("expires_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("used_at", app.db.UTCDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["technician_id"], ["technician.id"], name=op.f("fk_phone_link_technician_id_technician")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phone_link")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_phone_link_token_hash")),
    )
    op.create_index(op.f("ix_phone_link_technician_id"), "phone_link", ["technician_id"], unique=False)
    op.create_table(
        "position_fix",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("technician_id", sa.Integer(), nullable=False),
        sa.Column("fixed_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("received_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("lat", sa.Double(), nullable=False),
        sa.Column("lon", sa.Double(), nullable=False),
        sa.Column("accuracy_m", sa.Double(), nullable=True),
        sa.Column("speed_mps", sa.Double(), nullable=True),
        sa.Column("moved", sa.Boolean(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.CheckConstraint(
            "lat BETWEEN -90 AND 90 AND lon BETWEEN -180 AND 180", name=op.f("ck_position_fix_on_earth")
        ),
        sa.ForeignKeyConstraint(
            ["technician_id"], ["technician.id"], name=op.f("fk_position_fix_technician_id_technician")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_position_fix")),
        sa.UniqueConstraint(
            "technician_id", "fixed_at", "lat", "lon", name=op.f("uq_position_fix_technician_id_fixed_at_lat_lon")
        ),
    )
    op.create_index("ix_position_fix_received", "position_fix", ["received_at"], unique=False)
    op.create_table(
        "quarantined_input",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("technician_id", sa.Integer(), nullable=True),
        sa.Column("received_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["technician_id"], ["technician.id"], name=op.f("fk_quarantined_input_technician_id_technician")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarantined_input")),
    )
    op.create_index("ix_quarantined_input_received", "quarantined_input", ["received_at"], unique=False)
    op.create_table(
        "sign_in",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("technician_id", sa.Integer(), nullable=True),
        sa.Column("created_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("expires_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", app.db.UTCDateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(user_id IS NULL) <> (technician_id IS NULL)", name=op.f("ck_sign_in_one_person")),
        sa.ForeignKeyConstraint(["technician_id"], ["technician.id"], name=op.f("fk_sign_in_technician_id_technician")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_sign_in_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_sign_in_token_hash")),
    )
    op.create_index(op.f("ix_sign_in_technician_id"), "sign_in", ["technician_id"], unique=False)
    op.create_index(op.f("ix_sign_in_user_id"), "sign_in", ["user_id"], unique=False)
    op.create_table(
        "site",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("lat", sa.Double(), nullable=True),
        sa.Column("lon", sa.Double(), nullable=True),
        sa.Column("located_by", sa.String(), nullable=False),
        sa.Column("locate_tried_at", app.db.UTCDateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(lat IS NULL) = (lon IS NULL)", name=op.f("ck_site_whole_position")),
        sa.CheckConstraint("lat BETWEEN -90 AND 90 AND lon BETWEEN -180 AND 180", name=op.f("ck_site_on_earth")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_site_customer_id_customer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_site")),
    )
    op.create_index(op.f("ix_site_customer_id"), "site", ["customer_id"], unique=False)
    op.create_table(
        "visit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.Column("service_id", sa.Integer(), nullable=False),
        sa.Column("technician_id", sa.Integer(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("link_token", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("created_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("promised_from_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("promised_until_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("planned_from_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("planned_until_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("duration_min", sa.Integer(), nullable=False),
        sa.Column("en_route_at", app.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("arrived_at", app.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("completed_at", app.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("en_route_by", sa.String(), nullable=True),
        sa.Column("arrived_by", sa.String(), nullable=True),
        sa.Column("completed_by", sa.String(), nullable=True),
        sa.Column("eta_reported", app.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("eta_reported_at", app.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("forecast_from_at", app.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("forecast_until_at", app.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("forecast_median_at", app.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("late_probability", sa.Double(), nullable=True),
        sa.Column("forecast_as_of_at", app.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("forecast_basis", sa.String(), nullable=True),
        sa.Column("forecast_state", sa.String(), nullable=True),
        sa.Column("noted_at", app.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("noted_median_at", app.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("noted_until_at", app.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("watch", sa.JSON(), nullable=False),
        sa.Column("decided_reason", sa.String(), nullable=True),
        sa.Column("decided_alarm", sa.String(), nullable=True),
        sa.Column("check_at", app.db.UTCDateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('booked', 'en_route', 'arrived', 'working', 'completed', 'no_access', 'cancelled')",
            name=op.f("ck_visit_status"),
        ),
        sa.CheckConstraint("planned_from_at < planned_until_at", name=op.f("ck_visit_plan")),
        sa.CheckConstraint("promised_from_at <= promised_until_at", name=op.f("ck_visit_promise")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_visit_customer_id_customer")),
        sa.ForeignKeyConstraint(["service_id"], ["service.id"], name=op.f("fk_visit_service_id_service")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_visit_site_id_site")),
        sa.ForeignKeyConstraint(["technician_id"], ["technician.id"], name=op.f("fk_visit_technician_id_technician")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit")),
        sa.UniqueConstraint("link_token", name=op.f("uq_visit_link_token")),
    )
    op.create_index(op.f("ix_visit_customer_id"), "visit", ["customer_id"], unique=False)
    op.create_index("ix_visit_day", "visit", ["technician_id", "planned_from_at"], unique=False)
    op.create_index(
        "ix_visit_due",
        "visit",
        ["check_at"],
        unique=False,
        sqlite_where=sa.text("check_at IS NOT NULL AND status IN ('booked', 'en_route', 'arrived', 'working')"),
        postgresql_where=sa.text("check_at IS NOT NULL AND status IN ('booked', 'en_route', 'arrived', 'working')"),
    )
    op.create_index("ix_visit_promised", "visit", ["promised_from_at"], unique=False)
    op.create_index(op.f("ix_visit_site_id"), "visit", ["site_id"], unique=False)
    op.create_table(
        "alarm",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("visit_id", sa.Integer(), nullable=True),
        sa.Column("technician_id", sa.Integer(), nullable=True),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("raised_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("cleared_at", app.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("cleared_by", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["technician_id"], ["technician.id"], name=op.f("fk_alarm_technician_id_technician")),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_alarm_visit_id_visit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alarm")),
    )
    op.create_index("ix_alarm_subject", "alarm", ["subject", "kind"], unique=False)
    op.create_index(op.f("ix_alarm_visit_id"), "alarm", ["visit_id"], unique=False)
    op.create_index(
        "uq_alarm_raised",
        "alarm",
        ["subject", "kind"],
        unique=True,
        sqlite_where=sa.text("cleared_at IS NULL"),
        postgresql_where=sa.text("cleared_at IS NULL"),
    )
    op.create_table(
        "decision_entry",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("visit_id", sa.Integer(), nullable=False),
        sa.Column("at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(), nullable=True),
        sa.Column("reason_code", sa.String(), nullable=False),
        sa.Column("reason_facts", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_decision_entry_visit_id_visit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decision_entry")),
    )
    op.create_index(op.f("ix_decision_entry_visit_id"), "decision_entry", ["visit_id"], unique=False)
    op.create_table(
        "forecast_entry",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("visit_id", sa.Integer(), nullable=False),
        sa.Column("at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("from_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("median_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("until_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("late_probability", sa.Double(), nullable=False),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("as_of_at", app.db.UTCDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_forecast_entry_visit_id_visit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_forecast_entry")),
    )
    op.create_index("ix_forecast_entry_at", "forecast_entry", ["at"], unique=False)
    op.create_index(op.f("ix_forecast_entry_visit_id"), "forecast_entry", ["visit_id"], unique=False)
    op.create_table(
        "notice",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("visit_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("dedupe_key", sa.String(), nullable=False),
        sa.Column("created_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("quoted_from_at", app.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("quoted_until_at", app.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("reason_code", sa.String(), nullable=False),
        sa.Column("reason_facts", sa.JSON(), nullable=False),
        sa.Column("promised_from_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("promised_until_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("technician_id", sa.Integer(), nullable=True),
        sa.Column("short", sa.String(), nullable=True),
        sa.Column("subject", sa.String(), nullable=True),
        sa.Column("body", sa.String(), nullable=True),
        sa.Column("channels", sa.JSON(), nullable=False),
        sa.Column("channel_index", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("state_reason", sa.String(), nullable=True),
        sa.Column("next_attempt_at", app.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("expires_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("attempts_made", sa.Integer(), nullable=False),
        sa.Column("claimed_until_at", app.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("claim_token", sa.String(), nullable=True),
        sa.Column("sent_at", app.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("delivered_at", app.db.UTCDateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('due', 'sending', 'sent', 'delivered', 'failed', 'unknown', 'dropped', 'held')",
            name=op.f("ck_notice_state"),
        ),
        sa.ForeignKeyConstraint(["technician_id"], ["technician.id"], name=op.f("fk_notice_technician_id_technician")),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_notice_visit_id_visit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
        sa.UniqueConstraint("dedupe_key", name=op.f("uq_notice_dedupe_key")),
    )
    op.create_index(op.f("ix_notice_visit_id"), "notice", ["visit_id"], unique=False)
    op.create_index(
        "ix_notice_waiting",
        "notice",
        ["next_attempt_at"],
        unique=False,
        sqlite_where=sa.text("state IN ('due', 'sending')"),
        postgresql_where=sa.text("state IN ('due', 'sending')"),
    )
    op.create_table(
        "visit_event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("visit_id", sa.Integer(), nullable=False),
        sa.Column("at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("client_key", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_visit_event_visit_id_visit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit_event")),
        sa.UniqueConstraint("client_key", name=op.f("uq_visit_event_client_key")),
    )
    op.create_index(op.f("ix_visit_event_visit_id"), "visit_event", ["visit_id"], unique=False)
    op.create_table(
        "notice_attempt",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("notice_id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("started_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("finished_at", app.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("provider_id", sa.String(), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["notice_id"], ["notice.id"], name=op.f("fk_notice_attempt_notice_id_notice")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice_attempt")),
    )
    op.create_index(op.f("ix_notice_attempt_notice_id"), "notice_attempt", ["notice_id"], unique=False)
    op.create_index(op.f("ix_notice_attempt_provider_id"), "notice_attempt", ["provider_id"], unique=False)
    op.create_table(
        "receipt",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("notice_id", sa.Integer(), nullable=False),
        sa.Column("attempt_id", sa.Integer(), nullable=False),
        sa.Column("received_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("error_code", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["attempt_id"], ["notice_attempt.id"], name=op.f("fk_receipt_attempt_id_notice_attempt")
        ),
        sa.ForeignKeyConstraint(["notice_id"], ["notice.id"], name=op.f("fk_receipt_notice_id_notice")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipt")),
        sa.UniqueConstraint("attempt_id", "status", name=op.f("uq_receipt_attempt_id_status")),
    )
    op.create_index(op.f("ix_receipt_notice_id"), "receipt", ["notice_id"], unique=False)
    _guard()


def downgrade() -> None:
    """Go back."""
    op.drop_index(op.f("ix_receipt_notice_id"), table_name="receipt")
    op.drop_table("receipt")
    op.drop_index(op.f("ix_notice_attempt_provider_id"), table_name="notice_attempt")
    op.drop_index(op.f("ix_notice_attempt_notice_id"), table_name="notice_attempt")
    op.drop_table("notice_attempt")
    op.drop_index(op.f("ix_visit_event_visit_id"), table_name="visit_event")
    op.drop_table("visit_event")
    op.drop_index(
        "ix_notice_waiting",
        table_name="notice",
        sqlite_where=sa.text("state IN ('due', 'sending')"),
        postgresql_where=sa.text("state IN ('due', 'sending')"),
    )
    op.drop_index(op.f("ix_notice_visit_id"), table_name="notice")
    op.drop_table("notice")
    op.drop_index(op.f("ix_forecast_entry_visit_id"), table_name="forecast_entry")
    op.drop_index("ix_forecast_entry_at", table_name="forecast_entry")
    op.drop_table("forecast_entry")
    op.drop_index(op.f("ix_decision_entry_visit_id"), table_name="decision_entry")
    op.drop_table("decision_entry")
    op.drop_index(
        "uq_alarm_raised",
        table_name="alarm",
        sqlite_where=sa.text("cleared_at IS NULL"),
        postgresql_where=sa.text("cleared_at IS NULL"),
    )
    op.drop_index(op.f("ix_alarm_visit_id"), table_name="alarm")
    op.drop_index("ix_alarm_subject", table_name="alarm")
    op.drop_table("alarm")
    op.drop_index(op.f("ix_visit_site_id"), table_name="visit")
    op.drop_index("ix_visit_promised", table_name="visit")
    op.drop_index(
        "ix_visit_due",
        table_name="visit",
        sqlite_where=sa.text("check_at IS NOT NULL AND status IN ('booked', 'en_route', 'arrived', 'working')"),
        postgresql_where=sa.text("check_at IS NOT NULL AND status IN ('booked', 'en_route', 'arrived', 'working')"),
    )
    op.drop_index("ix_visit_day", table_name="visit")
    op.drop_index(op.f("ix_visit_customer_id"), table_name="visit")
    op.drop_table("visit")
    op.drop_index(op.f("ix_site_customer_id"), table_name="site")
    op.drop_table("site")
    op.drop_index(op.f("ix_sign_in_user_id"), table_name="sign_in")
    op.drop_index(op.f("ix_sign_in_technician_id"), table_name="sign_in")
    op.drop_table("sign_in")
    op.drop_index("ix_quarantined_input_received", table_name="quarantined_input")
    op.drop_table("quarantined_input")
    op.drop_index("ix_position_fix_received", table_name="position_fix")
    op.drop_table("position_fix")
    op.drop_index(op.f("ix_phone_link_technician_id"), table_name="phone_link")
    op.drop_table("phone_link")
    op.drop_table("idempotent_reply")
    op.drop_index(op.f("ix_device_technician_id"), table_name="device")
    op.drop_table("device")
    op.drop_table("current_position")
    op.drop_table("user")
    op.drop_table("technician")
    op.drop_table("service")
    op.drop_table("policy_version")
    op.drop_table("lesson")
    op.drop_table("learning")
    op.drop_table("lease")
    op.drop_table("job_run")
    op.drop_table("customer")
    op.drop_table("company")
    op.drop_table("backtest")
    op.drop_table("api_token")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_change()")
