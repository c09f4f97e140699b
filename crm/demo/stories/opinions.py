"""Reviews of delivered items, moderated and answered."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

from crm.accounts.models import Membership, Merchant
from orders.models import OrderLine
from reviews import services
from reviews.models import Review

SHARE = 0.035
MOST = 420
# stars: [(title, body) Chinese], [(title, body) English]
WORDS: dict[int, tuple[list[tuple[str, str]], list[tuple[str, str]]]] = {
    5: (
        [
            ("香气很足", "打开包装就闻到清香，三泡之后回甘依然明显，送长辈很满意。"),
            ("第三次回购", "品质稳定，物流两天就到，客服还细心提醒了冲泡水温。"),
            ("包装讲究", "礼盒很有质感，朋友收到以后专门来问在哪里买的。"),
        ],
        [
            (
                "Fresh and fragrant",
                "Third order from this shop and the quality has never slipped. Arrived in two days.",
            ),
            ("A beautiful gift", "My mother loved it. The box alone is worth keeping."),
            ("Exactly as described", "Lovely glaze, no chips, packed with real care."),
        ],
    ),
    4: (
        [
            ("整体不错", "味道比预期淡一点，但很耐泡。盒子边角有轻微压痕，不影响使用。"),
            ("性价比高", "日常喝很合适，希望能出更大的包装。"),
        ],
        [
            ("Very good, slightly small", "Great taste. I would have liked a larger tin for the price."),
            ("Happy with it", "Delivery took a day longer than promised, the tea made up for it."),
        ],
    ),
    3: (
        [("一般", "没有图片上那么翠绿，味道中规中矩。")],
        [("It is all right", "Decent, but not the first-flush freshness I had hoped for.")],
    ),
    2: (
        [("有点失望", "收到时罐子有凹痕，联系客服后说可以退，但流程有点慢。")],
        [("Not what I expected", "The lid does not close tightly, so the leaves lose their scent.")],
    ),
    1: (
        [("壶嘴有裂纹", "开箱就发现裂纹，希望尽快处理。")],
        [("Arrived broken", "The cup was in pieces. The box had no padding on one side.")],
    ),
}
ANSWERS = {
    True: "感谢您的反馈！我们已记录，并会改进包装；有任何问题请随时联系客服。",
    False: "Thank you for telling us. We have changed how we pack these; please write to us if anything is wrong.",
}


def opinions_write(*, merchant: Merchant, agent: Membership, now: datetime, seed: str) -> int:
    """Reviews written; most published within two days, the newest still waiting, a few withheld for cause."""
    rng = Random(f"{seed}:opinions")
    lines = (
        OrderLine.objects.filter(
            order__fulfilment="delivered",
            order__customer__isnull=False,
            order__cancelled_at__isnull=True,
            product__isnull=False,
        )
        .select_related("product", "order__customer")
        .order_by("-placed_at", "id")
    )
    written = 0
    for line in lines.iterator(chunk_size=2_000):
        if written == MOST:
            break
        if rng.random() < SHARE:
            _write(merchant, line, agent, now, rng)
            written += 1
    return written


def _write(merchant: Merchant, line: OrderLine, agent: Membership, now: datetime, rng: Random) -> None:
    customer = line.order.customer
    assert customer is not None
    assert line.product is not None
    stars = rng.choices((5, 4, 3, 2, 1), (58, 24, 8, 5, 5))[0]
    is_chinese = customer.language.startswith("zh")
    title, body = rng.choice(WORDS[stars][0 if is_chinese else 1])
    at = min(line.placed_at + timedelta(days=rng.randint(6, 20), minutes=rng.randint(0, 900)), now)
    review = services.review_submit(
        merchant=merchant,
        product=line.product,
        order_line=line,
        customer=customer,
        rating=stars,
        title=title,
        body=body,
        language=customer.language,
        at=at,
    )
    if at > now - timedelta(days=1.5) and rng.random() < 0.6:
        return
    _moderate(review, at, now, rng)
    if (review.rating <= 3 and rng.random() < 0.7) or rng.random() < 0.12:
        services.review_reply(review=review, body=ANSWERS[is_chinese], author=agent)


def _moderate(review: Review, at: datetime, now: datetime, rng: Random) -> None:
    if rng.random() < 0.012:
        services.review_withhold(review=review, reason=rng.choice(["spam", "off_topic", "private"]))
        return
    services.review_publish(review=review, at=min(at + timedelta(hours=rng.randint(1, 40)), now))
