"""A page of the shop tells what its visitor looks at, after their yes; nothing before, nothing after a no."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Page

from crm.lib.tenancy import merchant_scope
from customers.models import Visit, VisitSettings
from tests.factories.accounts import make_merchant

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shop_page(live_server) -> Iterator[str]:
    """The address of a shop's own page with the line of Settings → Visits in it, on another site."""
    door = f"{live_server.url}/t/v/retail/"
    line = f'<script src="{live_server.url}/t/visits.js" data-door="{door}"></script>'
    page = f"<!doctype html><title>Tie Guan Yin</title>{line}".encode()

    class Shop(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_words: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.server_address[1]}/tea/"
    server.shutdown()
    server.server_close()


def test_a_shop_s_page_tells_after_a_yes(page: Page, shop_page: str):
    merchant = make_merchant("retail", name="Retail")
    with merchant_scope(merchant):
        VisitSettings.objects.create(merchant=merchant, is_on=True, hosts=["localhost"])
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/t/v/" in request.url else None)
    page.goto(shop_page)
    page.wait_for_load_state("networkidle")
    assert page.evaluate("guanxi.visitor()") == "" and page.evaluate("document.cookie") == "" and not asked

    with page.expect_response("**/t/v/retail/") as answer:
        page.evaluate("guanxi.allow()")
    assert answer.value.status == 204
    with page.expect_response("**/t/v/retail/"):
        page.evaluate("guanxi.saw('product', {title: '铁观音', sku: 'TGY'})")
    visitor = page.evaluate("guanxi.visitor()")
    assert len(visitor) == 32
    with merchant_scope(merchant):
        told = list(Visit.objects.order_by("pk").values_list("visitor", "kind", "title", "path", "sku"))
    assert told == [
        (visitor, "page", "Tie Guan Yin", "/tea/", ""),
        (visitor, "product", "铁观音", "/tea/", "TGY"),
    ]

    page.evaluate("guanxi.forget()")
    page.evaluate("guanxi.saw('search', {title: 'oolong'})")
    page.wait_for_timeout(300)
    assert page.evaluate("guanxi.visitor()") == ""
    with merchant_scope(merchant):
        assert Visit.objects.count() == 2
