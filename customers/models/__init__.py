"""The customer and what is known of them, one noun a file."""

from customers.models.bulk import BulkChange, BulkChangeRow
from customers.models.company import Company, CompanyContact
from customers.models.consent import Consent, Suppression
from customers.models.customer import Address, Customer, Note
from customers.models.data_package import DataPackage
from customers.models.duplicates import DuplicatePair, MatchKeys, MatchWeights
from customers.models.erasure import ErasedKey, Erasure
from customers.models.field import FieldDefinition
from customers.models.file import File
from customers.models.identity import Identity
from customers.models.merging import IdentityConflict, MergeMove, MergeRecord
from customers.models.metrics import Metrics
from customers.models.portal import PortalCode, PortalSettings
from customers.models.region import Region
from customers.models.retention import RetentionRule, RetentionRun
from customers.models.search import SearchDocument
from customers.models.task import Task
from customers.models.visit import Visit, VisitSettings
from customers.models.wording import ConsentRequest, ConsentSettings, ConsentWording

__all__ = [
    "Address",
    "BulkChange",
    "BulkChangeRow",
    "Company",
    "CompanyContact",
    "Consent",
    "ConsentRequest",
    "ConsentSettings",
    "ConsentWording",
    "Customer",
    "DataPackage",
    "DuplicatePair",
    "ErasedKey",
    "Erasure",
    "FieldDefinition",
    "File",
    "Identity",
    "IdentityConflict",
    "MatchKeys",
    "MatchWeights",
    "MergeMove",
    "MergeRecord",
    "Metrics",
    "Note",
    "PortalCode",
    "PortalSettings",
    "Region",
    "RetentionRule",
    "RetentionRun",
    "SearchDocument",
    "Suppression",
    "Task",
    "Visit",
    "VisitSettings",
]
