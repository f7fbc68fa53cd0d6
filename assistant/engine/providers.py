"""Opens the model provider in force: OpenAI's API or what speaks it, local, or demo."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import Literal, Protocol
from urllib.parse import urlsplit

import httpx2
from agents.models.interface import Model
from openai import AsyncOpenAI, DefaultAsyncHttpxClient

from assistant.dialogue import Dialogue
from assistant.engine.calls import Service
from assistant.engine.demo import DemoModel, Pace
from assistant.engine.endings import ChatModel, ResponsesModel
from assistant.engine.jobs import Job, Voice
from assistant.engine.local import open_local
from assistant.engine.transport import DirectChatModel, DirectResponsesModel, Door, open_door
from assistant.errors import SettingsError
from assistant.persona import Persona

Provider = Literal["openai", "demo", "local"]
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class ProviderOptions:
    """Which model answers, and how to reach it.

    Attributes:
        api: `auto` speaks Responses to OpenAI itself and Chat Completions to everything else.
        transport: `direct` is our own way to the model, `sdk` the openai client's.
    """

    provider: Provider
    model: str
    api_key: str | None = None
    base_url: str | None = None
    api: Literal["auto", "responses", "chat"] = "auto"
    transport: Literal["direct", "sdk"] = "direct"
    silence: float = 30
    local_path: Path | None = None
    pace: Pace = field(default_factory=Pace)


class Models(Protocol):
    """A provider that is open."""

    @property
    def provider(self) -> Provider:
        """Which one it is."""

    def name_for(self, persona: Persona, asked: str | None) -> str:
        """Return the name of the model that will answer."""

    def model_for(self, job: Job, persona: Persona, voice: Voice | None = None) -> Model:
        """Return the model itself; one that can tells its text to `voice`, past the runner."""


@asynccontextmanager
async def open_models(
    options: ProviderOptions, dialogues: Mapping[str, Dialogue]
) -> AsyncIterator[Models]:
    """Open the provider, and close it at the end.

    `dialogues` are what the demo model can hold, by the names that personas know them by.

    Raises:
        SettingsError: when what it needs is not there.
    """
    match options.provider:
        case "demo":
            yield Demo(options.pace, dialogues)
        case "local":
            async with (
                open_local(options.local_path) as (url, name),
                _client("local", url, options.silence) as client,
                _door(client, options) as door,
            ):
                yield Remote("local", client, door, name, speaks_responses=False, fixed=True)
        case "openai":
            if not options.api_key and not options.base_url:
                detail = "OPENAI_API_KEY: is missing; set it, or MODEL_PROVIDER=demo"
                raise SettingsError(detail)
            key = options.api_key or "none"
            async with (
                _client(key, options.base_url, options.silence) as client,
                _door(client, options) as door,
            ):
                host = urlsplit(str(client.base_url)).hostname
                official = host == "api.openai.com"
                responses = options.api == "responses" or (options.api == "auto" and official)
                yield Remote("openai", client, door, options.model, speaks_responses=responses)


class Demo:
    """The demo model, which every persona with a script can use."""

    provider: Provider = "demo"

    def __init__(self, pace: Pace, dialogues: Mapping[str, Dialogue]) -> None:
        self._pace = pace
        self._dialogues = dialogues

    def name_for(self, persona: Persona, asked: str | None) -> str:  # noqa: ARG002
        """Return `demo`, whatever was asked for."""
        return "demo"

    def model_for(self, job: Job, persona: Persona, voice: Voice | None = None) -> Model:  # noqa: ARG002
        """Return the persona's dialogue and script as a model."""
        name = persona.demo.dialogue if persona.demo else None
        dialogue = self._dialogues.get(name) if name else None
        return DemoModel(job, persona.demo, self._pace, dialogue)


class Remote:
    """A model behind OpenAI's protocols.

    `door` is our own way there; without one, all goes by the openai client.

    Attributes:
        fixed: whether it has one model only, whatever name it is asked for.
    """

    def __init__(
        self,
        provider: Provider,
        client: AsyncOpenAI,
        door: Door | None,
        default: str,
        *,
        speaks_responses: bool,
        fixed: bool = False,
    ) -> None:
        self.provider: Provider = provider
        self._client = client
        self._door = door
        self._default = default
        self._fixed = fixed
        self._speaks_responses = speaks_responses
        url, api = client.base_url, "responses" if speaks_responses else "chat_completions"
        self._service = Service(provider, url.host, url.port or _PORTS.get(url.scheme), api)

    def name_for(self, persona: Persona, asked: str | None) -> str:
        """Return the request's model, else the persona's, else the default one."""
        if self._fixed:
            return self._default
        return asked or persona.file.model.name or self._default

    def model_for(self, job: Job, persona: Persona, voice: Voice | None = None) -> Model:
        """Return the SDK's model for the protocol in use, on the way in use."""
        name = job.model if persona is job.persona else self.name_for(persona, None)
        door, about = self._door, (self._service, job.correlation_id)
        if door is None and self._speaks_responses:
            return ResponsesModel(name, self._client, *about)
        if door is None:
            return ChatModel(name, self._client, *about)
        if self._speaks_responses:
            return DirectResponsesModel(name, door, *about, voice)
        return DirectChatModel(name, door, *about, voice)


@asynccontextmanager
async def _client(key: str, url: str | None, silence: float) -> AsyncIterator[AsyncOpenAI]:
    # Retries are the runner's: the client's own would add to them.
    patience = httpx2.Timeout(silence, connect=min(silence, 10))
    # One client serves everybody: what its server would have it remember goes to no other's call.
    forgetful = CookieJar(DefaultCookiePolicy(allowed_domains=()))
    http = DefaultAsyncHttpxClient(cookies=forgetful)
    client = AsyncOpenAI(
        api_key=key, base_url=url, max_retries=0, timeout=patience, http_client=http
    )
    try:
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def _door(client: AsyncOpenAI, options: ProviderOptions) -> AsyncIterator[Door | None]:
    if options.transport == "sdk":
        yield None
        return
    async with open_door(client, options.silence) as door:
        yield door
