"""The words in which reviews are filtered."""

from __future__ import annotations

from typing import Any

from django.db import models


class ReviewQuerySet(models.QuerySet[Any]):
    def pending(self) -> ReviewQuerySet:
        return self.filter(state="pending")

    def published(self) -> ReviewQuerySet:
        return self.filter(state="published")

    def unanswered(self) -> ReviewQuerySet:
        """Published or waiting, without the shop's reply."""
        return self.exclude(state="withheld").filter(reply__isnull=True)
