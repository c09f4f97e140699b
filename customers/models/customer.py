"""Who somebody is to the merchant."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.accounts.models import ApiKey, Membership, Team
from crm.lib.tenancy import MerchantForeignKey, TenantManager, TenantModel
from customers.models.company import Company
from customers.models.region import Region
from customers.querysets import CustomerQuerySet


class Customer(TenantModel):
    """A person or contact. `email` and `phone` are the primary ones, normalised; every known one is an
    Identity."""

    class Kind(models.TextChoices):
        PERSON = "person", _("Person")
        CONTACT = "contact", _("Company contact")
        PROSPECT = "prospect", _("Prospect")
        DISTRIBUTOR = "distributor", _("Distributor")
        SUPPLIER = "supplier", _("Supplier")
        STAFF = "staff", _("Staff")

    class Stage(models.TextChoices):
        LEAD = "lead", _("Lead")
        CUSTOMER = "customer", _("Customer")
        REPEAT = "repeat", _("Repeat customer")
        LAPSED = "lapsed", _("Lapsed")

    kind = models.CharField(_("kind"), max_length=12, choices=Kind, default=Kind.PERSON)
    stage = models.CharField(_("stage"), max_length=10, choices=Stage, default=Stage.LEAD)
    name = models.CharField(_("name"), max_length=200, blank=True, default="")
    given_name = models.CharField(_("given name"), max_length=100, blank=True, default="")
    family_name = models.CharField(_("family name"), max_length=100, blank=True, default="")
    email = models.CharField(_("e-mail"), max_length=320, blank=True, default="")
    phone = models.CharField(_("phone"), max_length=20, blank=True, default="")
    language = models.CharField(_("language"), max_length=10, blank=True, default="")
    time_zone = models.CharField(_("time zone"), max_length=50, blank=True, default="")
    birthday_on = models.DateField(_("birthday"), null=True, blank=True)
    country = models.CharField(_("country"), max_length=2, blank=True, default="")
    region = models.CharField(_("region"), max_length=100, blank=True, default="")
    city = models.CharField(_("city"), max_length=100, blank=True, default="")
    # Kept by the database from the three above (migration 0017); what is written here is overruled.
    located_in = MerchantForeignKey(
        Region,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        db_index=False,
    )
    grade = models.CharField(_("grade"), max_length=20, blank=True, default="")
    tags = ArrayField(models.CharField(max_length=40), default=list, blank=True, verbose_name=_("tags"))
    attributes = models.JSONField(_("attributes"), default=dict, blank=True)
    company = MerchantForeignKey(
        Company, on_delete=models.SET_NULL, null=True, blank=True, related_name="contacts", db_index=False
    )
    owner = models.ForeignKey(
        Membership, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    team = MerchantForeignKey(
        Team, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    source = models.CharField(_("first seen through"), max_length=40, blank=True, default="")
    import_batch_id = models.BigIntegerField(null=True, blank=True)
    erased_at = models.DateTimeField(null=True, blank=True)
    # The customer who absorbed this one, always the last of a chain; NULL for everybody who stands alone.
    merged_into = MerchantForeignKey(
        "self", on_delete=models.CASCADE, null=True, blank=True, related_name="absorbed", db_index=False
    )
    # When a merge with somebody was last undone: who signed in before must prove again who they are.
    split_at = models.DateTimeField(null=True, blank=True)
    # "Do not profile me": follows the consent ledger's newest entry for profiling (customers/consent.py).
    profiling_stopped_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(auto_now=True)

    objects: ClassVar = TenantManager.from_queryset(CustomerQuerySet)()

    class Meta:
        indexes = [
            models.Index(
                "merchant", F("created_at").desc(), F("id").desc(), name="customers_customer_recent"
            ),
            models.Index("merchant", "name", "id", name="customers_customer_name"),
            models.Index(
                "merchant", "owner", condition=Q(owner__isnull=False), name="customers_customer_owner"
            ),
            models.Index("merchant", "email", condition=~Q(email=""), name="customers_customer_email"),
            models.Index("merchant", condition=Q(erased_at__isnull=False), name="customers_customer_erased"),
            models.Index(
                "merchant",
                "merged_into",
                condition=Q(merged_into__isnull=False),
                name="customers_customer_merged",
            ),
            models.Index(
                "merchant",
                condition=Q(profiling_stopped_at__isnull=False),
                name="customers_customer_unprofiled",
            ),
            models.Index(
                "merchant", "company", condition=Q(company__isnull=False), name="customers_customer_company"
            ),
            models.Index(
                "merchant",
                "import_batch_id",
                condition=Q(import_batch_id__isnull=False),
                name="customers_customer_batch",
            ),
            models.Index(
                "merchant",
                "located_in",
                condition=Q(located_in__isnull=False),
                name="customers_customer_place",
            ),
            GinIndex(fields=["merchant", "tags"], name="customers_customer_tags"),
            GinIndex("merchant", "attributes", name="customers_customer_attrs"),
        ]

    def __str__(self) -> str:
        return self.name or self.email or self.phone or f"#{self.pk}"


class Address(TenantModel):
    """Where parcels or invoices go; Chinese and Western forms share these parts."""

    class Kind(models.TextChoices):
        SHIPPING = "shipping", pgettext_lazy("kind of address", "Shipping")
        BILLING = "billing", _("Billing")
        HOME = "home", pgettext_lazy("kind of address", "Home")
        WORK = "work", pgettext_lazy("kind of address", "Work")
        OTHER = "other", pgettext_lazy("kind of address", "Other")

    customer = MerchantForeignKey(
        Customer, on_delete=models.CASCADE, related_name="addresses", db_index=False
    )
    kind = models.CharField(max_length=8, choices=Kind, default=Kind.SHIPPING)
    name = models.CharField(max_length=200, blank=True, default="")
    line1 = models.CharField(max_length=300, blank=True, default="")
    line2 = models.CharField(max_length=300, blank=True, default="")
    district = models.CharField(max_length=100, blank=True, default="")
    city = models.CharField(max_length=100, blank=True, default="")
    province = models.CharField(max_length=100, blank=True, default="")
    postal_code = models.CharField(max_length=20, blank=True, default="")
    country = models.CharField(max_length=2, blank=True, default="")
    phone = models.CharField(max_length=20, blank=True, default="")
    is_default = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["merchant", "customer"], name="customers_address_of")]

    def __str__(self) -> str:
        return ", ".join(part for part in (self.line1, self.city, self.country) if part)


class Note(TenantModel):
    """What a colleague should know of a person or a firm, by `author` or by a program with `api_key`.
    `mentions` are the members whom it told."""

    customer = MerchantForeignKey(
        Customer, on_delete=models.CASCADE, null=True, blank=True, related_name="notes", db_index=False
    )
    company = MerchantForeignKey(
        Company, on_delete=models.CASCADE, null=True, blank=True, related_name="notes", db_index=False
    )
    author = models.ForeignKey(Membership, on_delete=models.SET_NULL, null=True, related_name="+")
    api_key = MerchantForeignKey(
        ApiKey, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    text = models.TextField(_("note"), max_length=5_000)
    mentions = ArrayField(models.BigIntegerField(), default=list, blank=True)
    pinned_at = models.DateTimeField(null=True, blank=True)
    edited_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(customer__isnull=False) | Q(company__isnull=False), name="customers_note_about"
            )
        ]
        indexes = [
            models.Index("merchant", "customer", F("created_at").desc(), name="customers_note_of"),
            models.Index(
                "merchant",
                "company",
                F("created_at").desc(),
                condition=Q(company__isnull=False),
                name="customers_note_company",
            ),
        ]

    def __str__(self) -> str:
        return self.text[:60]
