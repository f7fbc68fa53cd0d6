"""The clinic's first tables, and the walls round them.

Revision ID: 0001
Create Date: 2026-11-21
"""

from __future__ import annotations

from datetime import datetime
from importlib.resources import files

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_TABLES = (
    "audit handles waiting changes patient_times taken_times appointments patients closures facts "
    "insurers working_hours practitioner_services practitioner_languages practitioners services "
    "opening_hours locations"
)


def upgrade() -> None:
    """Make tables, then what keeps them as they must be."""
    _make_places()
    _make_practitioners()
    _make_words()
    _make_patients()
    _make_appointments()
    _make_times()
    _make_histories()
    _make_records()
    for statement in _statements(op.get_bind().dialect.name):
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    """Take all away; roles stay, as they belong to the whole server."""
    for table in _TABLES.split():
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION clinic_forget_handles, clinic_refuse, clinic_refuse_closed")


def _statements(dialect: str) -> list[str]:
    """Return the statements of this step's file for a database: one a paragraph."""
    folder = files("assistant.clinic.upkeep.migrations.versions")
    words = folder.joinpath(f"first_{dialect}.sql").read_text("utf-8")
    return words.split("\n\n")


def _id(name: str = "id") -> sa.Column[str]:
    return sa.Column(name, sa.String(40), primary_key=True)


def _to(target: str, name: str, *, null: bool = False, key: bool = False) -> sa.Column[str]:
    foreign = sa.ForeignKey(f"{target}.id")
    return sa.Column(name, sa.String(40), foreign, nullable=null, primary_key=key)


def _text(name: str, length: int, default: str | None = None) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=False, server_default=default)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=False)


def _weekday() -> sa.Column[int]:
    in_week = sa.CheckConstraint("weekday BETWEEN 0 AND 6", "day")
    return sa.Column("weekday", sa.Integer, in_week, primary_key=True)


def _instant(name: str, *, key: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False, primary_key=key)


def _make_places() -> None:
    op.create_table(
        "locations",
        _id(),
        _text("name", 120),
        _text("address", 200),
        _text("phone", 40),
        _text("timezone", 60),
    )
    op.create_table(
        "opening_hours",
        _to("locations", "location_id", key=True),
        _weekday(),
        sa.Column("opens", sa.Time, primary_key=True),
        sa.Column("closes", sa.Time, nullable=False),
    )
    op.create_table(
        "services",
        _id(),
        _text("name", 120),
        _text("description", 300),
        sa.Column(
            "minutes", sa.Integer, sa.CheckConstraint("minutes % 10 = 0", "grid"), nullable=False
        ),
        _number("price_cents"),
    )


def _make_practitioners() -> None:
    op.create_table(
        "practitioners", _id(), _text("name", 120), _text("specialty", 80), _text("about", 300)
    )
    op.create_table(
        "practitioner_languages",
        _to("practitioners", "practitioner_id", key=True),
        sa.Column("language", sa.String(40), primary_key=True),
    )
    op.create_table(
        "practitioner_services",
        _to("practitioners", "practitioner_id", key=True),
        _to("services", "service_id", key=True),
    )
    op.create_table(
        "working_hours",
        _to("practitioners", "practitioner_id", key=True),
        _to("locations", "location_id", key=True),
        _weekday(),
        sa.Column("starts", sa.Time, primary_key=True),
        sa.Column("ends", sa.Time, nullable=False),
    )


def _make_words() -> None:
    op.create_table("insurers", _id(), _text("name", 120), _text("note", 300, ""))
    op.create_table("facts", _id("topic"), _text("title", 120), _text("text", 600))
    op.create_table(
        "closures",
        _id(),
        _to("locations", "location_id", null=True),
        _to("practitioners", "practitioner_id", null=True),
        sa.Column("first_day", sa.Date, nullable=False),
        sa.Column("last_day", sa.Date, nullable=False),
        _text("reason", 120),
    )


def _make_patients() -> None:
    op.create_table(
        "patients",
        _id(),
        _text("given_name", 80),
        _text("family_name", 80),
        _text("search_name", 200),
        sa.Column("date_of_birth", sa.Date, nullable=False),
        _text("phone", 40),
        _text("email", 120),
        _to("insurers", "insurer_id", null=True),
        sa.Column("notes", sa.Text, nullable=False, server_default=""),
    )
    op.create_index("ix_patients_search_name", "patients", ["search_name"])
    op.create_index("ix_patients_date_of_birth", "patients", ["date_of_birth"])


def _make_appointments() -> None:
    states = "state IN ('booked', 'cancelled', 'completed', 'missed')"
    op.create_table(
        "appointments",
        _id(),
        _to("patients", "patient_id"),
        _to("practitioners", "practitioner_id"),
        _to("services", "service_id"),
        _to("locations", "location_id"),
        _instant("starts_at"),
        _instant("ends_at"),
        sa.Column("state", sa.String(12), sa.CheckConstraint(states, "state"), nullable=False),
        _text("reason", 200, ""),
        sa.CheckConstraint("ends_at > starts_at", "order"),
    )
    op.create_index("ix_appointments_starts_at", "appointments", ["starts_at"])
    op.create_index(
        "ix_appointments_patient_id_starts_at", "appointments", ["patient_id", "starts_at"]
    )


def _make_times() -> None:
    for table, whose in (("taken_times", "practitioner"), ("patient_times", "patient")):
        op.create_table(
            table,
            _to(f"{whose}s", f"{whose}_id", key=True),
            _instant("at", key=True),
            _to("appointments", "appointment_id"),
        )
        op.create_index(f"ix_{table}_appointment_id", table, ["appointment_id"])


def _make_histories() -> None:
    op.create_table(
        "changes",
        _id(),
        _to("patients", "patient_id"),
        _to("appointments", "appointment_id", null=True),
        _text("what", 20),
        _instant("at"),
        _text("by", 160),
        _text("run_id", 40),
        _text("effect_key", 200),
        sa.Column("told", sa.Text, nullable=False),
        sa.UniqueConstraint("effect_key"),
    )
    op.create_index("ix_changes_appointment_id", "changes", ["appointment_id"])
    op.create_table(
        "waiting",
        _id(),
        _to("patients", "patient_id"),
        _to("services", "service_id"),
        _to("practitioners", "practitioner_id", null=True),
        _instant("since"),
    )


def _make_records() -> None:
    op.create_table(
        "handles",
        sa.Column("scope", sa.String(64), primary_key=True),
        sa.Column("handle", sa.String(24), primary_key=True),
        _text("kind", 20),
        _text("ref", 200),
        _instant("made_at"),
        sa.UniqueConstraint("scope", "kind", "ref"),
    )
    op.create_index("ix_handles_made_at", "handles", ["made_at"])
    op.create_table(
        "audit",
        _id(),
        _instant("at"),
        _text("principal", 160),
        _text("kind", 10),
        _text("action", 60),
        _text("run_id", 40),
        _text("call_id", 160),
        _text("correlation_id", 128),
        _text("outcome", 12),
        _number("rows_read"),
        _number("rows_written"),
    )
    op.create_index("ix_audit_at", "audit", ["at"])
