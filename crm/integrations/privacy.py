"""What stores sent, what we mailed and what we told other systems about the person."""

from __future__ import annotations

import re

from django.db.models import Q
from django.utils.translation import gettext as _

from crm.events.privacy import events_of
from crm.integrations.models import InboundHook, OutboundMail, WebhookAttempt
from crm.lib.privacy import ErasureWaits, Person, add_eraser, harmless, personal

CHUNK = 500


def wipe(person: Person) -> int:
    pattern = person.pattern()
    return _hooks(pattern) + _mails(person, pattern) + _attempts(person)


def _hooks(pattern: re.Pattern[str]) -> int:
    """Raises ErasureWaits while the store's words about the person still wait to be read: money told once
    must not be lost."""
    named = [
        hook.pk
        for hook in InboundHook.objects.exclude(body=b"").only("pk", "body").iterator(chunk_size=CHUNK)
        if pattern.search(bytes(hook.body).decode("utf-8", "replace").lower())
    ]
    hooks = InboundHook.objects.filter(pk__in=named)
    if hooks.filter(state__in=InboundHook.OPEN).exists():
        raise ErasureWaits(_("News from a store about this person waits to be read."))
    spoken = [row.pk for row in InboundHook.objects.exclude(result="").only("pk", "result").iterator()
              if pattern.search(row.result.lower())]  # fmt: skip
    InboundHook.objects.filter(pk__in=spoken).update(result="")
    return hooks.update(body=b"") + len(spoken)


def _mails(person: Person, pattern: re.Pattern[str]) -> int:
    """Mails to the person, and mails of any kind that name them. What still waits is not sent any more."""
    mine = set(
        OutboundMail.objects.filter(
            Q(to__in=person.emails) | Q(pk__in=person.ids("integrations.outboundmail"))
        ).values_list("pk", flat=True)
    )
    for mail in OutboundMail.objects.exclude(pk__in=mine).iterator(chunk_size=CHUNK):
        told = "\x1f".join([mail.to, mail.subject, mail.text, mail.html, mail.error, str(mail.headers)])
        if pattern.search(told.lower()):
            mine.add(mail.pk)
    mails = OutboundMail.objects.filter(pk__in=mine)
    mails.filter(state=OutboundMail.State.QUEUED).update(state=OutboundMail.State.FAILED)
    return mails.update(to="", subject="", text="", html="", headers={}, error="")


def _attempts(person: Person) -> int:
    """What was told of them and what the receiver answered; a telling that still waits is given up."""
    mine = WebhookAttempt.objects.filter(event_id__in=events_of(person).values("pk"))
    mine.filter(state=WebhookAttempt.State.PENDING).update(state=WebhookAttempt.State.FAILED)
    return mine.exclude(body="{}", tries=[]).update(body="{}", tries=[])


add_eraser("integrations", wipe=wipe)
personal("integrations.inboundhook", "body", "result")
harmless(
    "integrations.inboundhook",
    *("source_id", "topic", "headers"),
    why="the store's id of the delivery, its kind, the type of its body",
)
personal("integrations.outboundmail", "to", "subject", "text", "html", "headers", "error")
harmless(
    "integrations.outboundmail",
    *("message_id", "purpose", "dedupe_key"),
    why="ids of our own and the kind of mail",
)
personal("integrations.webhookattempt", "body", "tries")
harmless("integrations.webhookattempt", "event_name", "message_id", why="the kind of event, an id")
harmless(
    "integrations.connection",
    *("platform", "channel", "name", "credentials", "cursor", "fetch_error"),
    why="the shop's own connection to its store or carrier",
)
harmless(
    "integrations.webhookendpoint",
    *("name", "url", "secret", "events", "disabled_reason"),
    why="the shop's own connection to another system",
)
