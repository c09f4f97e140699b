"""What customers add to crm.imports."""

from crm.imports.registry import register
from customers.importing.importer import CustomersImporter

register(CustomersImporter())
