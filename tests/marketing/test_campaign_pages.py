"""Campaign pages: made, checked, sent and looked at by those who may."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.accounts.models import Merchant
from crm.events.models import Event
from crm.lib.tenancy import merchant_scope
from marketing.campaigns import services
from marketing.models import Campaign, Delivery, SendingPolicy, Template
from marketing.sending.runner import Runner
from tests.factories.accounts import make_member
from tests.factories.marketing_mail import BODY, make_campaign, make_subscriber
from tests.factories.segments import make_segment
from tests.support.smtp import SmtpSink

HTMX = {"HX-Request": "true"}


def form_of(campaign: Campaign, **changes: str) -> dict[str, str]:
    return {
        "name": campaign.name,
        "audience": campaign.audience,
        "subject": campaign.subject,
        "body": campaign.body,
        "sender_email": campaign.sender_email,
        "tracks": "on",
        **changes,
    }


def test_from_an_empty_list_to_a_sent_campaign(
    merchant: Merchant, member_client: Callable[..., Client], smtp_sink: SmtpSink
) -> None:
    client = member_client("marketer")
    person = make_subscriber(merchant, "Mei Li")
    assert b"Write to the people" in client.get("/campaigns/").content
    answer = client.post("/campaigns/new/", {"name": "Spring tea"})
    with merchant_scope(merchant):
        campaign = Campaign.objects.get()
    assert answer["Location"] == f"/campaigns/{campaign.pk}/edit/"
    page = client.get(answer["Location"])
    assert b"Choose who gets it" in page.content
    side = client.post(
        f"/campaigns/{campaign.pk}/edit/",
        form_of(campaign, audience="everyone", subject="Hi {{ customer.first_name }}", body=BODY),
        headers=HTMX,
    )
    assert "Send to 1 person" in side.content.decode()
    assert client.post(f"/campaigns/{campaign.pk}/start/").status_code == 302
    with merchant_scope(merchant):
        campaign.refresh_from_db()
        assert campaign.state == Campaign.State.SENDING
        Runner(merchant=merchant, campaign=campaign, connections=2).run()
        services.campaign_settle(campaign=campaign)
    assert [mail.recipients for mail in smtp_sink.mails] == [[person.email]]
    record = client.get(f"/campaigns/{campaign.pk}/").content.decode()
    assert "Net revenue" in record
    people = client.get(f"/campaigns/{campaign.pk}/people/?group=sent").content.decode()
    assert person.email in people
    assert client.get(f"/campaigns/{campaign.pk}/figures/", headers=HTMX).status_code == 200
    assert "Spring tea" in client.get("/campaigns/?state=sent").content.decode()


def test_the_side_says_what_is_wrong(merchant: Merchant, member_client: Callable[..., Client]) -> None:
    campaign = make_campaign(merchant)
    side = member_client("marketer").post(
        f"/campaigns/{campaign.pk}/edit/", form_of(campaign, body="<p>{{ broken </p>"), headers=HTMX
    )
    assert "expected" in side.content.decode()
    assert "data-blocked" in side.content.decode()
    page = member_client("marketer").get(f"/campaigns/{campaign.pk}/edit/").content.decode()
    send = page[page.index("data-campaign-send") - 200 : page.index("data-campaign-send") + 200]
    assert "disabled" in send


@pytest.mark.parametrize(
    "name, changes, current",
    [
        ("nobody chosen", {"audience": "segment"}, "Audience"),
        ("nothing written", {"body": ""}, "Content"),
        ("no subject", {"subject": " "}, "Content"),
        ("all there", {}, "Check and send"),
    ],
)
def test_a_save_moves_the_steps_and_leaves_the_buttons(
    merchant: Merchant,
    member_client: Callable[..., Client],
    name: str,
    changes: dict[str, str],
    current: str,
) -> None:
    make_subscriber(merchant)
    campaign = make_campaign(merchant)
    url = f"/campaigns/{campaign.pk}/edit/"
    side = member_client("marketer").post(url, form_of(campaign, **changes), headers=HTMX).content.decode()
    now = side[side.index('aria-current="step"') :]
    assert now.index(f">{current}<") < now.index("</li>"), name
    for kept in ("<form", "<button", "<iframe", "<dialog"):
        assert kept not in side


def test_one_person_is_not_people(merchant: Merchant, member_client: Callable[..., Client]) -> None:
    make_subscriber(merchant)
    campaign = make_campaign(merchant)
    page = member_client("marketer").get(f"/campaigns/{campaign.pk}/edit/").content.decode()
    assert "1 person is in the audience. 1 of them has an address" in page
    assert "Send to 1 person" in page
    assert "1 people" not in page


def test_a_maker_left_open_is_led_to_the_record(
    merchant: Merchant, member_client: Callable[..., Client]
) -> None:
    make_subscriber(merchant)
    campaign = make_campaign(merchant)
    with merchant_scope(merchant):
        services.campaign_start(campaign=campaign)
    url = f"/campaigns/{campaign.pk}/edit/"
    answer = member_client("marketer").post(url, form_of(campaign, subject="Late"), headers=HTMX)
    assert (answer.status_code, answer["HX-Redirect"]) == (204, f"/campaigns/{campaign.pk}/")
    with merchant_scope(merchant):
        campaign.refresh_from_db()
    assert campaign.subject != "Late"


def test_the_preview_is_the_customers_own_and_locked_up(
    merchant: Merchant, member_client: Callable[..., Client]
) -> None:
    person = make_subscriber(merchant, "Xiaomei <script>")
    campaign = make_campaign(merchant, body="<p>Hi {{ customer.name }}</p><script>x</script>")
    answer = member_client("marketer").get(f"/campaigns/{campaign.pk}/preview/?customer={person.pk}")
    page = answer.content.decode()
    assert "Hi Xiaomei &lt;script&gt;" in page
    assert "<script" not in page
    policy = answer["Content-Security-Policy"]
    assert "sandbox" in policy
    assert "script-src 'none'" in policy
    assert "default-src 'none'" in policy
    assert answer["X-Frame-Options"] == "SAMEORIGIN"


def test_a_test_goes_to_colleagues_and_counts_nothing(
    merchant: Merchant, member_client: Callable[..., Client], smtp_sink: SmtpSink
) -> None:
    make_member(merchant, "viewer", email="boss@qinghe.example")
    client, campaign = member_client("marketer", email="me@qinghe.example"), make_campaign(merchant)
    assert b"boss@qinghe.example" in client.get(f"/campaigns/{campaign.pk}/edit/").content
    answer = client.post(
        f"/campaigns/{campaign.pk}/test/", {"to": "Me@qinghe.example, boss@qinghe.example；"}
    )
    assert answer.status_code == 302
    assert [mail.recipients for mail in smtp_sink.mails] == [["Me@qinghe.example"], ["boss@qinghe.example"]]
    assert "Hello Mei" in smtp_sink.mails[0].html
    assert "/t/c/" not in smtp_sink.mails[0].html
    with merchant_scope(merchant):
        assert not Delivery.objects.exists()
        assert Event.objects.get(name="marketing.test_sent").data == {"campaign": campaign.name, "people": 2}


def test_schedule_take_back_and_delete(merchant: Merchant, member_client: Callable[..., Client]) -> None:
    client = member_client("marketer")
    make_subscriber(merchant)
    campaign = make_campaign(merchant)
    client.post(f"/campaigns/{campaign.pk}/schedule/", {"at": "2099-01-01T09:00"})
    with merchant_scope(merchant):
        campaign.refresh_from_db()
    assert campaign.state == Campaign.State.SCHEDULED
    assert campaign.scheduled_at is not None
    assert campaign.scheduled_at.astimezone(merchant.zone).hour == 9
    assert client.post(f"/campaigns/{campaign.pk}/schedule/", {"at": "2001-01-01T09:00"}).status_code == 422
    client.post(f"/campaigns/{campaign.pk}/unschedule/")
    client.post(f"/campaigns/{campaign.pk}/delete/")
    with merchant_scope(merchant):
        assert not Campaign.objects.exists()


@pytest.mark.parametrize(
    "name, method, path, roles",
    [
        ("list", "get", "/campaigns/", {"owner", "manager", "marketer", "analyst", "viewer"}),
        ("new", "get", "/campaigns/new/", {"owner", "manager", "marketer"}),
        ("edit", "get", "/campaigns/{pk}/edit/", {"owner", "manager", "marketer"}),
        ("preview", "get", "/campaigns/{pk}/preview/", {"owner", "manager", "marketer", "analyst", "viewer"}),
        ("start", "post", "/campaigns/{pk}/start/", {"owner", "manager", "marketer"}),
        ("rules", "get", "/campaigns/rules/", {"owner", "manager", "marketer"}),
        ("templates", "get", "/campaigns/templates/", {"owner", "manager", "marketer", "analyst", "viewer"}),
    ],
)
def test_who_may(
    merchant: Merchant,
    member_client: Callable[..., Client],
    name: str,
    method: str,
    path: str,
    roles: set[str],
) -> None:
    make_subscriber(merchant)
    for number, role in enumerate(("owner", "manager", "marketer", "agent", "analyst", "viewer")):
        campaign = make_campaign(merchant, name=f"{name} {number}")
        answer = getattr(member_client(role), method)(path.format(pk=campaign.pk))
        assert (answer.status_code != 403) is (role in roles), role


def test_another_shops_campaign_is_not_there(merchant: Merchant, rival_client: Client) -> None:
    campaign = make_campaign(merchant)
    for path in ("", "edit/", "preview/", "people/", "figures/"):
        assert rival_client.get(f"/campaigns/{campaign.pk}/{path}").status_code == 404
    for path in ("start/", "pause/", "cancel/", "delete/", "resend/"):
        assert rival_client.post(f"/campaigns/{campaign.pk}/{path}").status_code == 404
    with merchant_scope(merchant):
        assert Campaign.objects.get().state == Campaign.State.DRAFT


def test_templates_are_made_copied_and_put_away(
    merchant: Merchant, member_client: Callable[..., Client]
) -> None:
    client = member_client("marketer")
    answer = client.post(
        "/campaigns/templates/new/", {"name": "Letter", "subject": "News", "body": BODY}, follow=True
    )
    assert answer.status_code == 200
    with merchant_scope(merchant):
        template = Template.objects.get()
    assert client.get(f"/campaigns/templates/{template.pk}/preview/").status_code == 200
    client.post("/campaigns/new/", {"name": "From it", "template": str(template.pk)})
    with merchant_scope(merchant):
        assert Campaign.objects.get().body == BODY
    client.post(f"/campaigns/templates/{template.pk}/archive/")
    assert (
        b"Letter" not in client.get("/campaigns/templates/").content.split(b'id="template-list-results"')[1]
    )


def test_the_shops_rules_are_kept(merchant: Merchant, member_client: Callable[..., Client]) -> None:
    client = member_client("marketer")
    values = {
        "cap_count": "3",
        "cap_days": "7",
        "quiet_from": "21:00",
        "quiet_until": "08:00",
        "attribution_model": "position",
        "attribution_days": "5",
    }
    assert client.post("/campaigns/rules/", values).status_code == 302
    assert client.post("/campaigns/rules/", values | {"quiet_until": ""}).status_code == 422
    with merchant_scope(merchant):
        policy = SendingPolicy.objects.get()
    assert (policy.cap_count, str(policy.quiet_until)) == (3, "08:00:00")


def test_the_list_asks_as_often_for_many_as_for_two(
    merchant: Merchant, member_client: Callable[..., Client]
) -> None:
    client = member_client("marketer")
    make_subscriber(merchant)

    def started(number: int) -> None:
        with merchant_scope(merchant):
            services.campaign_start(campaign=make_campaign(merchant, name=f"No {number}"))

    for number in range(2):
        started(number)
    client.get("/campaigns/")
    with CaptureQueriesContext(connection) as few:
        client.get("/campaigns/")
    for number in range(2, 12):
        started(number)
    with CaptureQueriesContext(connection) as many:
        client.get("/campaigns/")
    assert len(many) == len(few)


def test_a_segment_is_the_audience(scoped: Merchant, smtp_sink: SmtpSink) -> None:
    make_subscriber(scoped, orders_count=0)
    buyer = make_subscriber(scoped, orders_count=3)
    rule = {"if": "orders.count", "compare": "min", "value": 2}
    segment = make_segment(scoped, {"rules": [rule]}, "Buyers")
    campaign = make_campaign(scoped, audience="segment", segment=segment)
    services.campaign_start(campaign=campaign)
    assert [row.customer_id for row in Delivery.objects.filter(campaign=campaign)] == [buyer.pk]
    assert Event.objects.filter(name="marketing.campaign_started").count() == 1


def test_the_customers_page_says_what_was_sent_and_why_not(
    merchant: Merchant, member_client: Callable[..., Client]
) -> None:
    client = member_client("marketer")
    with merchant_scope(merchant):
        person = make_subscriber(merchant, "Mei")
        for name, state, reason in (
            ("Spring", "sent", ""),
            ("Summer", "skipped", "frequency_cap"),
            ("Autumn", "failed", "refused"),
        ):
            campaign = services.campaign_start(campaign=make_campaign(merchant, name=name))
            at = timezone.now() if state == "sent" else None
            Delivery.objects.filter(campaign=campaign).update(state=state, reason=reason, sent_at=at)
    card = client.get(f"/customers/{person.pk}/mails/").content.decode()
    assert all(words in card for words in ("Spring", "Summer", "Autumn", "Got enough mail lately"))
    with merchant_scope(merchant):
        stranger = make_subscriber(merchant, "Bo")
    assert client.get(f"/customers/{stranger.pk}/mails/").content.strip() == b""
    assert client.get("/customers/999999/mails/").status_code == 404


def test_an_older_page_that_knows_no_trials_is_answered_in_words(
    merchant: Merchant, member_client: Callable[..., Client]
) -> None:
    client = member_client("marketer")
    with merchant_scope(merchant):
        campaign = make_campaign(merchant, trial_percent=30)
    answer = client.post(f"/campaigns/{campaign.pk}/edit/", {"name": ""})
    assert answer.status_code == 422, "the name is missing; nothing else is held against it"
    with merchant_scope(merchant):
        assert Campaign.objects.get().trial_percent == 30
