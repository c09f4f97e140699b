"""The frame's own pages: switching shop and language, profile, search, errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.db import OperationalError
from django.test import Client
from django.urls import reverse

from crm.accounts import navigation, search
from crm.accounts.models import Membership, Merchant
from crm.accounts.navigation import navigation_for
from crm.accounts.search import Hit
from tests.factories.accounts import make_member, make_user
from tests.factories.fixtures import client_of

Clients = Callable[..., Client]


def test_only_my_shops_can_be_entered(merchant: Merchant, rival: Merchant) -> None:
    me = make_member(merchant, "agent")
    client = client_of(me)
    assert client.post(reverse("shop_switch"), {"shop": rival.slug}).status_code == 404
    make_member(rival, "viewer", user=me.user)
    assert client.post(reverse("shop_switch"), {"shop": rival.slug}).status_code == 302
    assert client.get(reverse("member_list")).context["merchant"] == rival


def test_the_menu_lists_my_shops_and_no_others(merchant: Merchant, rival: Merchant) -> None:
    me = make_member(merchant, "agent")
    client = client_of(me)
    menu = client.get(reverse("shop_switch")).content.decode()
    assert merchant.name in menu
    assert rival.name not in menu
    make_member(rival, "viewer", user=me.user)
    assert rival.name in client.get(reverse("shop_switch")).content.decode()
    assert Client().get(reverse("shop_switch")).status_code == 302


def test_a_page_of_another_tab_does_not_act_here(member_client: Clients, merchant: Merchant) -> None:
    client = member_client("owner")
    response = client.post(reverse("team_create"), {"name": "Growth", "_merchant": "another-shop"})
    assert response.status_code == 409


def test_without_a_shop_one_is_told_so(db: None) -> None:
    client = Client()
    client.force_login(
        make_user("lost@example.com"), backend="allauth.account.auth_backends.AuthenticationBackend"
    )
    response = client.get(reverse("member_list"), follow=True)
    assert response.request["PATH_INFO"] == reverse("no_shop")
    assert "lost@example.com" in response.content.decode()


@pytest.mark.parametrize(
    "target, goes",
    [("/profile/?x=1", "/profile/?x=1"), ("https://evil.example/", "/"), ("//evil.example/", "/"), ("", "/")],
)
def test_language_is_kept_and_never_leads_away(member_client: Clients, target: str, goes: str) -> None:
    client = member_client("agent")
    response = client.post(reverse("language_set"), {"language": "zh-hans", "next": target})
    assert response["Location"] == goes
    user = client.membership.user  # type: ignore[attr-defined]
    user.refresh_from_db()
    assert user.language == "zh-hans"
    assert 'lang="zh-hans"' in client.get(reverse("profile")).content.decode()
    assert client.post(reverse("language_set"), {"language": "xx"}).status_code == 404


def test_profile_saves_name_language_and_look(member_client: Clients) -> None:
    client = member_client("viewer")
    data = {"name": "小明", "language": "zh-hant", "theme": "dark"}
    assert client.post(reverse("profile"), data).status_code == 302
    page = client.get(reverse("profile")).content.decode()
    assert 'data-theme="dark"' in page
    assert 'data-bs-theme="dark"' in page
    assert 'value="小明"' in page
    assert client.post(reverse("profile"), data | {"theme": "pink"}).status_code == 422


@pytest.fixture
def finders() -> Iterator[None]:
    kept = list(search._FINDERS)
    search._FINDERS.clear()
    yield
    search._FINDERS[:] = kept


def test_search_asks_only_what_the_member_may_see(member_client: Clients, finders: None) -> None:
    asked: list[str] = []

    @search.finder(label="Secrets", icon="key", needs="audit.view")
    def secrets(membership: Membership, query: str, limit: int) -> list[Hit]:
        asked.append(query)
        return [Hit("<b>found</b>", "/x/", "line")]

    url = reverse("search")
    assert "found" in member_client("owner").get(url, {"q": "ab"}).content.decode()
    assert "<b>" not in member_client("owner").get(url, {"q": "ab"}).content.decode()
    assert "found" not in member_client("agent").get(url, {"q": "ab"}).content.decode()
    assert "found" not in member_client("owner").get(url, {"q": "a"}).content.decode()
    assert "found" in member_client("owner").get(url, {"q": "李"}).content.decode()
    assert asked == ["ab", "ab", "李"]


def test_the_sidebar_holds_what_the_role_may_open(merchant: Merchant) -> None:
    def names(role: str) -> set[str]:
        links = navigation_for(make_member(merchant, role), "/settings/team/").links
        assert [link.item.url for link in links if link.current] == ["settings"]
        return {link.item.url for link in links}

    assert "inbox" in names("agent")
    assert "inbox" not in names("marketer")
    assert "campaign_list" not in names("agent")
    assert "settings" in names("viewer")


def test_keys_of_the_sidebar_are_unique() -> None:
    keys = [item.key for group in navigation.GROUPS for item in group.items] + [
        i.key for i in navigation.FOOT
    ]
    used = [key for key in keys if key]
    assert len(used) == len(set(used))


@pytest.mark.parametrize("headers, whole", [({}, True), ({"HX-Request": "true"}, False)])
def test_an_error_says_what_to_do(member_client: Clients, headers: dict[str, str], whole: bool) -> None:
    response = member_client("agent").get(reverse("audit_log"), headers=headers)
    page = response.content.decode()
    assert response.status_code == 403
    assert ("<html" in page) is whole
    assert "data-error-message" in page
    assert "permission" in page


def test_a_fault_has_a_page_though_the_frame_has_it_too(
    member_client: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: object, **_kwargs: object) -> None:
        raise OperationalError("the database has gone")

    monkeypatch.setattr("crm.accounts.audit_views.event_selectors.audit_log", broken)
    monkeypatch.setattr("crm.accounts.templatetags.frame.navigation_for", broken)
    client = member_client("owner")
    client.raise_request_exception = False
    response = client.get(reverse("audit_log"))
    assert response.status_code == 500
    assert "Reference:" in response.content.decode()


def test_a_database_that_has_gone_is_told_in_a_page(
    member_client: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = member_client("owner")
    client.raise_request_exception = False

    def gone(*_args: object, **_kwargs: object) -> None:
        raise OperationalError("connection refused")

    with monkeypatch.context() as without_database:
        without_database.setattr("django.db.backends.utils.CursorWrapper.execute", gone)
        response = client.get(reverse("audit_log"))
    assert response.status_code == 500
    assert "Something broke on our side" in response.content.decode()


def test_an_unknown_address_is_a_page_for_strangers_too(client: Client, db: None) -> None:
    response = client.get("/no/such/page/")
    assert response.status_code == 404
    assert "There is nothing here" in response.content.decode()


@pytest.mark.parametrize(
    "name", ["account_login", "account_reset_password", "account_reset_password_done", "account_signup"]
)
def test_the_doors_are_our_own_pages(client: Client, db: None, name: str) -> None:
    page = client.get(reverse(name)).content.decode()
    assert "gx-entrance__card" in page
    assert "<h1>" in page


def test_signing_in_and_out(client: Client, merchant: Merchant) -> None:
    make_member(merchant, "owner", email="boss@example.com", password="correct horse battery")
    url = reverse("account_login")
    wrong = client.post(url, {"login": "boss@example.com", "password": "no"})
    assert "gx-notice--bad" in wrong.content.decode()
    right = client.post(url, {"login": "boss@example.com", "password": "correct horse battery"})
    assert right.status_code == 302
    assert client.get(reverse("member_list")).status_code == 200
    client.post(reverse("account_logout"))
    assert client.get(reverse("member_list")).status_code == 302
