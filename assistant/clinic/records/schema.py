"""The clinic's tables: what is kept, what is personal, and what can never be double."""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    Time,
    UniqueConstraint,
)

from assistant.clinic.records.columns import NAMES, Instant, id_of, own_id

GRID = 10
"""Minutes between two times at which an appointment may begin; durations are multiples of it."""

metadata = MetaData(naming_convention=NAMES)

# What anybody may know.

locations = Table(
    "locations",
    metadata,
    own_id(),
    Column("name", String(120), nullable=False),
    Column("address", String(200), nullable=False),
    Column("phone", String(40), nullable=False),
    Column("timezone", String(60), nullable=False),
)

opening_hours = Table(
    "opening_hours",
    metadata,
    id_of("locations.id", key=True),
    Column("weekday", Integer, CheckConstraint("weekday BETWEEN 0 AND 6", "day"), primary_key=True),
    Column("opens", Time, primary_key=True),
    Column("closes", Time, nullable=False),
)

services = Table(
    "services",
    metadata,
    own_id(),
    Column("name", String(120), nullable=False),
    Column("description", String(300), nullable=False),
    Column("minutes", Integer, CheckConstraint(f"minutes % {GRID} = 0", "grid"), nullable=False),
    Column("price_cents", Integer, nullable=False),
)

practitioners = Table(
    "practitioners",
    metadata,
    own_id(),
    Column("name", String(120), nullable=False),
    Column("specialty", String(80), nullable=False),
    Column("about", String(300), nullable=False),
)

practitioner_languages = Table(
    "practitioner_languages",
    metadata,
    id_of("practitioners.id", key=True),
    Column("language", String(40), primary_key=True),
)

practitioner_services = Table(
    "practitioner_services",
    metadata,
    id_of("practitioners.id", key=True),
    id_of("services.id", key=True),
)

working_hours = Table(
    "working_hours",
    metadata,
    id_of("practitioners.id", key=True),
    id_of("locations.id", key=True),
    Column("weekday", Integer, CheckConstraint("weekday BETWEEN 0 AND 6", "day"), primary_key=True),
    Column("starts", Time, primary_key=True),
    Column("ends", Time, nullable=False),
)

insurers = Table(
    "insurers",
    metadata,
    own_id(),
    Column("name", String(120), nullable=False),
    Column("note", String(300), nullable=False, server_default=""),
)

facts = Table(
    "facts",
    metadata,
    own_id("topic"),
    Column("title", String(120), nullable=False),
    Column("text", String(600), nullable=False),
)

# Days on which nothing is given: of the whole clinic, of one location, or of one practitioner.
closures = Table(
    "closures",
    metadata,
    own_id(),
    id_of("locations.id", null=True),
    id_of("practitioners.id", null=True),
    Column("first_day", Date, nullable=False),
    Column("last_day", Date, nullable=False),
    Column("reason", String(120), nullable=False),
)

# Times that are taken, in steps of the grid, and by nobody's name. Its primary key is what makes
# a double booking impossible, also of appointments that only overlap.
taken_times = Table(
    "taken_times",
    metadata,
    id_of("practitioners.id", key=True),
    Column("at", Instant, primary_key=True),
    Column("appointment_id", String(40), ForeignKey("appointments.id"), nullable=False, index=True),
)

# What is somebody's own.

patients = Table(
    "patients",
    metadata,
    own_id(),
    Column("given_name", String(80), nullable=False),
    Column("family_name", String(80), nullable=False),
    # Both names folded: without accents and case, for looking up.
    Column("search_name", String(200), nullable=False, index=True),
    Column("date_of_birth", Date, nullable=False, index=True),
    Column("phone", String(40), nullable=False),
    Column("email", String(120), nullable=False),
    Column("insurer_id", String(40), ForeignKey("insurers.id")),
    Column("notes", Text, nullable=False, server_default=""),
)

STATES = ("booked", "cancelled", "completed", "missed")

appointments = Table(
    "appointments",
    metadata,
    own_id(),
    id_of("patients.id"),
    id_of("practitioners.id"),
    id_of("services.id"),
    id_of("locations.id"),
    Column("starts_at", Instant, nullable=False),
    Column("ends_at", Instant, nullable=False),
    Column(
        "state",
        String(12),
        CheckConstraint(f"state IN {STATES}", "state"),
        nullable=False,
    ),
    Column("reason", String(200), nullable=False, server_default=""),
    CheckConstraint("ends_at > starts_at", "order"),
    Index("ix_appointments_patient_id_starts_at", "patient_id", "starts_at"),
    Index("ix_appointments_starts_at", "starts_at"),
)

# A patient cannot be in two places at once either.
patient_times = Table(
    "patient_times",
    metadata,
    id_of("patients.id", key=True),
    Column("at", Instant, primary_key=True),
    Column("appointment_id", String(40), ForeignKey("appointments.id"), nullable=False, index=True),
)

# What happened to an appointment, and the key of the call that did it: the same transaction holds
# both, so that a call that broke off can be found out about.
changes = Table(
    "changes",
    metadata,
    own_id(),
    id_of("patients.id"),
    Column("appointment_id", String(40), ForeignKey("appointments.id"), index=True),
    Column("what", String(20), nullable=False),
    Column("at", Instant, nullable=False),
    Column("by", String(160), nullable=False),
    Column("run_id", String(40), nullable=False),
    Column("effect_key", String(200), nullable=False),
    Column("told", Text, nullable=False),
    UniqueConstraint("effect_key"),
)

waiting = Table(
    "waiting",
    metadata,
    own_id(),
    id_of("patients.id"),
    id_of("services.id"),
    id_of("practitioners.id", null=True),
    Column("since", Instant, nullable=False),
)

# Names of records for one conversation; outside of it they mean nothing.
handles = Table(
    "handles",
    metadata,
    Column("scope", String(64), primary_key=True),
    Column("handle", String(24), primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("ref", String(200), nullable=False),
    Column("made_at", Instant, nullable=False, index=True),
    UniqueConstraint("scope", "kind", "ref"),
)

# Who looked at or changed what; only ever added to.
audit = Table(
    "audit",
    metadata,
    own_id(),
    Column("at", Instant, nullable=False, index=True),
    Column("principal", String(160), nullable=False),
    Column("kind", String(10), nullable=False),
    Column("action", String(60), nullable=False),
    Column("run_id", String(40), nullable=False),
    Column("call_id", String(160), nullable=False),
    Column("correlation_id", String(128), nullable=False),
    Column("outcome", String(12), nullable=False),
    Column("rows_read", Integer, nullable=False),
    Column("rows_written", Integer, nullable=False),
)

PUBLIC = frozenset(
    table.name
    for table in (
        locations,
        opening_hours,
        services,
        practitioners,
        practitioner_languages,
        practitioner_services,
        working_hours,
        insurers,
        facts,
        closures,
    )
)
