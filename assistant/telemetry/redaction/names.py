"""Decides by a thing's name whether its value goes, and as what kind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

from assistant.telemetry.redaction.folding import fold

_LONGEST = 64
_WORDS = 5


class Names:
    """The names of a policy.

    Args:
        kinds: by kind, the names whose values are of it, as words in lower case.
        neutral: words at the end of a name that do not change what it names.
        glued: endings of one word that make it a secret's name.
    """

    def __init__(
        self, kinds: Mapping[str, Iterable[str]], neutral: Iterable[str], glued: Iterable[str]
    ) -> None:
        told = [(_words(fold(name).text), kind) for kind, names in kinds.items() for name in names]
        # Our session id is not a cookie's `sessionid`: as written first, then run together.
        self._written = {" ".join(words): kind for words, kind in told}
        self._joined = {"".join(words): kind for words, kind in reversed(told)}
        self._neutral = frozenset(neutral)
        self._glued = tuple(glued)
        # Names come from the code mostly; whoever makes up names only makes us ask again.
        self.kind = lru_cache(maxsize=8192)(self._kind)

    def _kind(self, name: str) -> str | None:
        """Return the kind of value that goes by this name, None where it does not say."""
        words = _words(fold(name[-_LONGEST:]).text)
        found = self._last(words)
        while found is None and len(words) > 1 and words[-1] in self._neutral:
            words = words[:-1]
            found = self._last(words)
        return None if found == "keep" else found

    def _last(self, words: list[str]) -> str | None:
        for count in range(min(_WORDS, len(words)), 0, -1):
            last = words[-count:]
            kind = self._written.get(" ".join(last)) or self._joined.get("".join(last))
            if kind:
                return kind
        return "secret" if words and words[-1].endswith(self._glued) else None


def _words(name: str) -> list[str]:
    """Split a name at its separators, and where a capital begins a word."""
    words: list[str] = []
    word = ""
    for at, sign in enumerate(name):
        follows = name[at + 1 : at + 2]
        if not sign.isalnum():
            words.append(word)
            word = ""
            continue
        begins = sign.isupper() and (word[-1:].islower() or follows.islower())
        if begins and word:
            words.append(word)
            word = ""
        word += sign
    words.append(word)
    return [short for word in words if (short := _bare(word.lower()))]


def _bare(word: str) -> str:
    # A number at the end only counts: `password2`; in `ipv4` or `cvv2` it is part of the word.
    bare = word.rstrip("0123456789")
    return word if word in _NUMBERED or not bare else bare


_NUMBERED = frozenset({"ipv4", "ipv6", "cvv2", "cvc2", "base64", "b64", "address1", "address2"})
