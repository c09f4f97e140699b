"""Tickets: questions, complaints, answers."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

from django.db.models import F

from crm.accounts.models import Membership, Merchant
from crm.events.models import Event
from orders.models import Order
from service.models import Entry, Ticket
from service.tickets import Words, ticket_answer, ticket_assign, ticket_open

COUNT = 48
# (subject, question, answer), Chinese and English
TALKS = [
    ("请问什么时候发货？", "订单 {number} 还没有物流信息，周五前能收到吗？", "您好，包裹今天下午已交给顺丰，预计后天送达。"),
    ("茶罐有凹痕", "收到的茶罐有凹痕，可以换一个吗？", "非常抱歉！我们为您补发一只新的茶罐，旧的无需寄回。"),
    ("开发票", "麻烦给订单 {number} 开一张公司抬头的电子发票。", "好的，电子发票已发送到您的邮箱，请查收。"),
    ("想改收货地址", "我搬家了，订单 {number} 还能改地址吗？", ""),
    ("积分什么时候到账？", "上周的订单完成了，积分还没看到。", "积分会在签收后 24 小时内到账，现在已经可以看到了。"),
    ("Where is my parcel?", "Order {number} was promised for last week and tracking has not moved.", ""),
    ("Wrong item", "I ordered the gaiwan in {number} but received a tea tray.", "I am so sorry. The gaiwan ships today; please keep the tray until our courier collects it."),
    ("Can I return an opened tin?", "The jasmine tea in {number} is not for me. Can I send it back?", "Yes, within 30 days. I have opened the return for you; the label is in your mail."),
    ("Wholesale prices", "We run a café and would like 5 kg of Keemun a month. Do you have trade prices?", ""),
    ("How hot should the water be?", "For the silver needle: 80 or 90 degrees?", "80 °C, two minutes, and it can be brewed four times. Enjoy!"),
]  # fmt: skip


def conversations_write(*, merchant: Merchant, agents: list[Membership], now: datetime, seed: str) -> int:
    """Tickets opened over the last two weeks; those with an answer are answered, half of them solved."""
    rng = Random(f"{seed}:talks")
    recent = (
        Order.objects.filter(customer__isnull=False).select_related("customer").order_by("-placed_at", "-id")
    )
    orders = rng.sample(list(recent[:600]), min(COUNT, recent[:600].count()))
    for order in orders:
        is_chinese = order.customer.language.startswith("zh")
        subject, question, answer = rng.choice(TALKS[:5] if is_chinese else TALKS[5:])
        ticket = ticket_open(
            merchant=merchant,
            subject=subject,
            words=Words(question.format(number=order.number)),
            channel=rng.choice([Ticket.Channel.EMAIL, Ticket.Channel.PORTAL]),
            customer=order.customer,
            order=order,
            language=order.customer.language,
        )
        if rng.random() < 0.7:
            ticket_assign(ticket=ticket, assignee=rng.choice(agents))
        if answer:
            solve = rng.random() < 0.7
            ticket_answer(
                merchant=merchant, ticket=ticket, words=Words(answer), author=rng.choice(agents), solve=solve
            )
        _move_back(ticket, timedelta(minutes=rng.randint(4, 60 * 24 * (10 if answer else 1))))
    return len(orders)


def _move_back(ticket: Ticket, age: timedelta) -> None:
    """The conversation as if it had begun earlier: what is generated now should not all be "just now"."""
    clocks = [
        field.name for field in Ticket._meta.local_fields if field.get_internal_type() == "DateTimeField"
    ]
    Ticket.objects.filter(pk=ticket.pk).update(**{name: F(name) - age for name in clocks})
    Entry.objects.filter(ticket=ticket).update(created_at=F("created_at") - age)
    Event.objects.filter(subject_type="service.ticket", subject_id=ticket.pk).update(
        occurred_at=F("occurred_at") - age
    )
