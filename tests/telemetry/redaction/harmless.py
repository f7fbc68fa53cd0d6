"""What stands in logs and is neither secret nor personal, however much it may look like it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.telemetry.redaction import samples as s

IDS = (
    lambda c: f"req_{s.of(s.LOWER, 20)(c)}",
    lambda c: f"run_{s.of(s.UPPER, 26)(c)}",
    s.uuid,
    s.of(s.HEX, 40),
    s.of(s.HEX, 64),
    lambda c: f"sha256:{s.of(s.HEX, 64)(c)}",
    lambda c: f"chatcmpl-{s.of(s.WORD, 29)(c)}",
    lambda c: f"toolu_{s.of(s.WORD, 24)(c)}",
    lambda c: f"{c.randrange(1, 20)}.{c.randrange(30)}.{c.randrange(99)}",
    lambda c: str(c.randrange(1_700_000_000_000, 1_800_000_000_000)),
    lambda c: str(c.randrange(1_700_000_000, 1_800_000_000)),
    lambda c: f"{c.random():.6f}",
    lambda c: f"${c.randrange(1, 999)},{c.randrange(100, 999)}.{c.randrange(10, 99)}",
    lambda c: f"2026-{c.randrange(1, 13):02}-{c.randrange(1, 29):02}T10:11:{c.randrange(60):02}Z",
    lambda c: f"chat-{s.of(s.LOWER, 10)(c)}-{s.of(s.LOWER, 5)(c)}",
    lambda c: f"SKU-{c.randrange(10**5):05}-{c.randrange(999)}",
    lambda c: f"F{c.randrange(10, 99)}.{c.randrange(9)}",
    lambda c: f"gpt-{c.randrange(3, 9)}-mini-2025-08-07",
    lambda c: f"apt_{s.of(s.HEX, 10)(c)}",
    lambda c: (
        f"{c.randrange(10, 24)}:{c.randrange(10, 60)}:{c.randrange(10, 60)},{c.randrange(100, 999)}"
    ),
)
PLACES = (
    "upstream ok id={v} status=200",
    "session {v} resumed",
    "commit={v}",
    "build {v} passed",
    "took {v} at last",
    "offset={v}",
    "value {v}",
    "({v})",
    "trace_id={v}",
    "p99={v}",
)
BENIGN: Mapping[str, Any] = {
    "token_count": 512,
    "max_tokens": 4096,
    "session_ttl_s": 1800,
    "api_key_source": "env",
    "card_brand": "visa",
    "phone_verified": False,
    "ssn_on_file": True,
    "password_reset_required": True,
    "token_type": "access",
    "secret_name": "openai/api",
    "cookie_policy": "strict",
    "patient_count": 42,
    "email_sent": True,
    "address_family": "AF_INET6",
    "credential_type": "service_account",
    "tool_name": "list_free_slots",
    "event_name": "run.started",
    "auth_mode": "api_key",
    "key_count": 3,
    "pin_memory": True,
    "passed": 12,
    "author": "system",
    "authored_by": "cron",
    "tokenizer": "o200k_base",
    "phone_type": "mobile",
    "birth_rate": 1.2,
    "idempotency_key": "retry-2026-11-21-0001",
    "cache_key": "persona:jaime:v12",
    "sort_key": "created_at",
    "user_agent": "Mozilla/5.0 Chrome/120.0.0.0",
    "http.route": "/runs/{run_id}",
}
