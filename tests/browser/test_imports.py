"""A manager brings a file in, as on the first day: upload, columns, check, import, reconciliation, undo."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from crm.lib.tenancy import merchant_scope
from orders.models import Order
from tests.factories.accounts import make_member, make_merchant
from tests.orders.import_support import SMALL, ledger_csv

pytestmark = pytest.mark.django_db(transaction=True)
PASSWORD = "correct horse battery"


def sign_in(page: Page, url: str, email: str) -> None:
    page.goto(f"{url}/accounts/login/")
    page.locator("input[name=login]").fill(email)
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("form button[type=submit]").first.click()
    page.wait_for_url(f"{url}/**")


def test_a_file_goes_in_and_out_again(page: Page, live_server, celery_worker, live_process, tmp_path):
    merchant = make_merchant("retail", name="Retail", base_currency="GBP", time_zone="Europe/London")
    make_member(merchant, "manager", email="mia@example.com", password=PASSWORD)
    file = tmp_path / "ledger 2010.csv"
    refused = ["1011", "A", "Apple", "many", "2010-01-11 10:00:00", "2.00", "1", "France"]
    file.write_text(ledger_csv([*SMALL, refused]))
    sign_in(page, live_server.url, "mia@example.com")

    page.goto(f"{live_server.url}/imports/")
    page.get_by_role("link", name="Import a file").first.click()
    page.locator("input[type=file]").set_input_files(str(file))
    page.get_by_role("button", name="Read the file").click()

    expect(page.get_by_role("heading", level=1)).to_contain_text("ledger 2010.csv")
    expect(page.locator("#id_order_ref")).to_have_value("Invoice")
    page.get_by_role("button", name="Check the file").click()
    expect(page.get_by_text("What would happen")).to_be_visible(timeout=60_000)
    expect(page.get_by_text("“many” is no number")).to_be_visible()
    with merchant_scope(merchant):
        assert not Order.objects.exists()

    page.get_by_role("button", name="Import 4 orders").click()
    expect(page.get_by_text("Equal to the penny")).to_be_visible(timeout=60_000)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download them with their reasons").click()
    assert "many" in download.value.path().read_text(encoding="utf-8-sig")

    page.get_by_role("button", name="Undo this import").click()
    page.get_by_role("dialog").get_by_role("button", name="Undo this import").click()
    expect(page.get_by_text("Everything that it made is gone.")).to_be_visible(timeout=60_000)
    with merchant_scope(merchant):
        assert not Order.objects.exists()
