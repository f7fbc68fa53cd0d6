"""Opens whatever `AUTH_MODE` asks for: the one place that chooses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import assert_never, cast

from assistant.errors import SettingsError
from assistant.settings import Settings, is_loopback
from assistant.web.identity.api_keys import open_keys
from assistant.web.identity.demo import everyone, without_switch
from assistant.web.keys import Identity


@asynccontextmanager
async def open_identity(settings: Settings) -> AsyncIterator[Identity]:
    """Open what says on whose behalf requests are made, as the settings want it.

    Raises:
        SettingsError: when a file of keys is wrong, or the server would be open to the network
            without anybody having said so.
    """
    match settings.auth_mode:
        case "none":
            _check_exposure(settings)
            switch = settings.demo_switch_is_on
            identify = everyone(local=is_loopback(settings.host), switch=switch)
            yield Identity(identify, "none", switch)
        case "api_key":
            # The settings are not whole without it.
            async with open_keys(cast("Path", settings.api_keys_file)) as identify:
                yield Identity(without_switch(identify), "api_key")
        case "jwt":
            # Brings along cryptography, for which nobody else has use.
            from assistant.web.identity.tokens import open_tokens  # noqa: PLC0415 - as said

            async with open_tokens(settings) as identify:
                yield Identity(without_switch(identify), "jwt")
        case _:
            assert_never(settings.auth_mode)


def _check_exposure(settings: Settings) -> None:
    if not is_loopback(settings.host) and not settings.allow_no_auth:
        detail = (
            f"AUTH_MODE: is none, but HOST={settings.host} is open to the network; set "
            "AUTH_MODE=api_key or AUTH_MODE=jwt, or say ALLOW_NO_AUTH=true if something in front "
            "of the server keeps others out"
        )
        raise SettingsError(detail)
