"""What the clinic needs to know to open its database."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import URL
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from assistant.errors import SettingsError

_EXAMPLE = "postgresql://clinic_app:secret@localhost/clinic"


@dataclass(frozen=True, slots=True)
class ClinicOptions:
    """Where the clinic's records are.

    Attributes:
        url: a PostgreSQL database; None means a file of SQLite in `data_dir`.
        owner_url: the same database, as the role that owns its tables; only commands use it.
        data_dir: where the file is.
    """

    url: str | None = field(default=None, repr=False)
    owner_url: str | None = field(default=None, repr=False)
    data_dir: Path = Path("var")

    @property
    def file(self) -> Path:
        """SQLite's file."""
        return self.data_dir / "clinic.db"

    @property
    def database(self) -> URL | None:
        """The PostgreSQL database that the server logs in to; None means the file.

        Raises:
            SettingsError: when the URL is not one of PostgreSQL.
        """
        return None if self.url is None else _parsed(self.url, "DATABASE_URL")

    @property
    def owned_database(self) -> URL:
        """The PostgreSQL database as its owner sees it.

        Raises:
            SettingsError: when there is no URL, or not one of PostgreSQL.
        """
        if self.owner_url is None:
            detail = (
                "DATABASE_OWNER_URL: this command works as the role that owns the tables; set it "
                "(for example DATABASE_OWNER_URL=postgresql://clinic_owner:secret@localhost/clinic)"
            )
            raise SettingsError(detail)
        return _parsed(self.owner_url, "DATABASE_OWNER_URL")


def _parsed(text: str, name: str) -> URL:
    try:
        url = make_url(text)
    except ArgumentError:
        url = None
    if url is None or url.drivername not in {"postgresql", "postgres"} or not url.database:
        detail = f"{name}: must be a database of PostgreSQL (for example {name}={_EXAMPLE})"
        raise SettingsError(detail)
    # libpq calls it sslmode, asyncpg ssl; people know the first.
    query = {("ssl" if key == "sslmode" else key): value for key, value in url.query.items()}
    return url.set(drivername="postgresql+asyncpg", query=query)
