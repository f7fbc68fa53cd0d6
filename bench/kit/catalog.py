"""The servers that are compared: ours in its forms, what one would write instead, and the limit."""

from __future__ import annotations

from bench.kit.servers import Variant
from bench.kit.wires import DELTAS, MODEL, MODEL_RESPONSES, OURS_SOCKET, RELAYED

LATER = {"STORE_FSYNC": "everysec"}
"""The disk has what was written within a second, not before it is told."""
_RESPONSES = {"OPENAI_API": "responses"}

FASTAPI = Variant(
    "fastapi", "FastAPI, stock SDK", ("-m", "bench.baselines.fastapi_sdk"), wire=DELTAS
)
FORGETFUL = Variant(
    "fastapi-forgetful",
    "FastAPI, no history",
    ("-m", "bench.baselines.fastapi_sdk"),
    settings={"HISTORY": "none"},
    wire=DELTAS,
)
AIOHTTP = Variant(
    "aiohttp", "aiohttp, stock SDK", ("-m", "bench.baselines.aiohttp_sdk"), wire=DELTAS
)
RELAY = Variant("relay", "bytes relayed (the limit)", ("-m", "bench.baselines.relay"), wire=RELAYED)
OURS = Variant("ours", "ours", embedded=True)
EVERYSEC = Variant("everysec", "ours, everysec", settings=LATER, embedded=True)
SOCKET = Variant("socket", "ours, WebSocket", embedded=True, wire=OURS_SOCKET)
STOCK_MODEL = Variant(
    "sdk", "ours, MODEL_TRANSPORT=sdk", settings={"MODEL_TRANSPORT": "sdk"}, embedded=True
)
OURS_RESPONSES = Variant("ours-responses", "ours, Responses", settings=_RESPONSES, embedded=True)
FASTAPI_RESPONSES = Variant(
    "fastapi-responses",
    "FastAPI, Responses",
    ("-m", "bench.baselines.fastapi_sdk"),
    settings=_RESPONSES,
    wire=DELTAS,
)
NOBODY = Variant("model", "the model alone", command=(), wire=MODEL)
NOBODY_RESPONSES = Variant(
    "model-responses", "the model alone, Responses", (), wire=MODEL_RESPONSES
)
