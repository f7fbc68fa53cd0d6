"""How secrets and personal values stand in logs: the words and signs around them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from tests.telemetry.redaction import samples as s

# A provider's name and its key, as files, programs and logs write them.
WRAPPINGS = (
    '{n}Token="{v}"',
    '{n}Token = "{v}"',
    "{n}Token={v}",
    "{n}_token: {v}",
    "{n}_token: '{v}'",
    '{n}_TOKEN="{v}"',
    '{n}_TOKEN ?= "{v}"',
    '{n}_TOKEN := "{v}"',
    '  "{n}Token" => "{v}"',
    'System.setProperty("{N}_TOKEN", "{v}")',
    '{{\n    "{n}_token": "{v}"\n}}',
    "{n}Token := `{v}`",
    '{{"config.ini": "{N}_TOKEN={v}\\nBACKUP_ENABLED=true"}}',
    "export {N}_API_KEY={v}",
    "<{n}Token>\n    {v}\n</{n}Token>",
    'var {n}Secret string = "{v}"',
    "--{n}-token {v}",
    "got {{'{n}_api_key': '{v}', 'n': 3}}",
    'x({n}_secret="{v}")',
    "https://x.org/?{n}_token={v}&n=3",
    '{{\\"{n}_password\\": \\"{v}\\"}}',
    "{n}_api_token = '{v}'",
)
BARE = (
    "{v}",
    "sent {v} upstream",
    "key '{v}' refused",
    "see ({v})",
    "Authorization: Bearer {v}",
    '["{v}"]',
)
CARRIERS: tuple[Callable[[str], Any], ...] = (
    lambda text: text,
    lambda text: {"event": "unhandled_exception", "exception": f"RuntimeError: {text}"},
    lambda text: {"event": "subprocess_output", "stdout": text},
    lambda text: {"event": "deep", "a": [{"b": (text,)}]},
    lambda text: {"event": "string", "body": json.dumps({"a": text})},
)
# What people are told by: words round it, and what makes it.
PERSONAL: tuple[tuple[str, Callable[[Random], str], tuple[str, ...]], ...] = (
    (
        "email",
        s.email,
        (
            "mail sent to {v}",
            "MAILTO:{v}",
            "<{v}>",
            "to={v} ok",
            "Key (email)=({v}) already exists",
            "0:{v}",
        ),
    ),
    (
        "phone",
        s.phone,
        (
            "call me on {v}",
            "phone: {v}",
            "phone={v} ok",
            "dst={v} code=480",
            "The 'To' number {v} is not valid",
            "sms to {v} for",
            "contact {v}",
        ),
    ),
    (
        "card",
        s.card,
        ("card {v} declined", "pan={v}", "for this card: {v}", "charged {v} twice", "cc {v}"),
    ),
    ("account", s.iban, ("refund to {v} scheduled", "IBAN {v}", "from {v} to other accounts")),
    (
        "birth",
        s.birth,
        (
            "DOB {v}",
            "born {v}",
            "born on {v}",
            "birthday is {v}",
            "date of birth: {v}",
            "dob={v}",
            "b. {v}",
        ),
    ),
    (
        "ssn",
        s.ssn,
        ("SSN: {v}", "my SSN is {v}", "his social security number is {v}", "{v} on file"),
    ),
    (
        "record",
        s.record,
        (
            "MRN: {v} opened",
            "MRN {v}",
            "medical record number {v} locked",
            "mrn={v}",
            "chart no. {v}",
            "member id {v}",
        ),
    ),
    (
        "cookie",
        s.of(s.WORD, 32),
        ("Cookie: sid={v}; theme=dark", "set-cookie: session={v}; Path=/"),
    ),
    (
        "login",
        s.of(s.WORD, 12),
        (
            "postgresql://app:{v}@db:5432/x",
            "amqp://w:{v}@rabbit/v",
            "redis://:{v}@cache",
            "https://u:{v}@h.org/x",
        ),
    ),
    (
        "basic",
        s.of(s.WORD, 20, "", "=="),
        ("Authorization: Basic {v}", "authorization=Basic%20{v}"),
    ),
    (
        "bearer",
        s.of(s.WORD, 32),
        ("Authorization: Bearer {v}", "authorization=Bearer%20{v}", "bearer {v} refused"),
    ),
)
KEYS: Mapping[str, Callable[[Random], str]] = {
    **dict.fromkeys(
        (
            "password",
            "db_password",
            "userPassword",
            "passwd",
            "client_secret",
            "api_key",
            "apiKey",
            "X-API-Key",
            "access_token",
            "refreshToken",
            "private_key",
            "authorization",
            "cookie",
            "http.request.header.authorization",
            "mfa_code",
            "otp",
            "session_token",
            "aws_secret_access_key",
            "signing_key",
            "webhook_secret",
            "passphrase",
            "jwt",
            "credentials",
            "csrf_token",
            "pin",
            "cvv",
        ),
        s.of(s.WORD, 11),
    ),
    **dict.fromkeys(("email", "patient_email", "emailAddress", "contact.email"), s.email),
    **dict.fromkeys(("phone", "mobile_number", "telephone", "homePhone", "fax"), s.phone),
    **dict.fromkeys(
        ("dob", "date_of_birth", "birthDate", "date_of_death", "admission_date"), s.birth
    ),
    **dict.fromkeys(
        ("ssn", "SSN", "social_security_number", "national_id", "passport_number"), s.ssn
    ),
    **dict.fromkeys(
        ("mrn", "medical_record_number", "patientId", "nhs_number", "member_id"), s.record
    ),
    **dict.fromkeys(("pan", "card_number", "creditCard", "iban", "account_number"), s.card),
    **dict.fromkeys(
        ("client.address", "client_ip", "remote_addr", "x-forwarded-for"),
        lambda c: f"81.2.{c.randrange(256)}.7",
    ),
    **dict.fromkeys(
        ("patient_name", "firstName", "last_name", "full_name", "next_of_kin"),
        lambda c: f"Zoltan{c.randrange(99)} Kiss",
    ),
    **dict.fromkeys(
        ("content", "prompt", "gen_ai.input.messages", "transcript", "diagnosis", "notes"),
        lambda c: f"she told me {c.randrange(10**6)} things",
    ),
}
