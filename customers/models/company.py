"""Firms that buy, resell or deliver, and who speaks for them."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.accounts.models import Membership, Team
from crm.lib.money import CurrencyField, MoneyField
from crm.lib.tenancy import MerchantForeignKey, TenantManager, TenantModel
from customers.models.region import Region
from customers.querysets import CompanyQuerySet


class Company(TenantModel):
    """A firm. `parent` makes a tree without rings (customers/companies/tree.py).

    `credit_limit` is in `currency`, "" being the currency of the books; `payment_days` are net days, None
    when
    nothing was agreed. `document` is what the search looks through, in the grammar of customers/tokens.py.
    `merged_into` is the firm that took this one's place: its external id and its name still lead there.
    """

    class Kind(models.TextChoices):
        CUSTOMER = "customer", pgettext_lazy("kind of company", "Customer")
        DISTRIBUTOR = "distributor", pgettext_lazy("kind of company", "Distributor")
        SUPPLIER = "supplier", pgettext_lazy("kind of company", "Supplier")
        PARTNER = "partner", pgettext_lazy("kind of company", "Partner")

    kind = models.CharField(_("kind"), max_length=12, choices=Kind, default=Kind.CUSTOMER)
    name = models.CharField(_("name"), max_length=200)
    parent = MerchantForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="children", db_index=False
    )
    external_id = models.CharField(_("external id"), max_length=100, blank=True, default="")
    tax_number = models.CharField(_("tax number"), max_length=40, blank=True, default="")
    registration_number = models.CharField(_("registration number"), max_length=60, blank=True, default="")
    website = models.CharField(_("website"), max_length=300, blank=True, default="")
    email = models.CharField(_("e-mail"), max_length=320, blank=True, default="")
    phone = models.CharField(_("phone"), max_length=20, blank=True, default="")
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
    price_group = models.CharField(_("price group"), max_length=60, blank=True, default="")
    credit_limit = MoneyField(_("credit limit"), null=True, blank=True)
    currency = CurrencyField(_("currency"), blank=True, default="")
    payment_days = models.PositiveSmallIntegerField(_("days to pay"), null=True, blank=True)
    tags = ArrayField(models.CharField(max_length=40), default=list, blank=True, verbose_name=_("tags"))
    attributes = models.JSONField(_("attributes"), default=dict, blank=True)
    owner = models.ForeignKey(
        Membership, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    team = MerchantForeignKey(
        Team, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    source = models.CharField(_("first seen through"), max_length=40, blank=True, default="")
    merged_into = MerchantForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    document = models.TextField(blank=True, default="", editable=False)
    archived_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(auto_now=True)

    objects: ClassVar = TenantManager.from_queryset(CompanyQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "external_id"],
                condition=~Q(external_id=""),
                name="customers_company_external",
            ),
            models.CheckConstraint(
                condition=Q(parent__isnull=True) | ~Q(parent=F("id")), name="customers_company_not_own_parent"
            ),
            models.CheckConstraint(
                condition=Q(credit_limit__isnull=True) | Q(credit_limit__gte=0),
                name="customers_company_credit_positive",
            ),
        ]
        indexes = [
            models.Index(fields=["merchant", "name", "id"], name="customers_company_name"),
            models.Index("merchant", F("created_at").desc(), F("id").desc(), name="customers_company_recent"),
            models.Index(
                "merchant", "parent", condition=Q(parent__isnull=False), name="customers_company_parent"
            ),
            models.Index(
                "merchant", "owner", condition=Q(owner__isnull=False), name="customers_company_owner"
            ),
            models.Index("merchant", "tax_number", condition=~Q(tax_number=""), name="customers_company_tax"),
            models.Index(
                "merchant",
                "located_in",
                condition=Q(located_in__isnull=False),
                name="customers_company_place",
            ),
            GinIndex(
                F("merchant"), OpClass(F("document"), name="gin_trgm_ops"), name="customers_company_document"
            ),
            GinIndex("merchant", "attributes", name="customers_company_attrs"),
        ]

    def __str__(self) -> str:
        return self.name


class CompanyContact(TenantModel):
    """A person who speaks for a company, and in what. Somebody may speak for several; `Customer.company` is
    the
    one they belong to first."""

    class Role(models.TextChoices):
        BUYER = "buyer", pgettext_lazy("role of a contact", "Buyer")
        PAYABLE = "payable", pgettext_lazy("role of a contact", "Accounts payable")
        DECIDES = "decides", pgettext_lazy("role of a contact", "Decision maker")
        LOGISTICS = "logistics", pgettext_lazy("role of a contact", "Goods in and logistics")
        TECHNICAL = "technical", pgettext_lazy("role of a contact", "Technical")
        SALES = "sales", pgettext_lazy("role of a contact", "Sales")
        LEGAL = "legal", pgettext_lazy("role of a contact", "Legal")
        OTHER = "other", pgettext_lazy("role of a contact", "Other")

    company = MerchantForeignKey(
        Company, on_delete=models.CASCADE, related_name="contact_links", db_index=False
    )
    customer = MerchantForeignKey(
        "customers.Customer", on_delete=models.CASCADE, related_name="company_links", db_index=False
    )
    roles = ArrayField(models.CharField(max_length=12, choices=Role), default=list, blank=True)
    title = models.CharField(_("position"), max_length=120, blank=True, default="")
    is_primary = models.BooleanField(_("first contact"), default=False)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "company", "customer"], name="customers_companycontact_once"
            ),
            models.UniqueConstraint(
                fields=["merchant", "company"],
                condition=Q(is_primary=True),
                name="customers_companycontact_first",
            ),
        ]
        indexes = [models.Index(fields=["merchant", "customer"], name="customers_companycontact_of")]

    def __str__(self) -> str:
        return f"{self.customer_id} @ {self.company_id}"

    @property
    def role_labels(self) -> list[str]:
        return [str(self.Role(one).label) for one in self.roles if one in self.Role.values]
