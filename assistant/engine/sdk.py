"""Loads the Agents SDK, without building at once what of it may never be used.

It brings along two thousand pydantic models, most of them of the Model Context Protocol. Each
builds its validator when its class is made, or, with pydantic's `defer_build`, when it is first
used: that is a sixth of the time it takes to load. openai's own models have it on already.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

_given = BaseModel.model_config
BaseModel.model_config = ConfigDict(defer_build=True)
try:
    import agents  # noqa: F401 - to be loaded is all
finally:
    BaseModel.model_config = _given
