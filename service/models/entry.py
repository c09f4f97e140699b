"""What was said on a ticket."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.accounts.models import Membership
from crm.integrations.models import OutboundMail
from crm.lib.tenancy import MerchantForeignKey, TenantModel
from service.models.ticket import Ticket

# A novel has 500 kB; a mail longer than this is a log file pasted in.
BODY_CHARS = 50_000


class Entry(TenantModel):
    """One message or note. `text` is what is read; `html` the cleaned original of a mail, shown on demand.

    `dedupe_key` makes a twice-pressed button or a twice-fetched mail one entry. `mail` carries how the answer
    left: waiting, sent, refused.
    """

    class Kind(models.TextChoices):
        INBOUND = "inbound", _("From the customer")
        OUTBOUND = "outbound", _("Answer")
        NOTE = "note", _("Note")

    ticket = MerchantForeignKey(Ticket, on_delete=models.CASCADE, related_name="entries", db_index=False)
    kind = models.CharField(max_length=8, choices=Kind)
    channel = models.CharField(max_length=6, choices=Ticket.Channel)
    author = models.ForeignKey(Membership, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    author_name = models.CharField(max_length=200, blank=True, default="")
    text = models.TextField(max_length=BODY_CHARS)
    html = models.TextField(blank=True, default="")
    quoted = models.TextField(blank=True, default="")
    mail = MerchantForeignKey(
        OutboundMail, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    message_id = models.CharField(max_length=300, blank=True, default="")
    dedupe_key = models.CharField(max_length=200, null=True, blank=True)  # noqa: DJ001 - NULL is "no key"
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "dedupe_key"],
                condition=Q(dedupe_key__isnull=False),
                name="service_entry_once",
            )
        ]
        indexes = [
            models.Index(fields=["merchant", "ticket", "created_at", "id"], name="service_entry_of"),
            models.Index("merchant", "message_id", condition=~Q(message_id=""), name="service_entry_message"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.text[:40]}"

    @property
    def is_public(self) -> bool:
        return self.kind != self.Kind.NOTE


class Draft(TenantModel):
    """What a member has typed and not sent; nobody else sees it."""

    ticket = MerchantForeignKey(Ticket, on_delete=models.CASCADE, related_name="drafts", db_index=False)
    author = models.ForeignKey(Membership, on_delete=models.CASCADE, related_name="+", db_index=False)
    kind = models.CharField(max_length=8, choices=Entry.Kind, default=Entry.Kind.OUTBOUND)
    text = models.TextField(max_length=BODY_CHARS)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["merchant", "ticket", "author"], name="service_draft_once")
        ]

    def __str__(self) -> str:
        return self.text[:40]
