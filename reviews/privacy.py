"""Reviews after an erasure: other buyers go on reading them, and nobody learns who wrote them."""

from __future__ import annotations

from django.db.models import Q

from crm.lib.privacy import Person, add_eraser, harmless, personal, without
from reviews.ledger import append
from reviews.models import LedgerEntry, Reply, Review


def find(person: Person) -> None:
    reviews = Review.objects.filter(
        Q(customer_id__in=person.customer_ids) | Q(order_line__order__customer_id__in=person.customer_ids)
    )
    for pk, shown in reviews.values_list("pk", "author_name"):
        person.owns("reviews.review", [pk])
        person.goes_by(shown)


def wipe(person: Person) -> int:
    """The author's name goes, and their name and addresses where the words hold them; the chain of moderation
    gets a link that says so."""
    pattern = person.pattern()
    changed = 0
    for review in Review.objects.filter(pk__in=person.ids("reviews.review")).order_by("pk"):
        before = (review.author_name, review.title, review.body)
        review.author_name = ""
        review.title, review.body = (without(pattern, text) for text in (review.title, review.body))
        if before == (review.author_name, review.title, review.body):
            continue
        review.save(update_fields=["author_name", "title", "body"])
        append(review, LedgerEntry.Action.ERASED)
        for reply in Reply.objects.filter(review=review):
            reply.body = without(pattern, reply.body)
            reply.save(update_fields=["body"])
        changed += 1
    return changed


add_eraser("reviews", find=find, wipe=wipe)
personal("reviews.review", "author_name", "title", "body")
harmless("reviews.review", "language", "source", why="the language of the words, the way they came")
personal("reviews.reply", "body")
harmless("reviews.reviewrequest", "reason", why="a code of ours")
harmless(
    "reviews.ledgerentry",
    *("reason", "actor", "digest", "previous", "hash"),
    why="codes, ids and hashes; changing one would break the chain that proves the moderation",
)
