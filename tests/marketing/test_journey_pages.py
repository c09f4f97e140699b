"""Journeys on the page: one click to the thank-you, start and stop, who may, and the mail that arrives."""

import json
from datetime import timedelta

from django.urls import reverse
from django.utils import timezone

from crm.lib.tenancy import merchant_scope
from marketing.journeys import services, walking
from marketing.models import Campaign, Delivery, Enrolment, Journey, StepMail
from marketing.sending.runner import Runner
from tests.factories.customers import make_consent, make_customer


def thank_you(merchant):
    with merchant_scope(merchant):
        return services.journey_start(journey=services.thank_you_create(merchant=merchant))


def test_one_click_makes_it_and_one_starts_it(merchant, member_client):
    client = member_client("marketer")
    assert "Thank you after the first order" in client.get(reverse("journey_list")).content.decode()
    made = client.post(reverse("journey_thank_you"), follow=True)
    assert "Wait 1 hour" in made.content.decode()
    with merchant_scope(merchant):
        journey = Journey.objects.get()
    client.post(reverse("journey_start", args=[journey.pk]))
    assert "Running" in client.get(reverse("journey_detail", args=[journey.pk])).content.decode()
    client.post(reverse("journey_stop", args=[journey.pk]))
    with merchant_scope(merchant):
        assert Journey.objects.get().state == "stopped"


def test_insider_colleague_outsider(merchant, member_client, rival_client):
    journey = thank_you(merchant)
    viewer, agent = member_client("viewer"), member_client("agent")
    assert viewer.get(reverse("journey_detail", args=[journey.pk])).status_code == 200
    assert agent.get(reverse("journey_detail", args=[journey.pk])).status_code == 403
    for client, status in ((viewer, 403), (rival_client, 404)):
        assert client.post(reverse("journey_stop", args=[journey.pk])).status_code == status
        assert client.get(reverse("journey_edit", args=[journey.pk])).status_code == status
    assert rival_client.get(reverse("journey_people", args=[journey.pk])).status_code == 404
    with merchant_scope(merchant):
        assert Journey.objects.get().state == "running"


def test_the_maker_saves_and_refuses_in_place(merchant, member_client):
    client = member_client("marketer")
    values = {"name": "Path", "trigger": "orders.order_paid", "once": "customer", "filter": "{}"}
    bad = client.post(reverse("journey_create"), values | {"steps": json.dumps([{"kind": "mail"}])})
    assert bad.status_code == 422
    assert "Choose a template." in bad.content.decode()
    good = client.post(reverse("journey_create"), values | {"steps": json.dumps([{"kind": "exit"}])})
    assert good.status_code == 302
    with merchant_scope(merchant):
        assert Journey.objects.count() == 1


def test_the_thank_you_arrives_and_the_page_counts_it(merchant, member_client, smtp_sink):
    merchant.sender_email = "hello@qinghe.example"
    merchant.save()
    journey = thank_you(merchant)
    asked, unasked = (
        make_customer(merchant, "Anna", orders_count=1),
        make_customer(merchant, "Bo", orders_count=1),
    )
    make_consent(asked)
    with merchant_scope(merchant):
        for customer in (asked, unasked):
            Enrolment.objects.create(merchant=merchant, journey=journey, customer=customer)
        walking.sweep()
        Enrolment.objects.update(due_at=timezone.now() - timedelta(seconds=1))
        walking.sweep()
        campaign = Campaign.objects.get(pk=StepMail.objects.get().campaign_id)
        Runner(merchant=merchant, campaign=campaign, connections=2).run()
        states = dict(Delivery.objects.values_list("customer__name", "state"))
    assert states == {"Anna": "sent", "Bo": "skipped"}, (
        "who never allowed mail gets none, and the row says why"
    )
    assert [mail.recipients for mail in smtp_sink.mails] == [[asked.email]]
    page = member_client("marketer").get(reverse("journey_detail", args=[journey.pk])).content.decode()
    assert "1 sent" in page
    people = member_client("marketer").get(reverse("journey_people", args=[journey.pk])).content.decode()
    assert "Arrived" in people
