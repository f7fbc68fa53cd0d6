"""Says on whose behalf a request is made: nobody has to say, a key says it, or a token does."""

from __future__ import annotations

from assistant.web.identity.api_keys import new_key
from assistant.web.identity.opening import open_identity

__all__ = ["new_key", "open_identity"]
