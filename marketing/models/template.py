"""What a mail looks like before anybody's name is in it."""

from __future__ import annotations

from django.db import models
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.lib.tenancy import TenantModel

# Far above any mail that is read to its end; Gmail cuts what it shows at 102 KB.
BODY_CHARS = 300_000


class Content(models.Model):
    """Subject and body with Liquid in them; the body is MJML or HTML. An empty text is written from the
    body.
    """

    subject = models.CharField(_("subject"), max_length=300, blank=True, default="")
    preheader = models.CharField(_("preview line"), max_length=200, blank=True, default="")
    body = models.TextField(_("content"), max_length=BODY_CHARS, blank=True, default="")
    text = models.TextField(_("plain text"), max_length=BODY_CHARS, blank=True, default="")

    class Meta:
        abstract = True


class Template(Content, TenantModel):
    """A mail to start from; a campaign takes a copy, so that changing one later changes no mail that is
    out.
    """

    name = models.CharField(_("name"), max_length=120)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(auto_now=True)
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index("merchant", F("updated_at").desc(), F("id").desc(), name="marketing_template_recent")
        ]

    def __str__(self) -> str:
        return self.name
