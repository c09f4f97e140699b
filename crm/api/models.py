"""What the API remembers about requests."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from crm.accounts.models import ApiKey
from crm.lib.tenancy import MerchantForeignKey, TenantModel


class IdempotentRequest(TenantModel):
    """A POST that carried an Idempotency-Key, and the answer it got.

    The answer is written in the transaction that did the work. While a request works it holds the row's lock,
    so a lock that can't be had means "in flight", and a row without an answer and without a lock means that
    its process died and nothing of it was kept.
    """

    api_key = MerchantForeignKey(ApiKey, on_delete=models.CASCADE, related_name="+", db_index=False)
    key = models.CharField(max_length=255)
    # SHA-256 of method, path with query, and body.
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    body = models.TextField(default="", blank=True)
    headers = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["merchant", "api_key", "key"], name="api_idempotentrequest_once")
        ]
        indexes = [models.Index(fields=["expires_at"], name="api_idempotentrequest_old")]

    def __str__(self) -> str:
        return self.key
