"""Makes the openai client's errors of aiohttp's, so that nobody else need know these."""

from __future__ import annotations

import aiohttp
import httpx2
import openai
from aiohttp.http_exceptions import HttpProcessingError

BROKEN = (aiohttp.ClientError, HttpProcessingError, OSError)
"""What aiohttp raises of a connection: a timeout is an `OSError` too."""

_BODY_LIMIT = 256 * 1024
# The body is decoded, and here as a whole.
_OF_THE_WAY = frozenset({"content-encoding", "content-length", "transfer-encoding"})


def lost(error: BaseException, url: str) -> openai.APIConnectionError:
    """Return what the openai client would raise of this error, which is its cause."""
    request = httpx2.Request("POST", url)
    if isinstance(error, TimeoutError):
        made: openai.APIConnectionError = openai.APITimeoutError(request)
    else:
        made = openai.APIConnectionError(request=request)
    made.__cause__ = _like(error)
    return made


def _like(error: BaseException) -> BaseException:
    """Return httpx's like of an error of aiohttp's.

    It keeps no word of what aiohttp said, which may be the provider's, and no status, which is not
    always one: a cause with a status has the SDK believe that the provider has answered.
    """
    match error:
        case TimeoutError():
            return error
        case aiohttp.TooManyRedirects():
            return httpx2.TooManyRedirects("the provider sends us round and round")
        case aiohttp.ClientResponseError() | HttpProcessingError():
            return httpx2.RemoteProtocolError("what came is no HTTP")
        case aiohttp.ClientConnectorError():
            return httpx2.ConnectError("there was no connection to be had")
        case aiohttp.ClientPayloadError() | aiohttp.ClientConnectionError():
            return httpx2.ReadError("the connection broke")
        case _:
            return error


async def refused(
    response: aiohttp.ClientResponse, client: openai.AsyncOpenAI
) -> openai.APIStatusError:
    """Return what the openai client would raise of an answer with an error's status.

    Raises:
        APIConnectionError: when the connection breaks before it is known what was wrong.
    """
    body = await _some_of(response)
    headers = [(k, v) for k, v in response.headers.items() if k.lower() not in _OF_THE_WAY]
    copy = httpx2.Response(
        response.status,
        headers=headers,
        content=body,
        request=httpx2.Request(response.method, str(response.url)),
    )
    return client._make_status_error_from_response(copy)  # noqa: SLF001 - its own reading of it


async def _some_of(response: aiohttp.ClientResponse) -> bytes:
    """Read an error's body, as much of it as makes sense."""
    body = bytearray()
    try:
        while len(body) < _BODY_LIMIT and (piece := await response.content.readany()):
            body += piece
    except BROKEN as error:
        fault = lost(error, str(response.url))
        raise fault from fault.__cause__
    finally:
        # Costs a connection only where there is more to come; one that was read whole is kept.
        response.close()
    return bytes(body[:_BODY_LIMIT])
