"""What a key or token says of somebody, made into a principal, or a fault in plain words."""

from __future__ import annotations

import re
from collections.abc import Iterable

from assistant.models import Principal

PATIENT, STAFF = "patient", "staff"
ROLE = r"^[a-z][a-z0-9_-]{0,63}$"
SUBJECT = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"
# What OpenID Connect allows for a `sub`, without spaces.
_NAME = re.compile(r"[\x21-\x7e]{1,255}")


def principal_of(name: str, roles: Iterable[str], subject: str | None, *, kind: str) -> Principal:
    """Return whom a key or token names.

    A patient's sessions belong to the patient's number, whichever key or token was used.

    Args:
        name: as the key's file or the token's issuer knows them.
        roles: what they may do; roles that we could not name anyway are left out.
        subject: a patient's number.
        kind: begins the name of those who are neither patient nor staff.

    Raises:
        ValueError: when these do not go together; says why in one clause.
    """
    known = frozenset(role for role in roles if re.fullmatch(ROLE, role))
    if not _NAME.fullmatch(name):
        fault = "its name is not 1 to 255 printable ASCII characters without spaces"
        raise ValueError(fault)
    if known >= {PATIENT, STAFF}:
        fault = "it is a patient's and staff's at once; have one for each"
        raise ValueError(fault)
    if PATIENT in known:
        if subject is None or not re.fullmatch(SUBJECT, subject):
            fault = "it has the role patient, but names no patient's number, such as P-100001"
            raise ValueError(fault)
        return Principal(f"{PATIENT}:{subject}", known, subject)
    if subject is not None:
        fault = "it names a patient's number, but has not the role patient"
        raise ValueError(fault)
    return Principal(f"{STAFF if STAFF in known else kind}:{name}", known)
