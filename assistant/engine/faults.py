"""Says in words what went wrong with a model, without repeating what it sent."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx2
import openai
from agents.exceptions import AgentsException, MaxTurnsExceeded, ModelBehaviorError

from assistant.errors import LeaseLostError, ModelError

# What OpenAI calls an account without credit, with the status of one that asks too often.
QUOTA = "insufficient_quota"
_BY_STATUS = {
    400: ("model_rejected", "The model rejected the request. Shorten it or rephrase it."),
    401: ("model_auth", "The model's provider refused our key. The operator must check it."),
    403: ("model_forbidden", "The model's provider does not allow us this model."),
    404: ("model_not_found", "The model's provider does not know this model."),
    413: ("model_rejected", "The conversation is too long for the model."),
    422: ("model_rejected", "The model rejected the request. Shorten it or rephrase it."),
}


def explain(error: BaseException) -> ModelError | None:
    """Return what to tell the user of a failed model call; None where it was our own fault."""
    chain = _chain(error)
    for link in chain:
        if isinstance(link, ModelError):
            return link
        if isinstance(link, openai.APIStatusError):
            return _refused(link)
    # A general error often wraps the special one, so each kind is sought in the whole chain.
    for kinds, fault in _BY_KIND:
        if any(isinstance(link, kinds) for link in chain):
            return fault()
    return None


def lease_lost(error: BaseException) -> LeaseLostError | None:
    """Return the lost lease behind an error, if that is what it is about."""
    return next((link for link in _chain(error) if isinstance(link, LeaseLostError)), None)


def place_of(error: BaseException) -> str:
    """Return where an error was raised, as file and line: for the log, without what it says."""
    places = [
        f"{Path(frame.f_code.co_filename).name}:{line}"
        for frame, line in traceback.walk_tb(error.__traceback__)
    ]
    return places[-1] if places else ""


def _refused(error: openai.APIStatusError) -> ModelError:
    if error.code == QUOTA:
        text = "Our quota with the model's provider is used up. The operator must see to it."
        return _fault("model_quota", text, again=False)
    if isinstance(error, openai.RateLimitError):
        return _fault("model_rate_limited", "The model is busy. Try again in a moment.", again=True)
    if isinstance(error, openai.InternalServerError):
        return _fault("model_unavailable", "The model is not available right now.", again=True)
    usual = ("model_rejected", "The model refused the request.")
    return _fault(*_BY_STATUS.get(error.status_code, usual), again=False)


def silent() -> ModelError:
    """Return the fault of a model that says nothing."""
    return _fault("model_timeout", "The model took too long to answer.", again=True)


def nonsense() -> ModelError:
    """Return the fault of an answer that is none."""
    return _fault("model_nonsense", "The model sent something that is no answer.", again=True)


def cut() -> ModelError:
    """Return the fault of an answer that broke off."""
    return _fault("model_cut", "The connection to the model broke off.", again=True)


def _unreachable() -> ModelError:
    return _fault("model_unreachable", "The model could not be reached.", again=True)


def _too_many_steps() -> ModelError:
    return _fault("too_many_steps", "The answer took more steps than allowed.", again=False)


def failed() -> ModelError:
    """Return the fault of a model that reports one of its own in mid-answer."""
    return _fault("model_failed", "The model broke off with an error.", again=True)


def filtered() -> ModelError:
    """Return the fault of an answer that the provider's own filter stopped."""
    text = "The model's provider stopped this answer. Say it in other words."
    return _fault("model_filtered", text, again=False)


def _fault(code: str, detail: str, *, again: bool) -> ModelError:
    return ModelError(code, detail, retryable=again)


def _chain(error: BaseException) -> list[BaseException]:
    links: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in links:
        links.append(link)
        link = link.__cause__ or link.__context__
    return links


# The first kind that fits counts, so the special ones stand before the general ones.
_LATE = (openai.APITimeoutError, httpx2.TimeoutException)
_BY_KIND: Sequence[tuple[tuple[type[BaseException], ...], Callable[[], ModelError]]] = (
    (_LATE, silent),
    ((MaxTurnsExceeded,), _too_many_steps),
    ((httpx2.RemoteProtocolError, httpx2.ReadError), cut),
    ((openai.APIConnectionError, httpx2.TransportError), _unreachable),
    ((openai.APIResponseValidationError, json.JSONDecodeError, UnicodeDecodeError), nonsense),
    ((openai.APIError,), failed),
    ((ModelBehaviorError,), nonsense),
    ((AgentsException,), failed),
)
