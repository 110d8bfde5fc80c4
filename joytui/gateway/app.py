"""The gateway's HTTP application: every route, one error shape, the guard around it all."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from joytui.core.hosts import allowed_hosts
from joytui.core.joytoken import BASE_PATH, CODEX_MODELS_PATH, OWN_KEY_PATH, TELEMETRY_PATH
from joytui.gateway import codex_api
from joytui.gateway import public_api as public
from joytui.gateway.guard import App, Guard
from joytui.gateway.model_api import Message, ModelEndpoint, Receive, Send
from joytui.gateway.openapi import openapi
from joytui.gateway.refusals import METHOD_NOT_ALLOWED, NOT_FOUND, STORE_UNAVAILABLE, Refused
from joytui.gateway.routes import console_routes
from joytui.gateway.runtime import Gateway
from joytui.gateway.telemetry import receiver
from joytui.gateway.upstreams.exchange import error_body
from joytui.ledger.api import StoreUnavailable

log = logging.getLogger("joytui.gateway")
V1 = BASE_PATH


def create_app(gateway: Gateway, host: str, port: int) -> Guard:
    """The ASGI application of a gateway that listens on this address."""
    settings = gateway.settings

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        await gateway.start()
        try:
            yield
        finally:
            await gateway.stop()

    models = _model_endpoints(gateway)
    app = Starlette(
        routes=[*_model_routes(models), *_catalog_routes(), *_telemetry_routes(), *console_routes()],
        exception_handlers={
            Refused: _refused,
            StoreUnavailable: _no_store,
            HTTPException: _http_error,
            Exception: _failed,
        },
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    app.state.gateway = gateway
    hosts = allowed_hosts(host, port, settings.allow_hosts, tls=settings.tls_cert is not None)
    return Guard(_Shortcut(app, models), hosts, settings.max_header_bytes)


def _model_endpoints(gateway: Gateway) -> dict[str, ModelEndpoint]:
    return {
        f"{V1}/responses": ModelEndpoint(gateway, "responses"),
        f"{V1}/chat/completions": ModelEndpoint(gateway, "chat/completions"),
        f"{V1}/responses/compact": ModelEndpoint(gateway, "responses", compact=True),
    }


def _model_routes(models: Mapping[str, ModelEndpoint]) -> list[Route]:
    return [
        *(Route(path, endpoint, methods=["POST"]) for path, endpoint in models.items()),
        Route(f"{V1}/responses", public.no_websocket, methods=["GET"]),
        Route(f"{V1}/responses/compact", public.no_compaction, methods=["GET"]),
        Route(f"{V1}/models", public.openai_models),
        Route(f"{V1}{CODEX_MODELS_PATH}", codex_api.models),
        Route(f"{V1}/analytics/codex/turn-costs", codex_api.turn_costs, methods=["POST"]),
    ]


class _Shortcut:
    """The model endpoints without Starlette's routing and its layers around each message, which took a tenth of a request."""

    def __init__(self, app: App, models: Mapping[str, ModelEndpoint]) -> None:
        self._app = app
        self._models = models

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        endpoint = self._models.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        if endpoint is None:
            await self._app(scope, receive, send)
            return
        begun = False

        def noted(message: Message) -> Awaitable[None]:
            nonlocal begun
            begun = True
            return send(message)

        try:
            await endpoint(scope, receive, noted)
        except Exception as error:
            if not begun:
                await (await _failed(Request(scope), error))(scope, receive, send)
            raise  # uvicorn closes the connection


def _catalog_routes() -> list[Route]:
    return [
        Route("/api/v1/models", public.catalog),
        Route("/api/v1/models/meta", public.meta),
        Route("/api/v1/pricing", public.pricing),
        Route(OWN_KEY_PATH, public.own_key),
        Route("/healthz", public.health),
        Route("/readyz", public.ready),
        Route("/metrics", public.metrics),
        Route("/openapi.json", openapi),
    ]


def _telemetry_routes() -> list[Route]:
    endpoints = {"logs": receiver.logs, "metrics": receiver.dropped, "traces": receiver.dropped}
    return [Route(f"{TELEMETRY_PATH}/{name}", endpoint, methods=["POST"]) for name, endpoint in endpoints.items()]


def _error(status: int, message: str, error_type: str, headers: Any = None) -> Response:
    return Response(error_body(message, error_type), status, headers, media_type="application/json")


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return _error(error.status, error.message, error.error_type, error.headers)


async def _no_store(request: Request, error: Exception) -> Response:
    assert isinstance(error, StoreUnavailable)
    return _error(503, str(error), STORE_UNAVAILABLE, {"Retry-After": "1"})


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        message = f"method {request.method} is not allowed here"
        return _error(405, message, METHOD_NOT_ALLOWED, error.headers)
    if error.status_code == 404:
        return _error(404, f"no such endpoint: {request.url.path[:200]}", NOT_FOUND)
    return _error(error.status_code, str(error.detail), "invalid_request_error", error.headers)


async def _failed(request: Request, error: Exception) -> Response:
    log.error("%s %s failed: %s", request.method, request.url.path, type(error).__name__, exc_info=error)
    return _error(500, "the gateway failed; its log has details", "server_error")
