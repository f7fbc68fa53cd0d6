"""Every error a caller can meet, with the code that names it."""

from __future__ import annotations


class AssistantError(Exception):
    """Base of all errors that are meant to be told to someone.

    Attributes:
        code: stable machine-readable name; `web.answers` maps it to an HTTP status.
        title: short human-readable name, the `error` field of an error body.
        detail: what was wrong and what to do; never holds content or internals.
        retry_after: seconds after which trying again makes sense, if it does.
    """

    code = "internal"
    title = "Internal error"

    def __init__(self, detail: str, *, retry_after: int | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after = retry_after


class InvalidRequestError(AssistantError):
    """The request is not one we can read: wrong JSON, field, type or size."""

    code = "invalid_request"
    title = "Invalid request"


class PayloadTooLargeError(AssistantError):
    """The body is larger than this server reads."""

    code = "payload_too_large"
    title = "Payload too large"


class UnsupportedMediaTypeError(AssistantError):
    """The body is declared as something other than JSON."""

    code = "unsupported_media_type"
    title = "Unsupported media type"


class RequestTimeoutError(AssistantError):
    """The client took too long to send its request."""

    code = "request_timeout"
    title = "Request timeout"


class UnauthenticatedError(AssistantError):
    """The request does not say who makes it, or not in a way that counts here.

    Attributes:
        given: whether it carried a key or token at all.
    """

    code = "unauthenticated"
    title = "Not signed in"

    def __init__(self, detail: str, *, given: bool = True) -> None:
        super().__init__(detail)
        self.given = given


class SignInUnavailableError(AssistantError):
    """Nobody's token can be checked now, as the keys to check it by could not be fetched."""

    code = "sign_in_unavailable"
    title = "Sign-in unavailable"


class ForbiddenError(AssistantError):
    """The caller may not do this, whoever they are."""

    code = "forbidden"
    title = "Forbidden"


class NotFoundError(AssistantError):
    """No such session, run, persona or path for this caller."""

    code = "not_found"
    title = "Not found"


class SessionBusyError(AssistantError):
    """The session already has a run and the caller asked not to wait."""

    code = "session_busy"
    title = "Session busy"


class ConflictError(AssistantError):
    """The request contradicts what is already stored."""

    code = "conflict"
    title = "Conflict"


class ApprovalClosedError(AssistantError):
    """The decision comes too late, twice, or for other arguments than were shown."""

    code = "approval_closed"
    title = "Approval closed"


class OverloadedError(AssistantError):
    """All places are taken, waiting ones included."""

    code = "overloaded"
    title = "Overloaded"


class DrainingError(AssistantError):
    """The server is shutting down and takes no new work."""

    code = "draining"
    title = "Shutting down"


class StoreUnavailableError(AssistantError):
    """The store cannot be reached, so nothing can be accepted durably."""

    code = "store_unavailable"
    title = "Store unavailable"


class StoreStartError(AssistantError):
    """No store could be opened at start."""

    code = "store_start_failed"
    title = "Store could not be opened"


class LeaseLostError(AssistantError):
    """Another worker writes this run now; this one must stop and touch nothing."""

    code = "lease_lost"
    title = "Lease lost"


class SettingsError(AssistantError):
    """A setting has a value the server cannot use."""

    code = "bad_settings"
    title = "Bad settings"


class PersonaError(AssistantError):
    """A persona file is wrong; `detail` names file, line and cure."""

    code = "bad_persona"
    title = "Bad persona file"


class ModelError(AssistantError):
    """The model could not answer; becomes a `run.failed` event.

    Attributes:
        retryable: whether the same request may succeed later.
    """

    code = "model_error"
    title = "The model could not answer"

    def __init__(self, code: str, detail: str, *, retryable: bool) -> None:
        super().__init__(detail)
        self.code = code
        self.retryable = retryable
