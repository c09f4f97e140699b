"""Sender domains: what their DNS says, who signs, and how mail fares by receiving domain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import dkim as reference
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from crm.accounts.models import Merchant
from crm.events.models import Event
from crm.lib.errors import Conflict, Rejected
from crm.lib.tenancy import merchant_scope
from marketing.campaigns import services as campaigns
from marketing.campaigns.checklist import checklist
from marketing.domains import counting, services
from marketing.domains.checking import MEANINGS, look
from marketing.domains.dns import Asker
from marketing.domains.health import Health, health
from marketing.domains.records import rows_of
from marketing.domains.signing import signer_for
from marketing.domains.spf import with_server
from marketing.engine import dkim
from marketing.models import Campaign, Delivery, DomainCount, SenderDomain
from marketing.sending.runner import Runner
from tests.api.conftest import ApiClient
from tests.factories.accounts import make_key
from tests.factories.marketing_mail import make_campaign, make_subscriber
from tests.support.dns_server import DnsServer
from tests.support.smtp import SmtpSink

SERVER = "203.0.113.7"


@pytest.fixture
def dns(settings: Settings) -> Iterator[DnsServer]:
    with DnsServer({("shop.example", "A"): ["203.0.113.1"]}) as server:
        settings.DNS_SERVERS = [server.place]
        yield server


def add(merchant: Merchant, domain: str = "shop.example", **more: str) -> SenderDomain:
    return services.sender_domain_add(merchant=merchant, domain=domain, **more)


def publish(dns: DnsServer, row: SenderDomain) -> None:
    """The key, in pieces of at most 255 letters as the DNS wants it."""
    text = dkim.record(row.key_type, row.public_key)
    pieces = " ".join(f'"{text[at : at + 255]}"' for at in range(0, len(text), 255))
    dns.records[f"{row.selector}._domainkey.{row.domain}", "TXT"] = [pieces]


@pytest.mark.parametrize(
    ("case", "records", "expected"),
    [
        ("none", {}, "spf_none"),
        ("ours by address", {"shop.example": ["v=spf1 ip4:203.0.113.0/24 -all"]}, "spf_good"),
        ("ours by name", {"shop.example": ["v=spf1 a:mail.shop.example ~all"]}, "spf_good"),
        ("ours by mx", {"shop.example": ["v=spf1 mx -all"]}, "spf_good"),
        (
            "ours by include",
            {
                "shop.example": ["v=spf1 include:_spf.x.example -all"],
                "_spf.x.example": ["v=spf1 a:mail.shop.example -all"],
            },
            "spf_good",
        ),
        (
            "redirected",
            {"shop.example": ["v=spf1 redirect=y.example"], "y.example": ["v=spf1 ip4:203.0.113.7 -all"]},
            "spf_good",
        ),
        ("others only", {"shop.example": ["v=spf1 ip4:198.51.100.1 -all"]}, "spf_refuses"),
        ("everybody", {"shop.example": ["v=spf1 +all"]}, "spf_open"),
        ("no end", {"shop.example": ["v=spf1 ip4:203.0.113.7"]}, "spf_endless"),
        ("two", {"shop.example": ["v=spf1 -all", "v=spf1 mx -all"]}, "spf_many"),
        ("a mistake", {"shop.example": ["v=spf1 ipv4:203.0.113.7 -all"]}, "spf_syntax"),
        ("no network", {"shop.example": ["v=spf1 ip4:elsewhere -all"]}, "spf_syntax"),
        ("a circle", {"shop.example": ["v=spf1 include:shop.example -all"]}, "spf_lookups"),
        (
            "other texts beside",
            {"shop.example": ["google-site=1", "v=spf1 ip4:203.0.113.7 -all"]},
            "spf_good",
        ),
    ],
)
def test_spf(
    dns: DnsServer, scoped: Merchant, case: str, records: dict[str, list[str]], expected: str
) -> None:
    dns.records |= {(name, "TXT"): [f'"{one}"' for one in texts] for name, texts in records.items()}
    dns.records["mail.shop.example", "A"] = [SERVER]
    dns.records["shop.example", "MX"] = ["10 mail.shop.example."]
    found = look(add(scoped), asker=Asker((dns.place,)), servers=(SERVER,))
    assert found["spf"]["code"] == expected, case


@pytest.mark.parametrize("end", ["+all", "all", "+ALL"])
def test_the_row_to_paste_lets_nobody_else_send(dns: DnsServer, scoped: Merchant, end: str) -> None:
    dns.records["shop.example", "TXT"] = [f'"v=spf1 mx {end}"']
    row = services.sender_domain_check(row=add(scoped))
    assert row.findings["spf"]["code"] == "spf_open"
    assert rows_of(row, "")[0].value == "v=spf1 mx ~all"


def test_a_domain_whose_answers_take_too_long_is_asked_later(dns: DnsServer, scoped: Merchant) -> None:
    dns.records["shop.example", "TXT"] = ['"v=spf1 include:a.example -all"']
    ask = Asker((dns.place,), patience=0.000_001)
    found = look(add(scoped), asker=ask)
    assert {name: one["code"] for name, one in found.items()} == dict.fromkeys(found, "later")
    assert len(dns.asked) == 1


@pytest.mark.parametrize(
    ("case", "records", "expected"),
    [
        ("none", {}, "dmarc_none"),
        ("rejecting", {"_dmarc.shop.example": ["v=DMARC1; p=reject; rua=mailto:a@b.cn"]}, "dmarc_good"),
        ("watching", {"_dmarc.shop.example": ["v=DMARC1; p=none; rua=mailto:a@b.cn"]}, "dmarc_watching"),
        ("silent", {"_dmarc.shop.example": ["v=DMARC1; p=none"]}, "dmarc_silent"),
        ("broken", {"_dmarc.shop.example": ["v=DMARC1; p=nothing"]}, "dmarc_broken"),
        ("two", {"_dmarc.shop.example": ["v=DMARC1; p=none", "v=DMARC1; p=reject"]}, "dmarc_broken"),
    ],
)
def test_dmarc(
    dns: DnsServer, scoped: Merchant, case: str, records: dict[str, list[str]], expected: str
) -> None:
    dns.records |= {(name, "TXT"): [f'"{one}"' for one in texts] for name, texts in records.items()}
    assert look(add(scoped), asker=Asker((dns.place,)))["dmarc"]["code"] == expected, case


def test_a_subdomain_inherits_dmarc(dns: DnsServer, scoped: Merchant) -> None:
    dns.records["_dmarc.shop.example", "TXT"] = ['"v=DMARC1; p=reject; sp=none; rua=mailto:a@b.cn"']
    row = add(scoped, "news.shop.example")
    assert look(row, asker=Asker((dns.place,)))["dmarc"]["code"] == "dmarc_watching"


@pytest.mark.parametrize("key_type", ["rsa", "ed25519"])
def test_dkim_from_nothing_to_signing(dns: DnsServer, scoped: Merchant, key_type: str) -> None:
    row = services.sender_domain_check(row=add(scoped, key_type=key_type))
    assert row.findings["dkim"]["code"] == "dkim_relay"
    with pytest.raises(Conflict):
        services.sender_domain_sign(row=row, signs=True)
    publish(dns, row)
    row = services.sender_domain_check(row=row)
    assert row.findings["dkim"]["code"] == "dkim_ready"
    services.sender_domain_sign(row=row, signs=True)
    row.refresh_from_db()
    assert (row.signs, row.findings["dkim"]["code"]) == (True, "dkim_good")

    dns.records[f"{row.selector}._domainkey.shop.example", "TXT"] = ['"v=DKIM1; p="']
    assert services.sender_domain_check(row=row).findings["dkim"]["code"] == "dkim_revoked"
    dns.records[f"{row.selector}._domainkey.shop.example", "TXT"] = ['"v=DKIM1; p=AAAA"']
    assert services.sender_domain_check(row=row).findings["dkim"]["code"] == "dkim_other"
    del dns.records[f"{row.selector}._domainkey.shop.example", "TXT"]
    assert services.sender_domain_check(row=row).findings["dkim"]["code"] == "dkim_none"


def test_what_does_not_answer_is_neither_good_nor_bad(dns: DnsServer, scoped: Merchant) -> None:
    dns.failing |= {"shop.example", "_dmarc.shop.example"}
    row = services.sender_domain_check(row=add(scoped))
    assert {row.findings[name]["code"] for name in ("spf", "dmarc")} == {"later"}
    assert not Event.objects.filter(name__startswith="marketing.sender_domain_b").exists()


def test_turns_are_announced_once(dns: DnsServer, scoped: Merchant) -> None:
    row = add(scoped)
    for _again in range(2):
        row = services.sender_domain_check(row=row)
    dns.records["shop.example", "TXT"] = ['"v=spf1 ip4:203.0.113.7 -all"']
    dns.records["_dmarc.shop.example", "TXT"] = ['"v=DMARC1; p=reject; rua=mailto:a@b.cn"']
    assert services.check_all() == 1
    names = Event.objects.filter(name__startswith="marketing.sender_domain").order_by("pk")
    assert [one.name.rpartition("_")[2] for one in names] == ["added", "broken", "sound"]


def test_rows_to_paste_answer_what_is_wrong(dns: DnsServer, scoped: Merchant, settings: Settings) -> None:
    settings.SMTP_HOST = "mail.shop.example"
    row = services.sender_domain_check(row=add(scoped))
    rows = {one.what: one for one in rows_of(row, "help@shop.example")}
    assert rows["SPF"].value == "v=spf1 a:mail.shop.example ~all"
    assert rows["DKIM"].name == f"{row.selector}._domainkey.shop.example"
    assert rows["DKIM"].value == f"v=DKIM1; k=rsa; p={row.public_key}"
    assert rows["DMARC"].value == "v=DMARC1; p=none; rua=mailto:help@shop.example"
    assert not any(one.is_there for one in rows.values())
    for one in rows.values():
        if one.what != "DKIM":
            dns.records[one.name, "TXT"] = [f'"{one.value}"']
    publish(dns, row)
    row = services.sender_domain_check(row=row)
    assert all(MEANINGS[one["code"]][0] == "good" for one in row.findings.values())
    assert all(one.is_there for one in rows_of(row, ""))


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ("", "v=spf1 a:m.x ~all"),
        ("v=spf1 mx -all", "v=spf1 mx a:m.x -all"),
        ("v=spf1 mx redirect=y.x", "v=spf1 mx a:m.x redirect=y.x"),
        ("v=spf1 mx", "v=spf1 mx a:m.x"),
    ],
)
def test_the_server_is_let_into_a_record(record: str, expected: str) -> None:
    assert with_server(record, "m.x") == expected


@pytest.mark.usefixtures("scoped")
@pytest.mark.parametrize("text", ["", "shop", "shop..cn", "a b.cn", "-a.cn", "x" * 260 + ".cn", "1.2.3.4"])
def test_what_is_no_domain(merchant: Merchant, text: str) -> None:
    with pytest.raises(Rejected):
        add(merchant, text)
    assert not SenderDomain.objects.exists()


def test_a_domain_stands_once_and_its_key_is_kept_encrypted(scoped: Merchant) -> None:
    row = add(scoped, "News@观喜.cn")
    assert row.domain.startswith("xn--") and "PRIVATE KEY" not in row.secret
    with pytest.raises(Conflict):
        add(scoped, row.domain)
    selector = row.selector
    renewed = services.sender_domain_renew(row=row, key_type="ed25519")
    assert renewed.selector != selector and not renewed.signs


def test_campaign_mails_are_signed_once_the_shop_says_so(
    dns: DnsServer, scoped: Merchant, smtp_sink: SmtpSink
) -> None:
    row = add(scoped, "qinghe.example")
    make_subscriber(scoped)
    assert signer_for("news@qinghe.example") is None
    _send(make_campaign(scoped))
    publish(dns, row)
    services.sender_domain_sign(row=services.sender_domain_check(row=row), signs=True)
    _send(make_campaign(scoped, name="Second"))
    plain, signed = (mail.raw for mail in smtp_sink.mails)
    assert b"DKIM-Signature" not in plain
    record = dkim.record(row.key_type, row.public_key).encode()
    assert reference.verify(signed, dnsfunc=lambda _name, timeout=5: record)
    assert signer_for("a@mail.qinghe.example") is not None
    assert signer_for("a@other.example") is None


def _send(campaign: Campaign) -> None:
    campaigns.campaign_start(campaign=campaign)
    campaign.refresh_from_db()
    Runner(merchant=campaign.merchant, campaign=campaign, connections=1).run()


# --- how mail fares ----------


def sent(campaign: Campaign, address: str, days: int = 0, **more: object) -> None:
    person = make_subscriber(campaign.merchant, email=address)
    Delivery.objects.create(
        merchant=campaign.merchant,
        campaign=campaign,
        customer=person,
        address=address,
        message_id=f"<{person.pk}@x>",
        **{"state": "sent", "sent_at": timezone.now() - timedelta(days=days), **more},
    )


def test_mails_are_counted_by_domain_and_day(scoped: Merchant) -> None:
    campaign = make_campaign(scoped)
    now = timezone.now()
    sent(campaign, "a@gmail.com", opened_at=now)
    sent(campaign, "b@gmail.com", bounced_at=now, bounce="hard")
    sent(campaign, "c@gmail.com", complained_at=now)
    for number in range(counting.FEW - 3):
        sent(campaign, f"many{number}@gmail.com")
    sent(campaign, "d@qq.com")
    sent(campaign, "e@x.cn", state="failed", sent_at=None, bounced_at=now, bounce="blocked")
    sent(campaign, "f@x.cn", state="queued", sent_at=None)
    sent(campaign, "old@gmail.com", days=20)
    for _again in range(2):
        counting.count(campaign)
    assert DomainCount.objects.count() == 3
    together, rows = health(merchant=scoped, days=7)
    assert (together.sent, together.bounced, together.complained, together.opened) == (22, 2, 1, 1)
    assert [(row.domain, row.sent) for row in rows] == [("gmail.com", 20), ("", 2)]
    assert health(merchant=scoped, days=30)[0].sent == 23


def test_only_what_is_due_is_counted(scoped: Merchant) -> None:
    now = timezone.now()
    Campaign.objects.filter(pk=make_campaign(scoped).pk).update(started_at=now)
    Campaign.objects.filter(pk=make_campaign(scoped).pk).update(started_at=now - timedelta(days=50))
    make_campaign(scoped)
    assert counting.count_due() == 1
    assert counting.count_due() == 0


@pytest.mark.parametrize(
    ("case", "row", "bounces", "complaints"),
    [
        ("fine", Health("x", sent=10_000, hard=100, complained=5), "", ""),
        ("warned", Health("x", sent=10_000, hard=300, complained=12), "warn", "warn"),
        ("bad", Health("x", sent=10_000, soft=600, complained=40), "bad", "bad"),
        ("too few to say", Health("x", sent=50, hard=20, complained=3), "", ""),
        ("one person", Health("x", sent=120, complained=1), "", ""),
        ("nothing", Health("x"), "", ""),
    ],
)
def test_when_it_is_time_to_think(case: str, row: Health, bounces: str, complaints: str) -> None:
    assert (row.bounce_tone, row.complaint_tone) == (bounces, complaints), case


def points(campaign: Campaign) -> dict[str, str]:
    found = checklist(campaign=campaign, merchant=campaign.merchant, people=5)
    return {str(point.title): point.state for point in found}


def test_the_check_list_names_the_domain_and_the_complaints(dns: DnsServer, scoped: Merchant) -> None:
    campaign = make_campaign(scoped)
    assert points(campaign)["Sender domain"] == "warn"
    row = services.sender_domain_check(row=add(scoped, "qinghe.example"))
    assert points(campaign)["Sender domain"] == "warn"
    dns.records["qinghe.example", "TXT"] = ['"v=spf1 ip4:203.0.113.7 -all"']
    dns.records["_dmarc.qinghe.example", "TXT"] = ['"v=DMARC1; p=reject; rua=mailto:a@b.cn"']
    services.sender_domain_check(row=row)
    assert points(campaign)["Sender domain"] == "good"
    assert "Complaints" not in points(campaign)
    DomainCount.objects.create(
        merchant=scoped, campaign=campaign, day=timezone.now().date(), domain="a.cn", sent=1_000, complained=9
    )
    assert points(campaign)["Complaints"] == "warn"


# --- pages and programs ----------


def test_the_pages(dns: DnsServer, member_client: Callable[..., Client], merchant: Merchant) -> None:
    owner = member_client("owner")
    assert owner.get("/settings/sender-domains/").status_code == 200
    assert owner.post("/settings/sender-domains/", {"domain": "nonsense"}).status_code == 422
    assert owner.post("/settings/sender-domains/", {"domain": "shop.example"}).status_code == 302
    assert owner.post("/settings/sender-domains/", {"domain": "shop.example"}).status_code == 422
    with merchant_scope(merchant):
        row = SenderDomain.objects.get()
    page = f"/settings/sender-domains/{row.pk}/"
    shown = owner.get(page).content.decode()
    assert "Nothing says who may send for this domain" in shown
    assert row.public_key in shown and "_dmarc.shop.example" in shown
    assert owner.post(f"{page}sign/", {"signs": "1"}).status_code == 409
    publish(dns, row)
    assert owner.post(f"{page}check/").status_code == 302
    assert owner.post(f"{page}sign/", {"signs": "1"}).status_code == 302
    with merchant_scope(merchant):
        assert SenderDomain.objects.get().signs
    marketer = member_client("marketer")
    assert marketer.get(page).status_code == 200
    for verb in ("sign", "renew", "remove", "check"):
        assert marketer.post(f"{page}{verb}/").status_code == 403
    assert marketer.post("/settings/sender-domains/", {"domain": "other.example"}).status_code == 403
    with merchant_scope(merchant):
        assert SenderDomain.objects.count() == 1
    assert owner.post(f"{page}renew/", {"key_type": "ed25519"}).status_code == 302
    assert owner.post(f"{page}remove/").status_code == 302
    with merchant_scope(merchant):
        assert not SenderDomain.objects.exists()


def test_the_health_page_costs_the_same_at_any_size(
    member_client: Callable[..., Client], merchant: Merchant
) -> None:
    owner = member_client("owner")
    with merchant_scope(merchant):
        campaign = make_campaign(merchant)
    owner.get("/settings/mail-health/")
    counts = []
    for number in (2, 40):
        with merchant_scope(merchant):
            for n in range(number):
                DomainCount.objects.create(
                    merchant=merchant,
                    campaign=campaign,
                    day=timezone.now().date(),
                    domain=f"d{number}x{n}.example",
                    sent=500,
                    complained=3,
                )
        with CaptureQueriesContext(connection) as queries:
            shown = owner.get("/settings/mail-health/?days=7").content.decode()
        assert f"d{number}x1.example" in shown
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_programs_add_read_and_remove(merchant: Merchant, rival: Merchant) -> None:
    client, stranger = ApiClient(make_key(merchant)[1]), ApiClient(make_key(rival)[1])
    made = client.post_json("sender-domains/", {"domain": "shop.example"})
    assert made.status_code == 201 and "PRIVATE" not in made.content.decode()
    body = made.json()
    assert [one["what"] for one in body["records"]] == ["SPF", "DKIM", "DMARC"]
    assert client.post_json("sender-domains/", {"domain": "shop.example"}).status_code == 409
    one = f"sender-domains/{body['id']}/"
    assert stranger.get(one).status_code == 404
    assert client.post_json(f"{one}sign/", {"signs": True}).status_code == 409
    assert client.post_json(f"{one}check/", {}).status_code == 202
    assert client.get("mail-health/?days=30").json()["together"]["sent"] == 0
    assert client.get("mail-health/?days=31").status_code == 422
    assert stranger.delete(f"/api/v1/{one}").status_code == 404
    assert client.delete(f"/api/v1/{one}").status_code == 204
    with merchant_scope(merchant):
        assert not SenderDomain.objects.exists()
