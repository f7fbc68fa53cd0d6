"""The store's atomic steps: Lua from `lua/`, each safe to repeat after a lost reply."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib import resources
from typing import Any, NamedTuple

from redis.exceptions import NoScriptError

from assistant.store import keys
from assistant.store.client import Client

_LUA = resources.files("assistant.store") / "lua"
_COMMON = f"local P = '{keys.PREFIX}'\n" + (_LUA / "common.lua").read_text()


class Script(NamedTuple):
    """One script: what people call it, what runs in the server, the digest that names it there."""

    name: str
    text: str
    sha: str


def _script(name: str) -> Script:
    text = _COMMON + (_LUA / f"{name}.lua").read_text()
    return Script(name, text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


APPEND = _script("append")
ACCEPT = _script("accept")
BEGIN = _script("begin")
CANCEL = _script("cancel")
CHECKPOINT = _script("checkpoint")
CLAIM = _script("claim")
DECIDE = _script("decide")
EFFECT = _script("effect")
FINISH = _script("finish")
PLACES = _script("places")
REAP = _script("reap")
RELEASE = _script("release")
RENEW = _script("renew")
SUSPEND = _script("suspend")
TAKE = _script("take")

_Argument = bytes | str | float
Call = tuple[Sequence[str], Sequence[_Argument]]


class Scripts:
    """Runs scripts by digest, loading them again when the server has forgotten them."""

    def __init__(self, redis: Client) -> None:
        self._redis = redis

    async def run(self, script: Script, keys: Sequence[str], *args: _Argument) -> Any:
        """Run one script and return its reply.

        Raises:
            StoreUnavailableError: when there is no reply; it may have run all the same.
        """
        reply = (await self.run_all(script, [(keys, args)]))[0]
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def run_all(self, script: Script, calls: Sequence[Call]) -> list[Any]:
        """Run one script for each pair of keys and arguments, in one round trip.

        Returns the replies in order; a call that failed has its exception there.
        """
        replies = await self._redis.evaluate(script, calls)
        if any(isinstance(reply, NoScriptError) for reply in replies):
            await self._redis.call("SCRIPT LOAD", script.text)
            replies = await self._redis.evaluate(script, calls)
        return replies
