"""The live process: `/live/?token=…` streams nudges as server-sent events. No database, no sessions."""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm.settings")

import redis.asyncio as aioredis
import structlog
from django.conf import settings
from django.core.signing import BadSignature
from django.utils.log import configure_logging

from crm.lib.crypto import unsign
from crm.lib.live import TOKEN_PURPOSE, TOKEN_SECONDS, channel

# Settings and logs only: no app is loaded, because no model is used, and the process starts in half the time.
configure_logging(settings.LOGGING_CONFIG, settings.LOGGING)
log = structlog.get_logger()
Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

# Proxies cut silent connections after 30–60 s.
KEEPALIVE_SECONDS = 20.0


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
    elif scope["type"] == "http":
        await _http(scope, receive, send)


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _http(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["path"] == "/healthz":
        await _answer(send, 200, b"alive")
        return
    query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
    try:
        claim = unsign(query.get("token", [""])[0], purpose=TOKEN_PURPOSE, max_age_seconds=TOKEN_SECONDS)
    except BadSignature:
        await _answer(send, 403, b"token refused: reload the page")
        return
    assert isinstance(claim, dict)
    await _stream(receive, send, int(claim["m"]), claim["t"])


def _headers(content_type: bytes) -> list[tuple[bytes, bytes]]:
    return [
        (b"content-type", content_type),
        (b"cache-control", b"no-store"),
        (b"x-accel-buffering", b"no"),
        (b"access-control-allow-origin", settings.PUBLIC_URL.encode()),
    ]


async def _answer(send: Send, status: int, body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": _headers(b"text/plain")})
    await send({"type": "http.response.body", "body": body})


async def _stream(receive: Receive, send: Send, merchant_id: int, allowed: list[str] | None) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": _headers(b"text/event-stream")})
    await send({"type": "http.response.body", "body": b"retry: 3000\n\n", "more_body": True})
    client = aioredis.Redis.from_url(settings.REDIS_URL)
    gone = asyncio.create_task(_disconnected(receive))
    pump = asyncio.create_task(_pump(client, send, merchant_id, allowed))
    try:
        done, _pending = await asyncio.wait({gone, pump}, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            if (error := task.exception()) is not None:
                log.info("live stream ended", error=repr(error))
    finally:
        for task in (gone, pump):
            task.cancel()
        await client.aclose()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _pump(client: "aioredis.Redis", send: Send, merchant_id: int, allowed: list[str] | None) -> None:
    async with client.pubsub() as pubsub:
        await pubsub.subscribe(channel(merchant_id))
        while True:
            message = await pubsub.get_message(ignore_subscribe_messages=True, timeout=KEEPALIVE_SECONDS)
            if message is None:
                await send({"type": "http.response.body", "body": b": still here\n\n", "more_body": True})
                continue
            topics = json.loads(message["data"])
            if allowed is not None:
                topics = [topic for topic in topics if topic in allowed]
            body = "".join(f"event: changed\ndata: {json.dumps({'topic': topic})}\n\n" for topic in topics)
            if body:
                await send({"type": "http.response.body", "body": body.encode(), "more_body": True})
