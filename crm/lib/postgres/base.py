"""PostgreSQL, with the third wall of tenancy built into the schema.

Between two tenant-owned tables a foreign key is composite, `(merchant_id, x_id) → (merchant_id, id)`, so the
database itself refuses a row that points at another merchant's row, and the tables can later be distributed
by `merchant_id` on Citus without touching the models. The composite key needs UNIQUE (merchant_id, id) on
each target, which is made together with the table.
"""

from typing import Any

from django.db.backends.ddl_references import Columns, ForeignKeyName, Statement, Table
from django.db.backends.postgresql import base, schema
from django.db.models import Model

# django-stubs leave out the schema editor's inner methods that this builds on.
PostgresSchemaEditor: Any = schema.DatabaseSchemaEditor


class SchemaEditor(PostgresSchemaEditor):  # type: ignore[misc]
    # A column added later takes the deferred road too, where `_create_fk_sql` can make the key composite.
    sql_create_column_inline_fk = None

    def create_model(self, model: type[Model]) -> None:
        super().create_model(model)
        if any(getattr(field, "tenant_key", False) for field in model._meta.local_fields):
            self._add_tenant_key(model)

    def add_field(self, model: type[Model], field: Any) -> None:
        super().add_field(model, field)
        if getattr(field, "tenant_key", False):
            self._add_tenant_key(model)

    def _add_tenant_key(self, model: type[Model]) -> None:
        """UNIQUE (merchant_id, id), at once: composite keys made in the same migration lean on it."""
        table, pk = model._meta.db_table, model._meta.pk.column
        name = self._create_index_name(table, ["merchant_id", pk], suffix="_tenant")
        self.execute(
            f"ALTER TABLE {self.quote_name(table)} ADD CONSTRAINT {self.quote_name(name)}"
            f" UNIQUE (merchant_id, {self.quote_name(pk)})"
        )

    def _create_fk_sql(self, model: type[Model], field: Any, suffix: str) -> Statement:
        if not getattr(field, "same_merchant", False):
            statement: Statement = super()._create_fk_sql(model, field, suffix)
            return statement
        target: type[Model] = field.remote_field.model
        return Statement(
            self.sql_create_fk,
            table=Table(model._meta.db_table, self.quote_name),
            name=self._fk_constraint_name(model, field, suffix),
            column=Columns(model._meta.db_table, ["merchant_id", field.column], self.quote_name),
            to_table=Table(target._meta.db_table, self.quote_name),
            to_column=Columns(
                target._meta.db_table, ["merchant_id", field.target_field.column], self.quote_name
            ),
            deferrable=self.connection.ops.deferrable_sql(),
        )

    def _fk_constraint_name(self, model: type[Model], field: Any, suffix: str) -> ForeignKeyName:
        def create_fk_name(*args: Any, **kwargs: Any) -> str:
            return str(self.quote_name(self._create_index_name(*args, **kwargs)))

        return ForeignKeyName(
            model._meta.db_table,
            [field.column],
            field.target_field.model._meta.db_table,
            [field.target_field.column],
            suffix,
            create_fk_name,
        )


class DatabaseWrapper(base.DatabaseWrapper):
    SchemaEditorClass = SchemaEditor
