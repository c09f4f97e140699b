from django.apps import AppConfig


class IntegrationsConfig(AppConfig):
    name = "crm.integrations"
    label = "integrations"
