"""Customers and consents as JSON: what the API shows and what it takes."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from crm.api.bulk import OutcomeField
from crm.api.serializers import ApiModelSerializer, ApiSerializer, MoneyField, TenantRelatedField
from customers.confirming.services import WORDING_VERSION
from customers.models import Consent, ConsentRequest, ConsentWording, Customer, Erasure, Identity, Metrics
from customers.models.wording import Channel, Purpose, digest_of
from customers.services import LONGEST_TAG, MOST_TAGS
from customers.wordings.services import LONGEST_TEXT

LETTERS = r"^[A-Z]{2}$"


def text(most: int, **kwargs: Any) -> serializers.CharField:
    return serializers.CharField(max_length=most, **{"required": False, "allow_blank": True, **kwargs})


class IdentitySerializer(ApiModelSerializer):
    class Meta:
        model = Identity
        fields = ["id", "kind", "scope", "value", "source", "verified_at", "created_at"]
        read_only_fields = fields


class MetricsSerializer(ApiModelSerializer):
    """Money in the shop's base currency."""

    gross, refunded, net = MoneyField(), MoneyField(), MoneyField()

    class Meta:
        model = Metrics
        fields = [
            *("orders_count", "gross", "refunded", "net", "first_order_at", "last_order_at"),
            *("open_tickets", "reviews_count", "last_rating", "points", "tier", "score"),
        ]
        read_only_fields = fields


class CustomerSerializer(ApiModelSerializer):
    company = serializers.CharField(source="company.name", default="", read_only=True)
    owner = serializers.CharField(source="owner.user.email", default="", read_only=True)
    located_in = serializers.IntegerField(source="located_in_id", read_only=True, allow_null=True)
    identities = IdentitySerializer(many=True, read_only=True)
    metrics = MetricsSerializer(read_only=True)
    attributes = serializers.DictField(read_only=True)

    class Meta:
        model = Customer
        fields = [
            *("id", "kind", "stage", "name", "given_name", "family_name", "email", "phone", "language"),
            *("time_zone", "birthday_on", "country", "region", "city", "located_in", "grade", "tags"),
            *("attributes", "company", "owner", "source", "identities", "metrics", "created_at"),
            "updated_at",
        ]
        read_only_fields = fields


class CustomerUpsertedSerializer(CustomerSerializer):
    outcome = OutcomeField()

    class Meta(CustomerSerializer.Meta):
        fields = [*CustomerSerializer.Meta.fields, "outcome"]
        read_only_fields = fields


class CustomerChange(ApiSerializer):
    """What a PATCH may set; a field left out stays."""

    kind = serializers.ChoiceField(Customer.Kind.choices, required=False)
    stage = serializers.ChoiceField(Customer.Stage.choices, required=False)
    name, given_name, family_name = text(200), text(100), text(100)
    email, phone = text(320), text(40)
    language, time_zone = text(10), text(50)
    birthday_on = serializers.DateField(required=False, allow_null=True)
    country = serializers.RegexField(LETTERS, required=False, allow_blank=True)
    region, city, grade = text(100), text(100), text(20)
    tags = serializers.ListField(
        child=serializers.CharField(max_length=LONGEST_TAG), max_length=MOST_TAGS, required=False
    )
    attributes = serializers.DictField(required=False)
    company = text(200)


class CustomerInput(CustomerChange):
    """Recognised by e-mail, else by phone; who is known is updated, anybody else created."""


class ConsentSerializer(ApiModelSerializer):
    """`wording` is the id of the text that was read (consent-wordings/), `wording_version` its label, or that
    of a text that lies elsewhere."""

    customer = serializers.IntegerField(source="customer_id", read_only=True)
    wording = serializers.IntegerField(source="wording_id", read_only=True, allow_null=True)

    class Meta:
        model = Consent
        fields = [
            *("id", "customer", "channel", "purpose", "granted", "source", "wording", "wording_version"),
            *("proof", "recorded_at"),
        ]
        read_only_fields = fields

    proof = serializers.DictField(read_only=True)


