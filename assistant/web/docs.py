"""`/openapi.json`, and its two readers, Swagger UI and ReDoc, served whole without a CDN."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from importlib import resources
from importlib.util import find_spec
from pathlib import Path

import msgspec
from aiohttp import web

import assistant
from assistant.errors import NotFoundError
from assistant.settings import AuthMode
from assistant.web.openapi import build_openapi
from assistant.web.routes import ROUTES
from assistant.web.routing import Route, file

_OURS = Path(str(resources.files("assistant.web") / "static_docs"))
_WHEEL = "drf_spectacular_sidecar"
_THEIRS: Mapping[str, str] = {
    "swagger-ui.css": "swagger-ui-dist/swagger-ui.css",
    "swagger-ui-bundle.js": "swagger-ui-dist/swagger-ui-bundle.js",
    "redoc.standalone.js": "redoc/bundles/redoc.standalone.js",
}
# ReDoc shows its maker's logo from there; without a source it leaves the logo out by itself.
_FOREIGN_LOGO = b"https://cdn.redoc.ly/redoc/logo-mini.svg"
_SCRIPTS = frozenset({"swagger.js", "redoc.js"})
_ASSET_HEADERS = {"Cache-Control": "public, max-age=86400"}


def find_assets() -> Path | None:
    """Return the folder of Swagger UI and ReDoc, or None where their wheel is not installed.

    The wheel is looked up, never imported: its package needs Django, its files do not.
    """
    spec = find_spec(_WHEEL)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        assets = Path(folder) / "static" / _WHEEL
        if assets.is_dir():
            return assets
    return None


@dataclass(frozen=True, slots=True)
class Docs:
    """The document and its two pages.

    Attributes:
        document: returns the OpenAPI document as JSON; the first time it takes a while.
        assets: the folder of Swagger UI and ReDoc; None answers their pages with 404.
    """

    document: Callable[[], bytes]
    assets: Path | None

    async def openapi_json(self, _request: web.Request) -> web.Response:
        """Tell the OpenAPI document."""
        document = await asyncio.to_thread(self.document)
        return web.Response(body=document, content_type="application/json")

    async def swagger_ui(self, _request: web.Request) -> web.FileResponse:
        """Show the document in Swagger UI, where each call can be tried."""
        self._installed()
        return web.FileResponse(_OURS / "swagger.html")

    async def redoc(self, _request: web.Request) -> web.FileResponse:
        """Show the document in ReDoc, for reading."""
        self._installed()
        return web.FileResponse(_OURS / "redoc.html")

    async def asset(self, request: web.Request) -> web.StreamResponse:
        """Hand out one of the files that the two pages are made of."""
        name = request.match_info["name"]
        if name == "redoc.standalone.js":
            script = await asyncio.to_thread((self._installed() / _THEIRS[name]).read_bytes)
            return web.Response(
                body=script.replace(_FOREIGN_LOGO, b"data:,"),
                headers=_ASSET_HEADERS,
                content_type="text/javascript",
                charset="utf-8",
            )
        if name in _THEIRS:
            return web.FileResponse(self._installed() / _THEIRS[name], headers=_ASSET_HEADERS)
        if name in _SCRIPTS:
            return web.FileResponse(_OURS / name, headers=_ASSET_HEADERS)
        detail = "There is no such file; /docs and /redoc name the ones there are."
        raise NotFoundError(detail)

    def _installed(self) -> Path:
        if self.assets is None:
            detail = (
                "The pages of the API reference are not installed; install them with "
                'pip install "persona-assistant[docs]", or read /openapi.json.'
            )
            raise NotFoundError(detail)
        return self.assets


def docs_routes(auth_mode: AuthMode = "none", docs: Docs | None = None) -> tuple[Route, ...]:
    """Return the rows of the document, its two pages and their files.

    Args:
        auth_mode: how the server wants to be told who is asking.
        docs: what to serve; None takes the route table and the installed wheel.
    """
    if docs is None:
        docs = Docs(cache(partial(_document, auth_mode)), find_assets())
    return (
        *file("/openapi.json", docs.openapi_json, "The OpenAPI document"),
        *file("/docs", docs.swagger_ui, "The document in Swagger UI"),
        *file("/redoc", docs.redoc, "The document in ReDoc"),
        *file("/docs/assets/{name}", docs.asset, "What the two pages are made of"),
    )


def _document(auth_mode: AuthMode) -> bytes:
    document = build_openapi(ROUTES, version=assistant.__version__, auth_mode=auth_mode)
    return msgspec.json.encode(document)
