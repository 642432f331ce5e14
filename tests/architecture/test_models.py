"""Rules that every table obeys."""

import re

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection, models

OURS = [model for model in apps.get_models() if model._meta.app_label in {"governance", "registry", "audit"}]


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_rows_are_never_deleted_along_with_others(model: type[models.Model]) -> None:
    cascading = [
        field.name
        for field in model._meta.fields
        if field.remote_field and getattr(field.remote_field, "on_delete", None) is models.CASCADE
    ]

    assert cascading == []


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_words_of_state_are_known_to_the_database(model: type[models.Model]) -> None:
    conditions = " ".join(
        str(constraint.condition)
        for constraint in model._meta.constraints
        if isinstance(constraint, models.CheckConstraint)
    )

    for field in model._meta.local_fields:
        if field.choices and model.__name__ != "User":
            assert f"'{field.name}" in conditions, (
                f"{model.__name__}.{field.name} has choices but no constraint"
            )


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_constraint_names_state_a_fact_of_their_table(model: type[models.Model]) -> None:
    for constraint in model._meta.constraints:
        assert re.match(rf"^{model._meta.app_label}_{model.__name__.lower()}_[a-z0-9_]+$", constraint.name)


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_every_table_speaks_for_itself(model: type[models.Model]) -> None:
    assert model.__str__ is not models.Model.__str__
    assert model.__doc__
    assert not model.__doc__.startswith(f"{model.__name__}(")


@pytest.mark.django_db
def test_no_migration_is_missing() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


@pytest.mark.django_db
def test_our_triggers_cannot_be_switched_off_by_a_session() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgname, tgenabled FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid "
            "WHERE NOT tgisinternal AND relname ~ '^(registry|audit|governance)_'"
        )
        triggers = dict(cursor.fetchall())

    # The truncate triggers are off in the test database only, so that it can be emptied between tests.
    guarded = {name: enabled for name, enabled in triggers.items() if "truncate" not in name}
    assert len(guarded) > 25
    assert set(guarded.values()) == {"A"}
