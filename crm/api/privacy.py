"""Answers that are kept for a repeated request: those that show the person are forgotten."""

from __future__ import annotations

from crm.api.models import IdempotentRequest
from crm.lib.privacy import Person, add_eraser, harmless, personal


def wipe(person: Person) -> int:
    """Deletes them; the same request again is then a new one, and finds an erased person."""
    pattern = person.pattern()
    rows = IdempotentRequest.objects.only("pk", "body", "headers", "key").iterator(chunk_size=500)
    named = [row.pk for row in rows if pattern.search(f"{row.body} {row.headers} {row.key}".lower())]
    IdempotentRequest.objects.filter(pk__in=named).delete()
    return len(named)


add_eraser("api", wipe=wipe)
personal("api.idempotentrequest", "body", "headers", "key")
harmless("api.idempotentrequest", "fingerprint", why="a hash")
