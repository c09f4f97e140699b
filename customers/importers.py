"""What customers add to crm.imports."""

from crm.imports.registry import register
from customers.importing.companies.importer import CompaniesImporter
from customers.importing.consents.importer import ConsentsImporter
from customers.importing.importer import CustomersImporter

register(CustomersImporter())
register(CompaniesImporter())
register(ConsentsImporter())
