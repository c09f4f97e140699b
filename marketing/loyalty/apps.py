from django.apps import AppConfig


class LoyaltyConfig(AppConfig):
    name = "marketing.loyalty"
    label = "loyalty"
