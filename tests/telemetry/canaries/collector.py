"""A collector: writes down all that is sent, and passes it on to one that is not ours."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web
from google.protobuf.text_format import (  # type: ignore[import-untyped]  # it has no types
    MessageToString,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from oteltap import OtelTapHttpProtobufReceiver, OtelTapHttpProtobufReceiverSettings

from tests.processes import free_port
from tests.upstream import serving

CONTENT = frozenset(
    {
        "gen_ai.input.messages",
        "gen_ai.output.messages",
        "gen_ai.system_instructions",
        "gen_ai.tool.call.arguments",
        "gen_ai.tool.call.result",
    }
)
"""The attributes that hold what people said, where capture is on; none else may."""


@dataclass(slots=True)
class Collector:
    """What came in.

    Attributes:
        url: where to send it.
        spans: how many there were.
        content: the values of attributes for content.
        rest: all else: names, resources, attributes, events, links, status.
        refused: answers of the receiver behind that were not its yes.
    """

    url: str = ""
    spans: int = 0
    content: list[str] = field(default_factory=list)
    rest: list[str] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)

    def take(self, body: bytes) -> None:
        """Read a request, and part content from what is none."""
        sent = ExportTraceServiceRequest.FromString(body)
        for resource in sent.resource_spans:
            for scope in resource.scope_spans:
                for span in scope.spans:
                    self.spans += 1
                    self._part(span)
                    # Digits without end, in which any number could be found by chance.
                    span.ClearField("start_time_unix_nano")
                    span.ClearField("end_time_unix_nano")
        self.rest.append(MessageToString(sent, as_utf8=True))

    def _part(self, span: Span) -> None:
        for inner in (span, *span.events):
            for attribute in [each for each in inner.attributes if each.key in CONTENT]:
                self.content.append(MessageToString(attribute, as_utf8=True))
                inner.attributes.remove(attribute)


@asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    """Take in what is sent while the context lasts."""
    found, behind = Collector(), free_port()

    async def take(request: web.Request) -> web.Response:
        body = await request.read()
        found.take(body)
        headers = {"Content-Type": request.headers["Content-Type"]}
        url = f"http://127.0.0.1:{behind}{request.path}"
        async with aiohttp.request("POST", url, data=body, headers=headers) as reply:
            if reply.status != web.HTTPOk.status_code:
                found.refused.append(reply.status)
            return web.Response(status=reply.status, body=await reply.read())

    app = web.Application(client_max_size=2**26)
    app.router.add_post("/v1/traces", take)
    settings = OtelTapHttpProtobufReceiverSettings(http_port=behind)
    async with OtelTapHttpProtobufReceiver(settings), serving(app) as found.url:
        yield found