class ConsentInput(ApiSerializer):
    """One answer of one customer. `proof` says what shows it: a form's id, an IP, a recording.

    `wording` is the id of one of the shop's own texts (consent-wordings/); for one that lies elsewhere give
    `wording_version` and `wording_text`, whose SHA-256 is kept. With `double_opt_in` a yes to marketing by
    e-mail counts when the owner of the address confirms it by the mail that leaves now.
    """

    customer = TenantRelatedField(model=Customer)
    channel = serializers.ChoiceField(Channel.choices)
    purpose = serializers.ChoiceField(Purpose.choices, default=Purpose.MARKETING.value)
    granted = serializers.BooleanField()
    source = serializers.CharField(max_length=40, default="api")  # type: ignore[assignment]  # DRF keeps its own `source` there
    wording = TenantRelatedField(model=ConsentWording, required=False)
    wording_version = text(40, default="")
    wording_text = text(4_000, default="")
    double_opt_in = serializers.BooleanField(default=False)
    proof = serializers.DictField(
        child=serializers.CharField(max_length=500, allow_blank=True), required=False
    )

    def validate(self, said: dict[str, Any]) -> dict[str, Any]:
        wording = said.get("wording")
        if wording and (wording.channel, wording.purpose) != (said["channel"], said["purpose"]):
            raise serializers.ValidationError({"wording": [_("This text is about something else.")]})
        mail = (said["channel"], said["purpose"]) == (Channel.EMAIL, Purpose.MARKETING)
        if said["double_opt_in"] and not (mail and said["granted"]):
            words = _("Only a yes to marketing by e-mail can be confirmed by mail.")
            raise serializers.ValidationError({"double_opt_in": [words]})
        text = said.pop("wording_text")
        if text and not wording:
            said["proof"] = {**said.get("proof", {}), "text_sha256": digest_of(text)}
        if said["double_opt_in"] and said["wording_version"] and not wording:  # what the ledger calls it then
            said["proof"] = {**said.get("proof", {}), WORDING_VERSION: said["wording_version"]}
        return said


class ConsentRequestSerializer(ApiModelSerializer):
    """A yes that waits for the confirmation by mail: nothing is allowed yet."""

    customer = serializers.IntegerField(source="customer_id", read_only=True)
    wording = serializers.IntegerField(source="wording_id", read_only=True, allow_null=True)

    class Meta:
        model = ConsentRequest
        fields = [
            *("id", "customer", "channel", "purpose", "wording", "source", "asked_at", "expires_at"),
            *("confirmed_at", "cancelled_at"),
        ]
        read_only_fields = fields


class WordingSerializer(ApiModelSerializer):
    """`version` counts within channel, purpose and language; `label` is what the ledger calls it; `digest` is
    the SHA-256 of the text in UTF-8. Never changed once written."""

    label = serializers.CharField(read_only=True)  # type: ignore[assignment]  # DRF keeps its own `label` there

    class Meta:
        model = ConsentWording
        fields = [
            *("id", "channel", "purpose", "language", "version", "label", "text", "digest", "valid_from"),
            "created_at",
        ]
        read_only_fields = fields


class WordingInput(ApiSerializer):
    """`valid_from`: when pages begin to show it, at once if left out."""

    channel = serializers.ChoiceField(Channel.choices)
    purpose = serializers.ChoiceField(Purpose.choices)
    language = serializers.CharField(max_length=10, help_text="en, zh-hans or zh-hant")
    text = serializers.CharField(max_length=LONGEST_TEXT)
    valid_from = serializers.DateTimeField(required=False, allow_null=True)


@extend_schema_serializer(many=False)
class ConsentSettingsShape(ApiSerializer):
    """`double_opt_in`: a yes to e-mail marketing counts once the owner of the address confirmed it."""

    double_opt_in = serializers.BooleanField()


class ErasureSerializer(ApiModelSerializer):
    """`due_at` is when it happens or would have; `counts` says how many rows of each app it changed."""

    customer = serializers.IntegerField(source="customer_id", read_only=True)
    counts = serializers.DictField(child=serializers.IntegerField(), read_only=True)

    class Meta:
        model = Erasure
        fields = [
            *("id", "customer", "state", "reason", "requested_by", "requested_at", "due_at", "trouble"),
            *("done_at", "cancelled_at", "counts"),
        ]
        read_only_fields = fields


class EraseInput(ApiSerializer):
    """Why. Sending it is final: there is no waiting time and nothing to take back."""

    reason = serializers.ChoiceField(
        [one for one in Erasure.Reason.choices if one[0] not in ("retention", "replay")]
    )
