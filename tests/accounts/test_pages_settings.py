"""The settings pages: who may open them, what they change, and that nothing is shown twice."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.core import mail
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone, translation

from crm.accounts import events
from crm.accounts.joining import TRIES_PER_MINUTE, join_link
from crm.accounts.models import ApiKey, ExchangeRate, Membership, Merchant, Team
from crm.accounts.services import member_add
from crm.events.actor import acting
from crm.events.delivering import deliver
from crm.events.emitting import emit
from crm.events.models import Delivery, Event
from crm.integrations.mail import send
from crm.integrations.models import OutboundMail
from crm.lib.tenancy import all_merchants, merchant_scope
from tests.factories.accounts import make_key, make_member, make_rate, make_team
from tests.support.smtp import SmtpSink

Clients = Callable[..., Client]
PAGES = {
    "settings_shop": {"owner", "manager"},
    "rate_list": {"owner", "manager"},
    "permission_table": {"owner", "manager", "marketer", "agent", "analyst", "viewer"},
    "member_list": {"owner", "manager", "marketer", "agent", "analyst", "viewer"},
    "member_invite": {"owner", "manager"},
    "team_list": {"owner", "manager", "marketer", "agent", "analyst", "viewer"},
    "apikey_list": {"owner", "manager"},
    "apikey_create": {"owner", "manager"},
    "audit_log": {"owner", "manager"},
    "delivery_list": {"owner", "manager"},
    "styleguide": {"owner", "manager"},
}


@pytest.mark.parametrize("role", ["owner", "manager", "marketer", "agent", "analyst", "viewer"])
def test_each_role_opens_what_the_table_says(member_client: Clients, role: str) -> None:
    client = member_client(role)
    opened = {name for name in PAGES if client.get(reverse(name)).status_code == 200}
    assert opened == {name for name, roles in PAGES.items() if role in roles}


def test_strangers_are_sent_to_sign_in(client: Client, merchant: Merchant) -> None:
    response = client.get(reverse("member_list"))
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("account_login"))


def shop_form(merchant: Merchant, **changes: str) -> dict[str, str]:
    names = ["name", "website", "brand_color", "time_zone", "locale", "country"]
    names += ["sender_name", "sender_email", "support_email", "postal_address"]
    return {name: str(getattr(merchant, name)) for name in names} | changes


def test_saving_the_shop_is_written_into_the_log(member_client: Clients, merchant: Merchant) -> None:
    client = member_client("owner")
    data = shop_form(merchant, name="Qinghe Teahouse", country="de", brand_color="#AA0000")
    response = client.post(reverse("settings_shop_save"), data)
    assert response.status_code == 302
    merchant.refresh_from_db()
    assert (merchant.name, merchant.country, merchant.brand_color) == ("Qinghe Teahouse", "DE", "#aa0000")
    with merchant_scope(merchant):
        event = Event.objects.get(name="accounts.settings_changed")
    assert event.data == {"changes": "brand_color, country, name"}
    assert event.actor == f"user:{client.membership.user_id}"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "field, value",
    [
        ("time_zone", "Mars/Base"),
        ("brand_color", "red;}"),
        ("country", "China"),
        ("sender_email", "nobody"),
        ("name", ""),
    ],
)
def test_a_wrong_setting_changes_nothing(
    member_client: Clients, merchant: Merchant, field: str, value: str
) -> None:
    data = shop_form(merchant, website="https://qinghe.example", **{field: value})
    response = member_client("owner").post(reverse("settings_shop_save"), data)
    assert response.status_code == 422
    merchant.refresh_from_db()
    assert merchant.website == ""


def test_the_currency_of_the_books_stays(member_client: Clients, merchant: Merchant) -> None:
    member_client("owner").post(reverse("settings_shop_save"), shop_form(merchant, base_currency="EUR"))
    merchant.refresh_from_db()
    assert merchant.base_currency == "CNY"


# --- members ---------------------------------------------------------------------------------------------
def invitation(**changes: str) -> dict[str, str]:
    return {
        "email": "new@example.com",
        "name": "",
        "role": "agent",
        "team": "",
        "visibility": "all",
    } | changes


def test_an_invited_person_chooses_a_password_once(member_client: Clients, merchant: Merchant) -> None:
    client = member_client("owner")
    client.post(reverse("member_invite"), invitation())
    work_invitations()
    assert [message.to for message in mail.outbox] == [["new@example.com"]]
    inviter = client.membership.user.get_full_name()  # type: ignore[attr-defined]
    assert mail.outbox[0].subject == f"{inviter} invites you to {merchant.name}"
    link = re.search(r"http\S+(/join/\S+)", mail.outbox[0].body)
    assert link
    guest = Client()
    assert guest.get(link[1]).status_code == 200
    weak = guest.post(link[1], {"name": "Neu", "password": "12345678"})
    assert weak.status_code == 422
    joined = guest.post(link[1], {"name": "Neu Mann", "password": "correct horse battery"})
    assert joined.status_code == 302
    member = Membership.objects.get(user__email="new@example.com")
    assert (member.user.name, member.user.check_password("correct horse battery")) == ("Neu Mann", True)
    assert guest.get(reverse("member_list")).status_code == 200
    assert Client().get(link[1]).status_code == 404


def work_invitations() -> int:
    """What the workers do with owed invitations; the number of mails that left."""
    with all_merchants(reason="test"):
        owed = list(Delivery.objects.filter(handler="integrations.invitation").values_list("id", flat=True))
    for delivery in owed:
        deliver(delivery)
    with all_merchants(reason="test"):
        mails = list(OutboundMail.objects.filter(purpose="invitation").values_list("id", flat=True))
    return sum(send(one) for one in mails)


def test_a_dead_mail_server_loses_no_invitation(
    member_client: Clients, merchant: Merchant, smtp_sink: SmtpSink
) -> None:
    smtp_sink.fail("CONNECT", 421)
    response = member_client("owner").post(reverse("member_invite"), invitation())
    assert response.status_code == 302
    assert work_invitations() == 0
    with merchant_scope(merchant):
        waiting = OutboundMail.objects.get()
        assert (waiting.state, waiting.attempts) == (OutboundMail.State.QUEUED, 1)
        OutboundMail.objects.update(due_at=timezone.now())
    assert smtp_sink.mails == []
    smtp_sink.heal()
    assert work_invitations() == 1
    assert [mail.recipients for mail in smtp_sink.mails] == [["new@example.com"]]
    assert "/join/" in smtp_sink.mails[0].text


def test_a_refused_invitation_owes_no_mail(member_client: Clients, merchant: Merchant) -> None:
    known = make_member(merchant, "agent")
    response = member_client("owner").post(reverse("member_invite"), invitation(email=known.user.email))
    assert response.status_code == 409
    with all_merchants(reason="test"):
        assert not Delivery.objects.filter(handler="integrations.invitation").exists()


def test_who_left_before_the_mail_is_not_invited(member_client: Clients, merchant: Merchant) -> None:
    client = member_client("owner")
    client.post(reverse("member_invite"), invitation())
    member = Membership.objects.get(user__email="new@example.com")
    client.post(reverse("member_deactivate", args=[member.pk]))
    assert work_invitations() == 0
    assert mail.outbox == []


def test_asked_again_goes_out_again(member_client: Clients, merchant: Merchant) -> None:
    client = member_client("owner")
    client.post(reverse("member_invite"), invitation())
    member = Membership.objects.get(user__email="new@example.com")
    assert client.post(reverse("member_invite_again", args=[member.pk])).status_code == 302
    assert work_invitations() == 2
    assert [message.to for message in mail.outbox] == [["new@example.com"]] * 2


def test_whoever_has_an_account_is_told_to_sign_in(
    member_client: Clients, merchant: Merchant, rival: Merchant
) -> None:
    known = make_member(rival, "agent", password="correct horse battery")
    member_client("owner").post(reverse("member_invite"), invitation(email=known.user.email))
    work_invitations()
    assert "/join/" not in mail.outbox[0].body
    assert "You have an account already" in mail.outbox[0].body


def test_links_are_tried_so_often_and_no_more(merchant: Merchant) -> None:
    member = make_member(merchant, "agent")
    path = join_link(member).partition("/join/")[2]
    answers = [Client().get(f"/join/{path[:-2]}x/").status_code for _try in range(TRIES_PER_MINUTE)]
    assert set(answers) == {404}
    assert Client().get(f"/join/{path}").status_code == 429
    refused = Client().post(f"/join/{path}", {"name": "Neu", "password": "correct horse battery"})
    assert refused.status_code == 429
    member.user.refresh_from_db()
    assert not member.user.has_usable_password()
    elsewhere = Client(REMOTE_ADDR="198.51.100.7")
    assert elsewhere.get(f"/join/{path}").status_code == 200


def test_behind_a_proxy_wrong_passwords_count_for_the_visitor(merchant: Merchant, settings: Any) -> None:
    settings.TRUSTED_PROXIES = 1
    email = make_member(merchant, "agent", password="correct horse battery").user.email

    def sign_in(visitor: str, email: str, password: str) -> int:
        words = {"login": email, "password": password}
        answer = Client().post(reverse("account_login"), words, headers={"X-Forwarded-For": visitor})
        return answer.status_code

    for number in range(11):
        assert sign_in("198.51.100.7", f"nobody{number}@example.com", "wrong") != 302
    assert sign_in("198.51.100.7", email, "correct horse battery") != 302
    assert sign_in("198.51.100.8", email, "correct horse battery") == 302


def test_a_forged_link_opens_nothing(merchant: Merchant) -> None:
    member = make_member(merchant, "agent")
    link = join_link(member)
    path = link[link.index("/join/") :]
    assert Client().get(path[:-3] + "x/").status_code == 404
    assert Client().get(path.replace("/join/", "/join/A", 1)).status_code == 404


def test_a_manager_neither_makes_nor_unmakes_an_owner(member_client: Clients, merchant: Merchant) -> None:
    boss = make_member(merchant, "owner")
    client = member_client("manager")
    assert client.post(reverse("member_invite"), invitation(role="owner")).status_code == 403
    change = {"role": "agent", "team": "", "visibility": "all"}
    assert client.post(reverse("member_edit", args=[boss.pk]), change).status_code == 403
    assert client.post(reverse("member_deactivate", args=[boss.pk])).status_code == 403
    boss.refresh_from_db()
    assert (boss.role, boss.is_active) == ("owner", True)
    assert not Membership.objects.filter(user__email="new@example.com").exists()


def test_the_last_owner_stays(member_client: Clients) -> None:
    client = member_client("owner")
    me = client.membership  # type: ignore[attr-defined]
    change = {"role": "agent", "team": "", "visibility": "all"}
    assert client.post(reverse("member_edit", args=[me.pk]), change).status_code == 422
    assert client.post(reverse("member_deactivate", args=[me.pk])).status_code == 422
    me.refresh_from_db()
    assert (me.role, me.is_active) == ("owner", True)


def test_a_deactivated_member_is_out_with_the_next_click(member_client: Clients, merchant: Merchant) -> None:
    leaver = member_client("agent")
    owner = member_client("owner")
    pk = leaver.membership.pk  # type: ignore[attr-defined]
    assert leaver.get(reverse("member_list")).status_code == 200
    owner.post(reverse("member_deactivate", args=[pk]))
    assert leaver.get(reverse("member_list")).status_code == 302
    owner.post(reverse("member_reactivate", args=[pk]))
    assert leaver.get(reverse("member_list")).status_code == 200


def test_a_rival_is_told_nothing_of_our_rows(rival_client: Client, merchant: Merchant) -> None:
    member, team = make_member(merchant, "agent"), make_team(merchant)
    key, _secret = make_key(merchant, "orders.read")
    rate = make_rate(merchant, "EUR", "7.8")
    tries = {
        "member_edit": member,
        "member_deactivate": member,
        "member_reactivate": member,
        "member_invite_again": member,
        "team_rename": team,
        "team_delete": team,
        "apikey_revoke": key,
        "rate_delete": rate,
    }
    for name, row in tries.items():
        assert rival_client.post(reverse(name, args=[row.pk]), {"name": "x"}).status_code == 404, name
    member.refresh_from_db()
    assert member.is_active
    with merchant_scope(merchant):
        assert Team.objects.get().name == team.name
        assert ApiKey.objects.get().revoked_at is None
        assert ExchangeRate.objects.count() == 1


# --- teams, rates, keys ------------------------------------------------------------------------------------
def test_a_teams_name_is_used_once(member_client: Clients, merchant: Merchant) -> None:
    client = member_client("owner")
    assert client.post(reverse("team_create"), {"name": "Growth"}).status_code == 302
    assert client.post(reverse("team_create"), {"name": "growth"}).status_code == 409
    with merchant_scope(merchant):
        team = Team.objects.get()
    client.post(reverse("team_rename", args=[team.pk]), {"name": "Growth 2"})
    team.refresh_from_db()
    assert team.name == "Growth 2"
    client.post(reverse("team_delete", args=[team.pk]))
    with merchant_scope(merchant):
        assert not Team.objects.exists()


def test_a_rate_is_set_from_a_day_on(member_client: Clients, merchant: Merchant) -> None:
    client = member_client("owner")
    rate = {"currency": "EUR", "rate": "7.8123", "valid_from_on": "2026-01-01"}
    assert client.post(reverse("rate_set"), rate).status_code == 302
    assert client.post(reverse("rate_set"), rate | {"rate": "7.9"}).status_code == 302
    assert client.post(reverse("rate_set"), rate | {"rate": "0"}).status_code == 422
    assert client.post(reverse("rate_set"), rate | {"currency": "CNY"}).status_code == 422
    with merchant_scope(merchant):
        row = ExchangeRate.objects.get()
    assert (row.currency, str(row.rate), row.valid_from_on) == ("EUR", "7.90000000", date(2026, 1, 1))


def test_a_keys_secret_is_shown_once(member_client: Clients, merchant: Merchant) -> None:
    client = member_client("owner")
    data = {"name": "Warehouse", "scopes": ["orders.read"], "expires_on": "2030-01-31"}
    response = client.post(reverse("apikey_create"), data)
    secret = re.search(r"gx_[0-9a-f]{10}_[\w-]{20,}", response.content.decode())
    assert secret
    assert "no-store" in response["Cache-Control"]
    with merchant_scope(merchant):
        key = ApiKey.objects.get()
    assert key.digest == ApiKey.digest_of(secret[0])
    assert key.expires_at is not None
    assert (
        key.expires_at.astimezone(merchant.zone).isoformat() == "2030-02-01T00:00:00+08:00"
    )  # all of the 31st
    assert secret[0] not in client.get(reverse("apikey_list")).content.decode()
    client.post(reverse("apikey_revoke", args=[key.pk]))
    key.refresh_from_db()
    assert key.revoked_at is not None


def test_a_key_needs_a_scope(member_client: Clients, merchant: Merchant) -> None:
    client = member_client("owner")
    assert client.post(reverse("apikey_create"), {"name": "None"}).status_code == 422
    assert client.post(reverse("apikey_create"), {"name": "Odd", "scopes": ["root"]}).status_code == 422
    with merchant_scope(merchant):
        assert not ApiKey.objects.exists()


# --- records -----------------------------------------------------------------------------------------------
@pytest.fixture
def said(merchant: Merchant, transactional_db: None) -> list[int]:
    """Sixty lines of one owner, a page and a bit."""
    boss = make_member(merchant, "owner", name="Frau Chef")
    with transaction.atomic(), merchant_scope(merchant), acting(f"user:{boss.user_id}"):
        written = [
            emit(events.SETTINGS_CHANGED, merchant=merchant, data={"changes": f"line {n}."})
            for n in range(60)
        ]
    return [number for number in written if number]


def test_the_audit_log_names_who_and_goes_on(member_client: Clients, said: list[int]) -> None:
    client = member_client("owner")
    first = client.get(reverse("audit_log")).content.decode()
    assert first.count("Frau Chef ·") == 0  # the name is in its own element
    assert "Settings changed: line 59." in first
    assert "line 9." not in first.replace("line 59.", "").replace("line 19.", "")
    more = re.search(r'hx-get="([^"]+after=[^"]+)"', first)
    assert more
    rest = client.get(more[1].replace("&amp;", "&"), headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in rest
    assert "Settings changed: line 0." in rest
    none = client.get(reverse("audit_log"), {"actor": "user:999999"}).content.decode()
    assert "Settings changed: line" not in none


def test_lists_cost_the_same_for_many_rows(
    member_client: Clients, merchant: Merchant, transactional_db: None
) -> None:
    client = member_client("owner")
    pages = ["audit_log", "member_list", "team_list", "apikey_list", "rate_list"]

    def costs() -> dict[str, int]:
        counted = {}
        for name in pages:
            with CaptureQueriesContext(connection) as queries:
                assert client.get(reverse(name)).status_code == 200
            counted[name] = len(queries)
        return counted

    def fill(number: int) -> None:
        for n in range(number):
            member, team = make_member(merchant, "agent"), make_team(merchant)
            make_key(merchant, "orders.read", name=team.name)
            make_rate(merchant, "EUR", "7.8", date(2024, 1, 1 + n) if number < 9 else date(2025, 1, 1 + n))
            with transaction.atomic(), merchant_scope(merchant), acting(f"user:{member.user_id}"):
                emit(events.SETTINGS_CHANGED, merchant=merchant, data={"changes": str(n)})

    fill(2)
    costs()  # warms sessions and caches
    few = costs()
    fill(25)
    assert costs() == few


def test_a_dead_delivery_is_put_back(member_client: Clients, merchant: Merchant, said: list[int]) -> None:
    with merchant_scope(merchant):
        dead = Delivery.objects.create(
            merchant=merchant, event_id=said[0], handler="x.y", state="dead", attempts=9, error="Boom <b>"
        )
    client = member_client("manager")
    page = client.get(reverse("delivery_list")).content.decode()
    assert "Boom &lt;b&gt;" in page
    client.post(reverse("delivery_retry", args=[dead.pk]))
    dead.refresh_from_db()
    assert dead.state in ("pending", "done")
    assert member_client("agent").post(reverse("delivery_retry", args=[dead.pk])).status_code == 403


def test_the_log_says_a_role_in_the_reader_s_language(scoped: Merchant) -> None:
    member_add(merchant=scoped, email="new@example.com", name="New", role="viewer")
    told = Event.objects.get(name="accounts.member_invited")
    assert told.data["role"] == "viewer"
    for language, word in (("en", "Viewer"), ("zh-hans", "只读")):
        with translation.override(language):
            assert word in told.sentence
    told.data["role"] = "Betrachter"  # as it was written before
    assert "Betrachter" in told.sentence
