"""Home in a real browser: the sentence, the charts, and a figure that opens what is behind it."""

import re

import pytest
from playwright.sync_api import Page, expect

from crm.lib.tenancy import merchant_scope
from marketing.insight import rollups
from tests.browser.test_segments import sign_in
from tests.factories.accounts import make_member, make_merchant
from tests.factories.customers import make_customer
from tests.factories.orders import make_order

pytestmark = pytest.mark.django_db(transaction=True)


def test_home_draws_and_opens(page: Page, base_url: str, transactional_db) -> None:
    shop = make_merchant("qinghe", name="Qinghe Tea")
    make_order(shop, make_customer(shop, "Anna"), lines=[("Pot", 1, "250")])
    with merchant_scope(shop):
        rollups.recount_all(merchant=shop)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    sign_in(page, base_url, make_member(shop, "owner"))
    page.goto(f"{base_url}/")
    expect(page.locator(".gx-headline")).to_be_visible()
    expect(page.locator("#home-revenue canvas")).to_be_visible()
    expect(page.locator("#home-channels canvas")).to_be_visible()
    page.get_by_role("link", name="Revenue today").click()
    expect(page).to_have_url(re.compile(r"/orders/\?from="))
    assert faults == []
