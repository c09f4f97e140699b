"""A saved view, and which one a member's list opens with."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.lib.tenancy import MerchantForeignKey, TenantModel


class SavedView(TenantModel):
    """`query` is the list's state as it stands in the address, without the cursor. It holds no rows: whoever
    opens it sees what their own visibility lets them."""

    class Audience(models.TextChoices):
        OWN = "own", _("Only me")
        TEAM = "team", _("A team")
        ALL = "all", _("Everybody here")

    list_key = models.CharField(max_length=20)
    name = models.CharField(pgettext_lazy("of a thing", "name"), max_length=60)
    query = models.CharField(max_length=2_000, blank=True, default="")
    audience = models.CharField(_("who sees it"), max_length=4, choices=Audience, default=Audience.OWN)
    team = MerchantForeignKey(
        "accounts.Team", on_delete=models.CASCADE, null=True, blank=True, related_name="+", db_index=False
    )
    owner = models.ForeignKey(
        "accounts.Membership",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )
    position = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        app_label = "accounts"
        indexes = [models.Index(fields=["merchant", "list_key", "position"], name="accounts_view_order")]

    def __str__(self) -> str:
        return self.name


class DefaultView(TenantModel):
    """What one member's list opens with."""

    member = models.ForeignKey(
        "accounts.Membership", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    list_key = models.CharField(max_length=20)
    view = MerchantForeignKey(SavedView, on_delete=models.CASCADE, related_name="+", db_index=False)

    class Meta:
        app_label = "accounts"
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "member", "list_key"], name="accounts_defaultview_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.member_id}: {self.list_key}"
