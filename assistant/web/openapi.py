"""The OpenAPI 3.1 document, generated from the route table and the pydantic models it names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, cast

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, JsonSchemaValue, models_json_schema

from assistant.settings import AuthMode
from assistant.web.bodies import SESSION_ID
from assistant.web.openapi_schemas import ErrorBody, StreamEvent, TerseSchemas
from assistant.web.openapi_text import ABOUT, SCHEMES, STATUSES, TAGS
from assistant.web.routing import Access, Parameter, Reply, Route

_JSON = "application/json"
_EVENTS = "text/event-stream"
_Refs = Mapping[tuple[type[BaseModel], JsonSchemaMode], JsonSchemaValue]
_PLACE = re.compile(r"\{(\w+)\}")
_REFUSED_FOR_NOW = frozenset({429, 503})


_PATH_PARAMETERS: Mapping[str, Parameter] = {
    "session_id": Parameter({"type": "string", "pattern": SESSION_ID}, "A session's id."),
    "run_id": Parameter({"type": "string", "pattern": "^run_[0-9a-f]{24}$"}, "A run's id."),
    "call_id": Parameter({"type": "string", "pattern": "^call_[0-9a-f]{24}$"}, "A tool call's id."),
    "name": Parameter({"type": "string", "pattern": "^[a-z][a-z0-9_]{1,63}$"}, "A persona's name."),
}
# The server takes any value and replaces a malformed one, so the schema has no pattern.
_CORRELATION_ASKED = Parameter(
    {"type": "string"},
    "An id of yours for this request, 1 to 128 characters of A-Z a-z 0-9 . _ : -; "
    "anything else is replaced.",
)
_CORRELATION = Parameter(
    {"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,128}$"},
    "The id under which logs and traces know this request.",
)
_RETRY_AFTER = Parameter(
    {"type": "integer", "minimum": 0}, "Seconds after which trying again makes sense."
)
_HEADERS: Mapping[str, Parameter] = {
    "Correlation": _CORRELATION,
    "RetryAfter": _RETRY_AFTER,
    "Challenge": Parameter({"type": "string"}, "How to say who one is (RFC 6750)."),
}


def build_openapi(
    routes: Iterable[Route], *, version: str, auth_mode: AuthMode = "none"
) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of the documented routes.

    Args:
        routes: the route table; paths, operations and tags keep its order.
        version: the version of the service, not of the specification.
        auth_mode: how this server wants to be told who is asking.
    """
    schemes = SCHEMES[auth_mode]
    shown = [route for route in routes if route.documented]
    refs, schemas = _schemas(shown)
    paths: dict[str, dict[str, Any]] = {}
    for route in shown:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, refs, schemes)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "persona-assistant",
            "version": version,
            "description": ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "tags": [
            {"name": tag, "description": TAGS.get(tag, tag)}
            for tag in dict.fromkeys(route.tag for route in shown)
        ],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "parameters": {"Correlation": _at("header", "X-Correlation-ID", _CORRELATION_ASKED)},
            "headers": {name: _header(parameter) for name, parameter in _HEADERS.items()},
            "securitySchemes": schemes,
        },
    }


def _schemas(routes: Iterable[Route]) -> tuple[_Refs, dict[str, Any]]:
    models: dict[tuple[type[BaseModel], JsonSchemaMode], None] = {
        (ErrorBody, "serialization"): None,
        (StreamEvent, "validation"): None,
    }
    for route in routes:
        models |= {(model, "validation"): None for model in route.body}
        models |= {
            (reply.model, "serialization"): None for reply in route.replies.values() if reply.model
        }
    refs, definitions = models_json_schema(
        list(models),
        ref_template="#/components/schemas/{model}",
        schema_generator=TerseSchemas,
    )
    return cast("_Refs", refs), definitions["$defs"]


def _operation(route: Route, refs: _Refs, schemes: Mapping[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "tags": [route.tag],
        "parameters": _parameters(route),
    }
    if route.body:
        schemas = [refs[model, "validation"] for model in route.body]
        schema = schemas[0] if len(schemas) == 1 else {"oneOf": schemas}
        operation["requestBody"] = {"required": True, "content": {_JSON: {"schema": schema}}}
    named = schemes if route.access is not Access.OPEN else {}
    if named:
        operation["security"] = [{name: []} for name in named]
    operation["responses"] = _responses(route, refs, (401, 503) if named else ())
    return operation


def _parameters(route: Route) -> list[dict[str, Any]]:
    unknown = Parameter({"type": "string", "minLength": 1}, "")
    places = {name: _PATH_PARAMETERS.get(name, unknown) for name in _PLACE.findall(route.path)}
    found = [
        *(_at("path", name, parameter) for name, parameter in places.items()),
        *(_at("query", name, parameter) for name, parameter in route.query.items()),
        *(_at("header", name, parameter) for name, parameter in route.headers.items()),
    ]
    return [*found, {"$ref": "#/components/parameters/Correlation"}]


def _at(where: str, name: str, parameter: Parameter) -> dict[str, Any]:
    return {"name": name, "in": where, "required": where == "path", **_header(parameter)}


def _header(parameter: Parameter) -> dict[str, Any]:
    # A header object is a parameter object without a name and a place.
    return {"description": parameter.description, "schema": dict(parameter.schema)}


def _responses(route: Route, refs: _Refs, unnamed: tuple[int, ...]) -> dict[str, Any]:
    statuses = {*route.statuses, *unnamed}
    replies = {status: Reply(STATUSES.get(status, "An error."), ErrorBody) for status in statuses}
    replies |= route.replies
    return {str(status): _response(status, replies[status], refs) for status in sorted(replies)}


def _response(status: int, reply: Reply, refs: _Refs) -> dict[str, Any]:
    headers: dict[str, Any] = {"X-Correlation-ID": {"$ref": "#/components/headers/Correlation"}}
    if status in _REFUSED_FOR_NOW:
        headers["Retry-After"] = {"$ref": "#/components/headers/RetryAfter"}
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = {"$ref": "#/components/headers/Challenge"}
    headers |= {name: _header(parameter) for name, parameter in reply.headers.items()}
    response: dict[str, Any] = {"description": reply.description, "headers": headers}
    if content := _content(reply, refs):
        response["content"] = content
    return response


def _content(reply: Reply, refs: _Refs) -> dict[str, Any]:
    content: dict[str, Any] = {}
    if reply.model:
        content[reply.media] = {"schema": refs[reply.model, "serialization"]}
    elif reply.media not in {_JSON, _EVENTS}:
        content[reply.media] = {"schema": {"type": "string"}}
    if reply.streams or reply.media == _EVENTS:
        # In 3.1 a schema can only say what each event of a stream is, not that there are several.
        content[_EVENTS] = {"schema": refs[StreamEvent, "validation"]}
    return content
