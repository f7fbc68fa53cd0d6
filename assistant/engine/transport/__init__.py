"""Our own way to a model that speaks OpenAI's protocols: aiohttp, and no object for each token.

The SDK's models do what is done once for each call: they make the request, and out of the answer
its items. What is done once for each token is done here; and nearly all of it where nothing but
words is asked for and said, which takes a fifth to a third less of the engine's time.

| module | job |
| --- | --- |
| `models` | the SDK's models, with a client of ours in place of the openai client |
| `door` | the pool of connections to one provider, and the request as bytes |
| `reply` | one answer's bytes as they arrive, and what becomes of its connection |
| `tap` | what comes, looked at as it comes, before any task is woken |
| `rounds` | who rests between two reads, where the core is full |
| `sse` | events out of bytes |
| `stream`, `chat`, `responses` | what of the events is text, and what the SDK must see |
| `asking`, `words` | a call for words alone, and its answer, with the SDK for all that is more |
| `telling` | the text on its way to the listeners, past the runner |
| `errors` | aiohttp's errors as the openai client's |
"""

from __future__ import annotations

from assistant.engine.transport.asking import are_said
from assistant.engine.transport.door import Door, open_door
from assistant.engine.transport.models import DirectChatModel, DirectResponsesModel

__all__ = ["DirectChatModel", "DirectResponsesModel", "Door", "are_said", "open_door"]
