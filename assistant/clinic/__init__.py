"""The clinic: its database, and the tools that a web assistant needs over it."""

from assistant.clinic.records.database import Clinic, open_clinic
from assistant.clinic.records.errors import ClinicUnavailableError
from assistant.clinic.records.options import ClinicOptions
from assistant.clinic.tools import clinic_tools

__all__ = ["Clinic", "ClinicOptions", "ClinicUnavailableError", "clinic_tools", "open_clinic"]
