"""Tells what a query names, and refuses any that is built so that this cannot be told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import (
    BinaryExpression,
    BindParameter,
    BooleanClauseList,
    Case,
    ClauseElement,
    ClauseList,
    Column,
    Exists,
    Grouping,
    Join,
    Label,
    Null,
    ScalarSelect,
    Select,
    Table,
    UnaryExpression,
)
from sqlalchemy.sql import operators, visitors
from sqlalchemy.sql.elements import ColumnClause, ExpressionClauseList, False_, True_
from sqlalchemy.sql.functions import FunctionElement

from assistant.clinic.records.errors import OutOfReachError
from assistant.clinic.records.schema import metadata

# An alias, a subquery in FROM, a union or plain text would hide a table from whoever narrows the
# query, so what is not known here is refused.
_KNOWN: tuple[type[Any], ...] = (
    BinaryExpression,
    BindParameter,
    BooleanClauseList,
    Case,
    ClauseList,
    Exists,
    ExpressionClauseList,
    False_,
    Grouping,
    Join,
    Label,
    Null,
    ScalarSelect,
    True_,
    UnaryExpression,
)
_FUNCTIONS = frozenset({"coalesce", "count", "lower", "max", "min"})


def _never(_table: Table) -> bool:
    return False


def columns_of(
    clause: ClauseElement, *, narrowed: Callable[[Table], bool] = _never
) -> list[Column[Any]]:
    """Return the columns that stand anywhere in a query or condition.

    Args:
        clause: a query or a condition.
        narrowed: tells tables whose rows are narrowed. Those may stand in the outermost query
            alone, since conditions are added to that one only.

    Raises:
        OutOfReachError: when anything in it is not plain.
    """
    found: list[Column[Any]] = []
    for part in visitors.iterate(clause):
        fault = _fault(part)
        if fault is not None:
            raise _refused(fault)
        if isinstance(part, Column):
            found.append(part)
        elif isinstance(part, Select):
            found += _selected(part, outermost=part is clause)
            if part is not clause and any(narrowed(table) for table in tables_of(part)):
                raise _refused("a query within a query on rows that are somebody's own")
    return found


def tables_of(query: Select[Any]) -> list[Table]:
    """Return the tables that a query names, in their order."""
    named: dict[str, Table] = {}
    for part in visitors.iterate(query):
        table = part.table if isinstance(part, Column) else part
        if isinstance(table, Table):
            named[table.name] = table
    return list(named.values())


def _selected(query: Select[Any], *, outermost: bool) -> Iterator[Column[Any]]:
    """Yield the columns that a query selects by naming their table alone."""
    for column in query.selected_columns:
        if isinstance(column, Column):
            yield column
        elif outermost and isinstance(column, ColumnClause):
            raise _refused("an asterisk")


def _fault(part: Any) -> str | None:
    """Return what is not plain about a part of a query; None when it is plain."""
    if isinstance(part, (Table, Column)):
        table: Any = part if isinstance(part, Table) else part.table
        ours = isinstance(table, Table) and metadata.tables.get(table.name) is table
        return None if ours else "a table that is not one of the clinic's, or by another name"
    if isinstance(part, FunctionElement):
        return None if part.name in _FUNCTIONS else f"the function {part.name}"
    if type(part) is Select:
        # There is no public way to see them.
        words = part._prefixes, part._suffixes, part._hints, part._statement_hints  # noqa: SLF001
        return "words of its own" if any(words) else None
    if isinstance(getattr(part, "operator", None), operators.custom_op):
        return "an operator of its own"
    return None if _is_known(part) else type(part).__name__


def _is_known(part: Any) -> bool:
    # The star of `count(*)`, and the number of a limit.
    star = type(part) is ColumnClause and part.name == "*"
    return star or type(part) in _KNOWN or isinstance(part, BindParameter)


def _refused(what: str) -> OutOfReachError:
    return OutOfReachError(
        f"this query cannot be narrowed to what its principal may see: it uses {what}; "
        "name the clinic's tables and columns plainly"
    )
