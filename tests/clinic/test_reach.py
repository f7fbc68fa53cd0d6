"""Reach: what is not plain is refused, so that no query hides a table from its conditions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import (
    Column,
    MetaData,
    Select,
    String,
    Table,
    case,
    cast,
    column,
    exists,
    func,
    literal_column,
    or_,
    select,
    table,
    text,
    union_all,
    values,
)
from sqlalchemy.sql.expression import lateral, tablesample

from assistant.clinic.records.errors import OutOfReachError
from assistant.clinic.records.reach import Reach
from assistant.clinic.records.schema import (
    appointments,
    audit,
    handles,
    patients,
    practitioner_services,
    practitioners,
    taken_times,
)

PATIENT = Reach("patient", "P-1")
STAFF = Reach("staff", None)
alias = appointments.alias("mine")
double = Table("appointments", MetaData(), Column("id", String), Column("notes", String))
by_name = table("appointments", column("id"))

HIDDEN: dict[str, Callable[[], Any]] = {
    "an alias": lambda: select(alias.c.id),
    "an alias beside the table": lambda: select(appointments.c.id, alias.c.id),
    "an anonymous alias": lambda: select(appointments.alias().c.reason),
    "a subquery in FROM": lambda: select(select(appointments.c.id).subquery().c.id),
    "a common table expression": lambda: select(select(appointments.c.id).cte().c.id),
    "a lateral": lambda: select(lateral(select(appointments.c.id)).c.id),
    "a sample": lambda: select(tablesample(appointments, 50).c.id),
    "a union": lambda: union_all(select(appointments.c.id), select(appointments.c.id)),
    "a union as a table": lambda: select(
        union_all(select(appointments.c.id), select(appointments.c.id)).subquery().c.id
    ),
    "a query as a column": lambda: select(
        practitioners.c.id, select(func.max(appointments.c.reason)).scalar_subquery()
    ),
    "a query in a condition": lambda: select(practitioners.c.id).where(
        exists(select(appointments.c.id).where(appointments.c.reason == "x"))
    ),
    "a query in a list": lambda: select(practitioners.c.id).where(
        practitioners.c.id.in_(select(appointments.c.practitioner_id))
    ),
    "a query in an order": lambda: select(practitioners.c.id).order_by(
        select(func.count(appointments.c.id)).scalar_subquery()
    ),
    "a query in a case": lambda: select(
        case((exists(select(appointments.c.id)), 1), else_=0).label("x")
    ),
    "a double of the table": lambda: select(double.c.notes),
    "a table by name": lambda: select(by_name.c.id),
    "a table of text": lambda: select(appointments.c.id).select_from(text("patients")),
    "text in a column": lambda: select(text("notes")).select_from(patients),
    "text in a condition": lambda: select(appointments.c.id).where(text("1=1")),
    "text in an order": lambda: select(appointments.c.id).order_by(text("notes")),
    "a name in an order": lambda: select(appointments.c.id).order_by("notes"),
    "a literal column": lambda: select(literal_column("notes")).select_from(patients),
    "an asterisk": lambda: select(literal_column("*")).select_from(patients),
    "a statement of text": lambda: text("SELECT id FROM patients").columns(column("id")),
    "a prefix": lambda: select(appointments.c.id).prefix_with("notes,"),
    "a suffix": lambda: select(appointments.c.id).suffix_with("UNION SELECT notes FROM patients"),
    "a hint": lambda: select(appointments.c.id).with_hint(appointments, "INDEXED BY x"),
    "a hint to all": lambda: select(appointments.c.id).with_statement_hint("x"),
    "an operator": lambda: select(appointments.c.id.op("|| notes ||")("x")),
    "a function": lambda: select(func.pg_read_file("x")),
    "a function as a table": lambda: select(func.query_to_xml("x").table_valued("y")),
    "another role": lambda: select(func.set_config("role", "x", "true")),
    "a cast": lambda: select(cast(appointments.c.id, String)),
    "a list of values": lambda: select(values(column("x", String), name="v").data([("a",)])),
}


@pytest.mark.parametrize("what", HIDDEN)
@pytest.mark.parametrize("reach", [PATIENT, Reach("visitor", None)], ids=["patient", "visitor"])
def test_what_could_hide_a_table_is_refused(what: str, reach: Reach) -> None:
    with pytest.raises(OutOfReachError):
        reach.scoped(HIDDEN[what]())


FORBIDDEN: dict[str, Select[Any]] = {
    "selected": select(patients.c.notes),
    "with the whole table": select(patients),
    "in a condition": select(patients.c.id).where(patients.c.notes.like("%x%")),
    "in an order": select(patients.c.id).order_by(patients.c.notes.desc()),
    "in a function": select(func.max(patients.c.notes)),
    "in a join": select(patients.c.id).join_from(
        patients, appointments, patients.c.notes == appointments.c.reason
    ),
    "in a group": select(func.count()).select_from(patients).group_by(patients.c.notes),
    "under a label": select(patients.c.notes.label("given_name")),
    "audit": select(func.count()).select_from(audit),
    "handles": select(handles.c.handle),
}


@pytest.mark.parametrize("where", FORBIDDEN)
@pytest.mark.parametrize("reach", [PATIENT, STAFF], ids=["patient", "staff"])
def test_a_column_that_is_nobodys_to_read_stands_nowhere(where: str, reach: Reach) -> None:
    with pytest.raises(OutOfReachError):
        reach.scoped(FORBIDDEN[where])


def test_what_is_plain_passes_and_is_narrowed() -> None:
    query = (
        select(appointments.c.id, func.count().label("n"))
        .join(practitioners, practitioners.c.id == appointments.c.practitioner_id)
        .where(or_(appointments.c.state == "booked", appointments.c.reason.is_(None)))
        .where(
            practitioners.c.id.in_(
                select(practitioner_services.c.practitioner_id).where(
                    practitioner_services.c.service_id == "S-1"
                )
            )
        )
        .group_by(appointments.c.id)
        .order_by(appointments.c.starts_at.desc())
        .limit(3)
    )
    narrowed = PATIENT.scoped(query).compile()
    assert "appointments.patient_id = " in str(narrowed)
    assert "P-1" in narrowed.params.values()
    assert "patient_id" not in str(STAFF.scoped(query).compile()).partition("FROM")[2]


def test_an_or_of_the_querys_own_does_not_widen_it() -> None:
    query = select(appointments.c.id).where(
        or_(appointments.c.id == "A-1", appointments.c.patient_id == "P-2")
    )
    where = str(PATIENT.scoped(query).compile()).partition("WHERE")[2]
    assert where.strip().startswith("(")
    assert "AND appointments.patient_id = " in where


@pytest.mark.parametrize("reach", [PATIENT, STAFF], ids=["patient", "staff"])
def test_a_delete_says_what_and_names_no_other_table(reach: Reach) -> None:
    wheres: tuple[tuple[Any, ...], ...] = (
        (),
        (appointments.c.patient_id == "P-2",),
        (taken_times.c.appointment_id.in_(select(appointments.c.id)),),
        (text("1=1"),),
        (taken_times.c.at.op("OR 1=1 OR")("x"),),
    )
    for where in wheres:
        with pytest.raises(OutOfReachError):
            reach.check_delete(taken_times, where)
