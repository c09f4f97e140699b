"""The ground's app: when every app is loaded, it lets each announce what it adds to the others."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules

# A lower floor owns the registry, an upper floor fills it from a module of this name.
REGISTRY_MODULES = (
    "events",
    "handlers",
    "conditions",
    "holds",
    "panels",
    "badges",
    "importers",
    "exporters",
    "handover",
    "inbound",
    "merging",
    "portal",
    "privacy",
    "retention",
    "traces",
)


class CrmConfig(AppConfig):
    name = "crm"
    label = "crm"
    verbose_name = "Guanxi"

    def ready(self) -> None:
        autodiscover_modules(*REGISTRY_MODULES)
