"""A run that says secrets on every door and in every fault, and looks for them where none may be.

`coinage` makes the canaries: names, identifiers and keys that occur nowhere else. `turns` are
what is done to a server, each with canaries of its own; `stage` plays them against real processes
and gathers every place that somebody could read; `search` knows a canary again in any dress.
"""
