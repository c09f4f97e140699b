"""Reviews, the shop's replies, the invitations, and the ledger that nobody can quietly change."""

from __future__ import annotations

from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import ExpressionWrapper, F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.accounts.models import Membership
from crm.lib.tenancy import MerchantForeignKey, MerchantOneToOneField, TenantManager, TenantModel
from customers.models import Customer
from orders.models import Order, OrderLine, Product
from reviews.querysets import ReviewQuerySet


class Review(TenantModel):
    """A customer's word on a product.

    `verified_purchase` is computed by the database from the order line and can't be set. There is no state
    "deleted": a review is published, or withheld with a reason that the public report counts by star.
    """

    class State(models.TextChoices):
        PENDING = "pending", _("Waiting")
        PUBLISHED = "published", _("Published")
        WITHHELD = "withheld", _("Withheld")

    class Reason(models.TextChoices):
        """Why a review may be withheld; a low rating is not among them."""

        SPAM = "spam", _("Advertising or spam")
        INSULT = "insult", _("Insults or hate")
        PRIVATE = "private", _("Personal data of others")
        OFF_TOPIC = "off_topic", _("Not about the product")
        FAKE = "fake", _("Proven to be fake")
        LEGAL = "legal", _("Unlawful content")

    product = MerchantForeignKey(Product, on_delete=models.PROTECT, related_name="reviews", db_index=False)
    order_line = MerchantForeignKey(
        OrderLine, on_delete=models.SET_NULL, null=True, blank=True, related_name="reviews", db_index=False
    )
    customer = MerchantForeignKey(
        Customer, on_delete=models.SET_NULL, null=True, blank=True, related_name="reviews", db_index=False
    )
    author_name = models.CharField(_("shown name"), max_length=80, blank=True, default="")
    rating = models.SmallIntegerField(_("rating"), validators=[MinValueValidator(1), MaxValueValidator(5)])
    title = models.CharField(_("title"), max_length=150, blank=True, default="")
    body = models.TextField(_("review"), max_length=5_000, blank=True, default="")
    language = models.CharField(max_length=10, blank=True, default="")
    state = models.CharField(max_length=9, choices=State, default=State.PENDING)
    withheld_reason = models.CharField(max_length=9, choices=Reason, blank=True, default="")
    source = models.CharField(max_length=20, default="portal")
    verified_purchase = models.GeneratedField(
        expression=ExpressionWrapper(Q(order_line__isnull=False), output_field=models.BooleanField()),
        output_field=models.BooleanField(),
        db_persist=True,
    )
    submitted_at = models.DateTimeField(default=timezone.now)
    edited_at = models.DateTimeField(null=True, blank=True)
    published_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar = TenantManager.from_queryset(ReviewQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "order_line"],
                condition=Q(order_line__isnull=False),
                name="reviews_review_once_per_line",
            ),
            models.CheckConstraint(condition=Q(rating__gte=1, rating__lte=5), name="reviews_review_stars"),
            models.CheckConstraint(
                condition=~Q(state="withheld") | ~Q(withheld_reason=""), name="reviews_review_withheld_why"
            ),
        ]
        indexes = [
            models.Index("merchant", F("submitted_at").desc(), F("id").desc(), name="reviews_review_recent"),
            models.Index(
                "merchant",
                "product",
                F("published_at").desc(),
                condition=Q(state="published"),
                name="reviews_review_public",
            ),
            models.Index(
                "merchant", "customer", condition=Q(customer__isnull=False), name="reviews_review_customer"
            ),
            models.Index(
                "merchant", "submitted_at", condition=Q(state="pending"), name="reviews_review_pending"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rating}★ {self.title}"


class Reply(TenantModel):
    """The shop's public answer, one a review."""

    review = MerchantOneToOneField(Review, on_delete=models.CASCADE, related_name="reply")
    author = models.ForeignKey(Membership, on_delete=models.SET_NULL, null=True, related_name="+")
    body = models.TextField(_("reply"), max_length=3_000)
    created_at = models.DateTimeField(default=timezone.now)
    edited_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.body[:60]


class ReviewRequest(TenantModel):
    """The invitation to review an order, sent some days after delivery to everybody alike."""

    class State(models.TextChoices):
        DUE = "due", _("Planned")
        SENT = "sent", _("Sent")
        HELD = "held", _("Held back")
        SKIPPED = "skipped", _("Not sent")

    order = MerchantForeignKey(
        Order, on_delete=models.CASCADE, related_name="review_requests", db_index=False
    )
    customer = MerchantForeignKey(Customer, on_delete=models.CASCADE, related_name="+", db_index=False)
    state = models.CharField(max_length=7, choices=State, default=State.DUE)
    # Why it was held or not sent: the code of a hold or of the shop's own rules ("frequency_cap",
    # "quiet_hours", "warm_up"), else "refunded", "no_address", "no_consent", "suppressed", "reviewed".
    reason = models.CharField(max_length=40, blank=True, default="")
    due_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["merchant", "order"], name="reviews_request_once")]
        indexes = [
            models.Index("due_at", condition=Q(state__in=["due", "held"]), name="reviews_request_due"),
        ]

    def __str__(self) -> str:
        return f"{self.order_id} {self.state}"


class LedgerEntry(TenantModel):
    """A link of the merchant's chain: what was done to which review, and the hash of everything before it.

    `digest` is the SHA-256 of the review's words at that moment, so that a silent change shows; the words
    themselves are not here and may be pseudonymised without breaking the chain.
    """

    class Action(models.TextChoices):
        SUBMITTED = "submitted", _("Submitted")
        EDITED = "edited", _("Edited by its author")
        PUBLISHED = "published", _("Published")
        WITHHELD = "withheld", _("Withheld")
        REPLIED = "replied", _("Replied")
        ERASED = "erased", _("Author pseudonymised")

    sequence = models.PositiveIntegerField()
    review_id = models.BigIntegerField()
    rating = models.SmallIntegerField()
    action = models.CharField(max_length=9, choices=Action)
    reason = models.CharField(max_length=40, blank=True, default="")
    actor = models.CharField(max_length=40, blank=True, default="")
    digest = models.CharField(max_length=64)
    happened_at = models.DateTimeField()
    previous = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["merchant", "sequence"], name="reviews_ledger_sequence"),
        ]
        indexes = [models.Index(fields=["merchant", "review_id", "sequence"], name="reviews_ledger_review")]

    def __str__(self) -> str:
        return f"{self.sequence} {self.action} review {self.review_id}"
