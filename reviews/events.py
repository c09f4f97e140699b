"""What is announced about reviews."""

from django.utils.translation import gettext_lazy as _

from crm.events.types import EventType

_KEYS = ("product", "rating")

REVIEW_SUBMITTED = EventType(
    "reviews.review_submitted",
    _("Review written"),
    _("Reviewed %(product)s: %(rating)s of 5"),
    icon="star",
    scope="reviews.read",
    keys=_KEYS,
)
REVIEW_PUBLISHED = EventType(
    "reviews.review_published",
    _("Review published"),
    _("Review of %(product)s published"),
    icon="star",
    tone="good",
    scope="reviews.read",
    keys=_KEYS,
)
REVIEW_WITHHELD = EventType(
    "reviews.review_withheld",
    _("Review withheld"),
    _("Review of %(product)s withheld: %(reason)s"),
    icon="star-off",
    tone="warn",
    scope="reviews.read",
    keys=(*_KEYS, "reason"),
)
REVIEW_EDITED = EventType(
    "reviews.review_edited",
    _("Review changed by its author"),
    _("Changed the review of %(product)s to %(rating)s of 5"),
    icon="star",
    scope="reviews.read",
    keys=_KEYS,
)
REVIEW_REPLIED = EventType(
    "reviews.review_replied",
    _("Review answered"),
    _("The shop answered the review of %(product)s"),
    icon="message-star",
    scope="reviews.read",
    keys=_KEYS,
)
REVIEW_INVITED = EventType(
    "reviews.review_invited",
    _("Invited to review"),
    _("Invited to review order %(number)s"),
    icon="mail",
    scope="reviews.read",
    keys=("number",),
)
