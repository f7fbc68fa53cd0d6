"""The shapes that several routes answer with, and how models become JSON Schemas."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, Json
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, SkipJsonSchema
from pydantic_core import core_schema
from typing_extensions import override


class TerseSchemas(GenerateJsonSchema):
    """JSON Schemas without titles that repeat a field's name, and without null as a default.

    A null default says no more than that the field is optional, and is not even valid where a
    field takes no null.
    """

    @override
    def field_title_should_be_set(self, schema: object) -> bool:
        return False

    @override
    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        found = super().default_schema(schema)
        if found.get("default", ...) is None:
            del found["default"]
        return found


class ErrorBody(BaseModel):
    """What every error answers with, on every path."""

    error: str = Field(description="What kind of error it is, in a few words.")
    detail: str = Field(description="What was wrong, and what to do.")
    correlation_id: str = Field(description="To quote when asking for help.")


class LogFrame(BaseModel):
    """One entry of a run's log; some types of entry have more fields of their own."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="What happened, such as `message.delta`.")
    status: Literal["processing", "streaming", "completed", "error"]
    content: str = Field(description="Text to append to the answer; often empty.")
    sequence: int = Field(ge=0, description="The entry's number, without gaps from 0.")
    is_final: bool = Field(description="Whether the log ends here.")
    run_id: str
    session_id: str | None
    correlation_id: str


class QuestionFrame(BaseModel):
    """One step of the answer to a one-off question."""

    status: Literal["processing", "streaming", "completed", "error"]
    chunk: str | SkipJsonSchema[None] = Field(
        None,
        description="More text; with `completed`, the whole answer; with `processing`, after a "
        "crash, what stands of it: all that was shown beyond that is void.",
    )
    message: str | SkipJsonSchema[None] = Field(None, description="With `error`: what went wrong.")


class StreamEvent(BaseModel):
    """One event of a stream, as a client of server-sent events sees it."""

    id: str | SkipJsonSchema[None] = Field(
        None, description="The entry's number, to come back with as Last-Event-ID."
    )
    data: Json[LogFrame | QuestionFrame]
