"""A rule that says who gets what comes in."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.lib.tenancy import MerchantForeignKey, TenantModel


class AssignmentRule(TenantModel):
    """`conditions` is {condition key: [values, one of which must fit]}, in the words that the subject's app
    declares (registry.py); all of them must hold. The default rule has none and comes last.

    Whom it may choose: the members of `team` where it names one, else `people`. `last_given` is the
    membership whose turn was last, read and written under the row's lock.
    """

    class Method(models.TextChoices):
        TURNS = "turns", _("By turns")
        LEAST = "least", _("Whoever has least open")

    subject = models.CharField(max_length=20)
    name = models.CharField(pgettext_lazy("of a thing", "name"), max_length=60)
    position = models.PositiveIntegerField(default=0)
    is_default = models.BooleanField(default=False)
    is_active = models.BooleanField(_("in use"), default=True)
    conditions = models.JSONField(default=dict, blank=True)
    team = MerchantForeignKey(
        "accounts.Team", on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    people = ArrayField(models.BigIntegerField(), default=list, blank=True)
    method = models.CharField(max_length=5, choices=Method, default=Method.TURNS)
    last_given = models.BigIntegerField(null=True, blank=True)
    given_count = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        app_label = "accounts"
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "subject"],
                condition=Q(is_default=True),
                name="accounts_assignment_one_default",
            ),
            models.UniqueConstraint(fields=["merchant", "subject", "name"], name="accounts_assignment_name"),
        ]
        indexes = [models.Index(fields=["merchant", "subject", "position"], name="accounts_assignment_order")]

    def __str__(self) -> str:
        return self.name
