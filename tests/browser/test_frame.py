"""The frame in a real browser: keyboard, palette, theme, phone, and the promises of every page (CSP, axe)."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.urls import reverse
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, expect

from crm.accounts.models import Membership
from tests.factories.accounts import make_key, make_member, make_merchant, make_rate, make_team
from tests.factories.fixtures import client_of

PHONE = {"width": 390, "height": 844}
OWN_BYTES = 200_000
PAGES = [
    "styleguide",
    "profile",
    "settings_shop",
    "rate_list",
    "permission_table",
    "member_list",
    "member_invite",
    "team_list",
    "apikey_list",
    "apikey_create",
    "audit_log",
    "delivery_list",
]
STRANGERS_PAGES = ["account_login", "account_reset_password", "account_signup"]
# The live stream has no server in this test; the browser says so on the console.
EXPECTED_NOISE = re.compile(r"/live/|ERR_CONNECTION_REFUSED")


@pytest.fixture
def boss(transactional_db: None) -> Membership:
    merchant = make_merchant("qinghe", name="Qinghe Tea")
    make_team(merchant, "After-sales 售后")
    make_key(merchant, "orders.read", name="Warehouse")
    make_rate(merchant, "EUR", "7.8123")
    make_member(merchant, "agent", name="李晓梅")
    return make_member(
        merchant, "owner", email="boss@example.com", name="Olga Owner", password="correct horse"
    )


@pytest.fixture
def complaints(page: Page) -> Iterator[list[str]]:
    """What the console said: a page of ours says nothing, above all no CSP violation."""
    said: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        place = message.location.get("url", "")
        if message.type in ("error", "warning") and not EXPECTED_NOISE.search(f"{message.text} {place}"):
            said.append(message.text)

    page.on("console", hear)
    page.on("pageerror", lambda error: said.append(str(error)))
    yield said
    assert said == []


@pytest.fixture
def signed_in(context: BrowserContext, boss: Membership, base_url: str) -> Membership:
    cookie = client_of(boss).cookies[settings.SESSION_COOKIE_NAME]
    context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": base_url}])
    return boss


def axe_violations(page: Page) -> list[str]:
    """Rule and first offender of each violation of WCAG 2.2 AA and good practice."""
    rules = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
    found = Axe().run(page, options=rules).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found]


def overflow(page: Page) -> int:
    return int(page.evaluate("() => document.documentElement.scrollWidth - window.innerWidth"))


@pytest.mark.slow
@pytest.mark.parametrize("width, theme", [(1440, "light"), (390, "dark")])
def test_pages_are_accessible_and_fit(
    page: Page, signed_in: Membership, complaints: list[str], width: int, theme: str
) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    wrong: dict[str, object] = {}
    for name in PAGES:
        page.goto(reverse(name))
        expect(page.locator("html")).to_have_attribute("data-bs-theme", theme)
        if found := axe_violations(page):
            wrong[name] = found
        if (wider := overflow(page)) > 0:
            wrong[f"{name} is wider than the screen"] = wider
    assert wrong == {}


def test_strangers_pages_are_accessible(page: Page, transactional_db: None, complaints: list[str]) -> None:
    for name in STRANGERS_PAGES:
        page.goto(reverse(name))
        assert axe_violations(page) == [], name
        page.set_viewport_size(PHONE)  # type: ignore[arg-type]
        assert overflow(page) <= 0


def test_signing_in_by_keyboard(page: Page, boss: Membership, complaints: list[str]) -> None:
    page.goto(f"{reverse('account_login')}?next={reverse('member_list')}")
    page.get_by_label("Email").focus()
    page.keyboard.type("boss@example.com")
    page.keyboard.press("Tab")
    page.keyboard.type("correct horse")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Team", exact=True)).to_be_visible()


def test_theme_is_kept_and_there_before_the_first_paint(
    page: Page, signed_in: Membership, complaints: list[str]
) -> None:
    page.emulate_media(color_scheme="light")
    page.goto(reverse("profile"))
    html = page.locator("html")
    expect(html).to_have_attribute("data-bs-theme", "light")
    page.get_by_role("button", name="Your account").click()
    page.get_by_role("button", name="Dark").click()
    expect(html).to_have_attribute("data-bs-theme", "dark")
    # The server itself writes it, so nothing flashes.
    assert 'data-bs-theme="dark"' in page.request.get(reverse("profile")).text()
    page.get_by_role("button", name="Auto").click()
    expect(html).to_have_attribute("data-bs-theme", "light")
    page.emulate_media(color_scheme="dark")
    expect(html).to_have_attribute("data-bs-theme", "dark")


def test_language_is_switched_in_the_menu(page: Page, signed_in: Membership, complaints: list[str]) -> None:
    page.goto(reverse("profile"))
    page.get_by_role("button", name="Your account").click()
    page.get_by_role("button", name="繁體").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-hant")
    expect(page).to_have_url(re.compile(reverse("profile")))


def test_palette_finds_and_goes(page: Page, signed_in: Membership, complaints: list[str]) -> None:
    page.goto(reverse("styleguide"))
    page.keyboard.press("/")
    palette = page.get_by_role("dialog", name="Search and commands")
    expect(palette).to_be_visible()
    expect(page.get_by_label("Search or type a command")).to_be_focused()
    page.keyboard.type("sett")
    expect(palette.get_by_role("option")).to_have_count(1)
    expect(palette.get_by_role("option")).to_have_attribute("aria-selected", "true")
    page.keyboard.type("zzz")
    expect(palette.get_by_text("Nothing found for “settzzz”")).to_be_visible()
    page.keyboard.press("Escape")
    expect(palette).to_be_hidden()
    page.keyboard.press("Control+k")
    page.keyboard.type("settings")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/settings/"))


def test_g_then_a_letter_goes(page: Page, signed_in: Membership, complaints: list[str]) -> None:
    page.goto(reverse("styleguide"))
    page.keyboard.press("g")
    page.keyboard.press(",")
    expect(page).to_have_url(re.compile("/settings/"))
    page.goto(reverse("styleguide"))
    page.get_by_role("searchbox").focus()
    page.keyboard.type("g,")
    expect(page.get_by_role("searchbox")).to_have_value("g,")
    expect(page).to_have_url(re.compile("/styleguide/"))


def test_help_lists_the_keys(page: Page, signed_in: Membership, complaints: list[str]) -> None:
    page.goto(reverse("profile"))
    page.keyboard.press("?")
    help_dialog = page.get_by_role("dialog", name="Keyboard")
    expect(help_dialog).to_be_visible()
    expect(help_dialog).to_contain_text("Search and commands")
    page.keyboard.press("Escape")
    expect(help_dialog).to_be_hidden()


def test_skip_link_is_the_first_stop(page: Page, signed_in: Membership) -> None:
    page.goto(reverse("profile"))
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()


def test_confirmation_asks_before_it_acts(page: Page, signed_in: Membership, complaints: list[str]) -> None:
    page.goto(reverse("apikey_list"))
    row = page.get_by_role("row", name=re.compile("Warehouse"))
    row.get_by_role("button", name="Revoke").click()
    ask = page.get_by_role("dialog", name="Revoke this key?")
    ask.get_by_role("button", name="Cancel").click()
    expect(row.get_by_text("Works")).to_be_visible()
    row.get_by_role("button", name="Revoke").click()
    ask.get_by_role("button", name="Revoke").click()
    expect(row.get_by_text("Revoked")).to_be_visible()
    expect(page.get_by_text("The key Warehouse stopped working.")).to_be_visible()


def test_selection_bar_and_row_keys(page: Page, signed_in: Membership, complaints: list[str]) -> None:
    page.goto(reverse("styleguide"))
    page.locator("input[data-select]").nth(0).check()
    page.locator("input[data-select]").nth(3).click(modifiers=["Shift"])
    bar = page.locator("[data-selection]")
    expect(bar).to_contain_text("4 selected")
    page.get_by_role("button", name="Clear selection").click()
    expect(bar).to_be_hidden()
    page.locator("#main").focus()
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.locator("input[data-select]").nth(1)).to_be_checked()


def test_side_panel_loads_and_closes(page: Page, signed_in: Membership, complaints: list[str]) -> None:
    page.goto(reverse("styleguide"))
    page.get_by_role("button", name="Why?").click()
    panel = page.get_by_role("dialog", name="Why?")
    expect(panel).to_contain_text("Four orders in ninety days")
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()


def test_charts_are_drawn_and_tabulated(page: Page, signed_in: Membership, complaints: list[str]) -> None:
    page.goto(reverse("styleguide"))
    expect(page.locator("#g-area canvas")).to_be_visible()
    chart = page.locator("figure", has=page.locator("#g-bar"))
    chart.get_by_text("Show as a table").click()
    expect(chart.get_by_role("row", name="Shopify 820")).to_be_visible()


def test_phone_has_a_bottom_bar(page: Page, signed_in: Membership, complaints: list[str]) -> None:
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    page.goto(reverse("profile"))
    expect(page.locator("#sidebar")).to_be_hidden()
    page.get_by_role("button", name="More").click()
    menu = page.locator("#sidebar")
    expect(menu.get_by_role("link", name="Settings")).to_be_visible()
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()


def test_a_refusal_during_htmx_is_said_not_swapped_in(
    page: Page, signed_in: Membership, live_server: object
) -> None:
    page.goto(reverse("styleguide"))
    expect(page.get_by_role("button", name="Why?")).to_be_visible()
    Membership.objects.filter(pk=signed_in.pk).update(role="agent")
    page.get_by_role("button", name="Why?").click()
    expect(page.locator("#toasts")).to_contain_text("You don't have the permission")
    expect(page.locator("#side-panel-body")).not_to_contain_text("permission")


def test_own_assets_are_small() -> None:
    files = [name for kind in ("css", "js") for name in (settings.BASE_DIR / "static" / kind).rglob("*")]
    sizes = {name.name: name.stat().st_size for name in files if name.is_file()}
    assert {"tokens.css", "ui.js"} <= set(sizes)
    assert sum(sizes.values()) < OWN_BYTES, sizes
