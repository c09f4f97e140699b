from django.apps import AppConfig


class InsightConfig(AppConfig):
    name = "marketing.insight"
    label = "insight"
