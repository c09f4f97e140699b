"""Who sets out, once; who moves on, when; and what each step does."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from crm.events.delivering import deliver
from crm.events.emitting import Draft, emit_many
from crm.events.models import Delivery as Duty
from crm.events.models import Event
from crm.lib.errors import Conflict, Rejected
from crm.lib.tenancy import merchant_scope
from customers.models import Customer
from marketing.campaigns.services import campaign_settle, campaign_start
from marketing.journeys import services, walking
from marketing.journeys.steps import BadSteps
from marketing.models import Campaign, Delivery, Enrolment, Journey, Passage, StepMail, Template
from marketing.sending.runner import Runner
from orders import events as order_events
from tests.factories.customers import make_consent, make_customer
from tests.factories.marketing_mail import make_campaign, make_subscriber
from tests.factories.orders import make_order
from tests.factories.segments import make_segment

WAIT = {"kind": "wait", "amount": 2, "unit": "days"}


def make_journey(merchant, steps, *, start=True, **values):
    with merchant_scope(merchant):
        journey = services.journey_save(
            merchant=merchant, name="Path", trigger="orders.order_paid", steps=steps, **values
        )
        return services.journey_start(journey=journey) if start else journey


def paid(order, *, backfill=False):
    """Announces it as orders do, and carries the event to the journeys."""
    with merchant_scope(order.merchant_id), transaction.atomic():
        draft = Draft(
            order_events.ORDER_PAID, order.customer_id, "orders.order", order.pk, {"number": order.number}
        )
        emit_many([draft], merchant=order.merchant_id, backfill=backfill)
    with merchant_scope(order.merchant_id):
        for pk in Duty.objects.filter(handler="marketing.enrol", state="pending").values_list(
            "pk", flat=True
        ):
            assert deliver(pk)


def later(merchant, **delta):
    """Time passes for everybody on the way."""
    with merchant_scope(merchant):
        for one in Enrolment.objects.filter(state="active"):
            one.due_at -= timedelta(**delta)
            one.save(update_fields=["due_at"])
    return walking.sweep()


def states(merchant):
    with merchant_scope(merchant):
        return list(Enrolment.objects.order_by("pk").values_list("state", "reason"))


@pytest.fixture
def anna(merchant):
    return make_customer(merchant, "Anna", orders_count=1)


def test_once_for_each_customer(merchant, anna):
    make_journey(merchant, [WAIT])
    paid(make_order(merchant, anna))
    paid(make_order(merchant, anna))
    assert states(merchant) == [("active", "")]


def test_once_for_each_order(merchant, anna):
    make_journey(merchant, [WAIT], once="subject")
    order = make_order(merchant, anna)
    for one in (order, order, make_order(merchant, anna)):
        paid(one)
    assert len(states(merchant)) == 2


def test_history_sets_nobody_out(merchant, anna):
    make_journey(merchant, [WAIT])
    paid(make_order(merchant, anna), backfill=True)
    assert states(merchant) == []


def test_a_guest_and_a_rivals_customer_stay_home(merchant, rival, anna):
    make_journey(merchant, [WAIT])
    paid(make_order(merchant, None))
    paid(make_order(rival, make_customer(rival)))
    assert states(merchant) == []
    assert states(rival) == []


def test_a_stopped_journey_neither_enrols_nor_moves(merchant, anna):
    journey = make_journey(merchant, [WAIT, {"kind": "tag", "tag": "walked"}])
    paid(make_order(merchant, anna))
    with merchant_scope(merchant):
        services.journey_stop(journey=journey)
    assert later(merchant, days=3) == 0
    paid(make_order(merchant, make_customer(merchant)))
    assert states(merchant) == [("active", "")]
    with merchant_scope(merchant):
        services.journey_start(journey=journey)
    assert later(merchant, days=3) == 1


def test_waits_then_goes_on(merchant, anna):
    make_journey(merchant, [WAIT, {"kind": "tag", "tag": "walked"}])
    paid(make_order(merchant, anna))
    assert walking.sweep() == 0, "metrics settle first"
    assert later(merchant, seconds=10) == 1
    assert later(merchant, days=1) == 0
    assert later(merchant, days=1, seconds=1) == 1
    assert states(merchant) == [("finished", "")]
    with merchant_scope(merchant):
        anna.refresh_from_db()
        assert anna.tags == ["walked"]
        assert Passage.objects.count() == 2
        names = set(Event.objects.filter(customer_id=anna.pk).values_list("name", flat=True))
    assert {"marketing.journey_entered", "marketing.journey_ended"} <= names
    assert walking.sweep() == 0


def test_only_whom_the_filter_lets_in_and_they_may_come_again(merchant, anna):
    first = {"rules": [{"if": "orders.count", "compare": "max", "value": 1}]}
    make_journey(merchant, [{"kind": "exit"}], filter=first)
    bo = make_customer(merchant, "Bo", orders_count=5)
    paid(make_order(merchant, anna))
    paid(make_order(merchant, bo))
    later(merchant, seconds=10)
    with merchant_scope(merchant):
        assert list(Enrolment.objects.values_list("customer__name", "state")) == [("Anna", "finished")]


def test_who_is_not_in_the_segment_leaves(merchant, anna):
    rich = make_segment(merchant, {"rules": [{"if": "orders.spent", "compare": "min", "value": "100"}]})
    make_journey(merchant, [{"kind": "condition", "segment": rich.pk}, {"kind": "tag", "tag": "rich"}])
    bo = make_customer(merchant, "Bo", net=500)
    for customer in (anna, bo):
        paid(make_order(merchant, customer))
    later(merchant, seconds=10)
    assert states(merchant) == [("left", "condition"), ("finished", "")]
    with merchant_scope(merchant):
        assert list(Customer.objects.filter(tags__contains=["rich"])) == [bo]


def test_a_mail_is_one_delivery_through_the_engine(merchant, anna):
    with merchant_scope(merchant):
        template = Template.objects.create(merchant=merchant, name="Hi", subject="Hi", body="<p>Hi</p>")
    journey = make_journey(merchant, [{"kind": "mail", "template": template.pk}], once="subject")
    for _number in range(2):
        paid(make_order(merchant, anna))
    later(merchant, seconds=10)
    later(merchant, seconds=10)
    with merchant_scope(merchant):
        rows = list(Delivery.objects.values_list("address", "state", "campaign__subject"))
        assert rows == [(anna.email, "queued", "Hi")] * 2
        assert StepMail.objects.filter(journey=journey).count() == 2, "a campaign writes to an address once"
        assert set(Campaign.objects.values_list("state", flat=True)) == {"sending"}


def test_without_an_address_the_step_says_so(merchant):
    with merchant_scope(merchant):
        template = Template.objects.create(merchant=merchant, name="Hi", subject="Hi", body="<p>Hi</p>")
    make_journey(merchant, [{"kind": "mail", "template": template.pk}])
    paid(make_order(merchant, make_customer(merchant, email="")))
    later(merchant, seconds=10)
    with merchant_scope(merchant):
        assert list(Passage.objects.values_list("outcome", "reason")) == [("skipped", "no_address")]
        assert not Delivery.objects.exists()


def test_a_step_that_was_taken_out_ends_the_journey(merchant, anna):
    journey = make_journey(merchant, [WAIT, {"kind": "tag", "tag": "x"}])
    paid(make_order(merchant, anna))
    later(merchant, seconds=10)
    with merchant_scope(merchant):
        services.journey_save(
            merchant=merchant,
            journey=journey,
            name=journey.name,
            trigger=journey.trigger,
            steps=[{"kind": "tag", "tag": "y"}],
        )
    later(merchant, days=3)
    assert states(merchant) == [("left", "step_removed")]


def test_steps_keep_their_ids_when_they_are_saved_again(merchant):
    journey = make_journey(merchant, [WAIT, {"kind": "exit"}], start=False)
    ids = [step["id"] for step in journey.steps]
    with merchant_scope(merchant):
        again = services.journey_save(
            merchant=merchant, journey=journey, name="Path", trigger=journey.trigger, steps=journey.steps
        )
    assert [step["id"] for step in again.steps] == ids
    assert len(set(ids)) == 2


def test_a_failing_step_is_tried_again_and_then_shown(merchant, anna, monkeypatch):
    make_journey(merchant, [{"kind": "tag", "tag": "x"}])
    paid(make_order(merchant, anna))

    def refuse(*_args):
        raise Rejected("no ink")

    monkeypatch.setitem(walking._ACTIONS, "tag", refuse)
    for _number in range(walking.MOST_ATTEMPTS):
        later(merchant, days=30)
    assert states(merchant) == [("failed", "no ink")]
    monkeypatch.undo()
    with merchant_scope(merchant):
        services.enrolment_retry(enrolment=Enrolment.objects.get())
    later(merchant, seconds=10)
    assert states(merchant)[0][0] == "finished"


BAD = [
    ("unknown kind", [{"kind": "dance"}]),
    ("wait without length", [{"kind": "wait", "unit": "days"}]),
    ("wait for ever", [{"kind": "wait", "amount": 999, "unit": "days"}]),
    ("no template", [{"kind": "mail"}]),
    ("template as text", [{"kind": "mail", "template": "1 OR 1=1"}]),
    ("empty tag", [{"kind": "tag", "tag": " "}]),
    ("not a list", {"kind": "exit"}),
    ("too many", [{"kind": "exit"}] * 31),
]


@pytest.mark.parametrize("case, steps", BAD, ids=[case for case, _ in BAD])
def test_refuses_unfinished_steps(merchant, case, steps):
    with pytest.raises(BadSteps):
        make_journey(merchant, steps)
    with merchant_scope(merchant):
        assert not Journey.objects.exists()


def test_a_rivals_template_is_not_there(merchant, rival):
    with merchant_scope(rival):
        theirs = Template.objects.create(merchant=rival, name="Hi", subject="Hi", body="Hi")
    with pytest.raises(BadSteps):
        make_journey(merchant, [{"kind": "mail", "template": theirs.pk}])


def test_the_thank_you_is_ready_to_start(merchant, anna):
    with merchant_scope(merchant):
        journey = services.thank_you_create(merchant=merchant)
        services.journey_start(journey=journey)
        with pytest.raises(Conflict):
            services.journey_start(journey=journey)
    make_consent(anna)
    paid(make_order(merchant, anna))
    later(merchant, seconds=10)
    later(merchant, hours=1)
    with merchant_scope(merchant):
        assert Delivery.objects.filter(customer=anna).count() == 1
        with pytest.raises(Conflict):
            services.journey_delete(journey=journey)


def test_two_sweepers_never_take_one_row(merchant, anna):
    make_journey(merchant, [{"kind": "tag", "tag": "x"}])
    paid(make_order(merchant, anna))
    later_due = timezone.now() - timedelta(minutes=1)
    with merchant_scope(merchant):
        Enrolment.objects.update(due_at=later_due)
        pk = Enrolment.objects.get().pk
        assert walking.enrolment_move(enrolment_id=pk)
        assert not walking.enrolment_move(enrolment_id=pk)
        assert Passage.objects.count() == 1


def test_a_journeys_mails_are_not_told_as_campaigns(merchant, smtp_sink):
    """The campaign that carries them ends with each mail; a list of "campaign sent" would be noise."""
    with merchant_scope(merchant):
        letter = Template.objects.create(merchant=merchant, name="Thanks", subject="Hi", body="<p>Hi</p>")
    make_journey(merchant, [{"kind": "mail", "template": letter.pk}])
    for name in ("Anna", "Bo"):
        paid(make_order(merchant, make_subscriber(merchant, name)))
        assert later(merchant, seconds=10) == 1
        with merchant_scope(merchant):
            carrier = StepMail.objects.select_related("campaign").get().campaign
            Runner(merchant=merchant, campaign=carrier, connections=1).run()
            assert campaign_settle(campaign=carrier)
            carrier.refresh_from_db()
            assert carrier.state == Campaign.State.SENT
    assert len(smtp_sink.mails) == 2
    with merchant_scope(merchant):
        assert not Event.objects.filter(name="marketing.campaign_sent").exists()


def test_a_campaign_of_its_own_is_told_once(scoped, smtp_sink):
    make_subscriber(scoped)
    campaign = make_campaign(scoped)
    campaign_start(campaign=campaign)
    Runner(merchant=scoped, campaign=campaign, connections=1).run()
    assert campaign_settle(campaign=campaign)
    assert not campaign_settle(campaign=campaign)
    assert Event.objects.filter(name="marketing.campaign_sent").count() == 1
