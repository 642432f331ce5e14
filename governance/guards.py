"""Triggers that refuse changes, as pairs of SQL for migrations. Pure.

Every one is `ENABLE ALWAYS`, so that no session variable switches it off. A condition that is unknown refuses.
"""

from collections.abc import Iterable, Sequence

Statement = tuple[str, str]
FUNCTION = "governance_refuse_change"
REFUSE: Statement = (
    f"""
    CREATE FUNCTION {FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '%: % is refused, evidence is kept', TG_TABLE_NAME, TG_OP
            USING ERRCODE = 'check_violation', CONSTRAINT = TG_NAME;
    END $$;
    """,
    f"DROP FUNCTION {FUNCTION}();",
)


def row_trigger(
    table: str, operation: str, name: str, *, unless: str, message: str, when: str = "BEFORE"
) -> Statement:
    """A trigger that refuses the operation on a row where a condition does not hold.

    With `when="AFTER"` the constraints of the table speak first.
    """
    result = "OLD" if operation == "DELETE" else "NEW"
    return (
        f"""
        CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF ({unless}) IS NOT TRUE THEN
                RAISE EXCEPTION '{table}: {message}' USING ERRCODE = 'check_violation', CONSTRAINT = '{name}';
            END IF;
            RETURN {result};
        END $$;
        CREATE TRIGGER {name} {when} {operation} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}();
        ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name};
        """,
        f"DROP TRIGGER {name} ON {table}; DROP FUNCTION {name}();",
    )


def frozen(
    table: str, name: str, columns: Iterable[str], *, once: Iterable[str] = (), also: Sequence[str] = ()
) -> Statement:
    """A trigger that keeps `columns` as first written, those of `once` after they were set, and what `also` says."""
    parts = [f"NEW.{column} IS NOT DISTINCT FROM OLD.{column}" for column in columns]
    parts += [f"(OLD.{column} IS NULL OR NEW.{column} IS NOT DISTINCT FROM OLD.{column})" for column in once]
    unless = " AND ".join([*parts, *(f"({condition})" for condition in also)])
    return row_trigger(table, "UPDATE", name, unless=unless, message="what the row says is frozen")


def moves(table: str, name: str, edges: Iterable[tuple[str, str]], column: str) -> Statement:
    """A trigger that refuses a change of `column` outside the permitted moves."""
    permitted = ", ".join(f"('{source}', '{target}')" for source, target in edges)
    unless = f"(OLD.{column}, NEW.{column}) IN ({permitted})"
    return row_trigger(
        table, "UPDATE", name, unless=unless, message=f"this move of {column} is not permitted"
    )


def refused(table: str, operations: str, name: str, *, each: str = "ROW") -> Statement:
    """A trigger that refuses the operations on each row of a table, or on each statement."""
    sql = (
        f"CREATE TRIGGER {name} BEFORE {operations} ON {table} FOR EACH {each} EXECUTE FUNCTION {FUNCTION}();"
        f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name};"
    )
    return sql, f"DROP TRIGGER {name} ON {table};"


def never_truncated(table: str) -> Statement:
    """A trigger that refuses to empty a table, for its owner too."""
    return refused(table, "TRUNCATE", f"{table}_no_truncate", each="STATEMENT")
