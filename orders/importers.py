"""What orders add to crm.imports."""

from crm.imports.registry import register
from orders.importing.importer import OrdersImporter

register(OrdersImporter())
