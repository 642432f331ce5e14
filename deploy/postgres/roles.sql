-- The three roles of the service. Run by a superuser; running it again changes nothing.
-- No role is a member of another: what each may do is granted by the migrations, table by table.
--
-- In production, an operator:
--   1. runs this file once:  psql -v ON_ERROR_STOP=1 -d postgres -f roles.sql
--   2. gives each role a password of its own:  \password custody_owner   (and so on)
--   3. makes the database:  CREATE DATABASE custody OWNER custody_owner ENCODING 'UTF8' TEMPLATE template0;
--   4. lets them in by pg_hba.conf, over TLS only, from the service's addresses only:
--        hostssl  custody  custody_owner,custody_app,custody_sequencer  10.0.0.0/24  scram-sha-256
--   5. puts custody_owner's address only where migrations run, never in web or workers.
-- CREATEDB and CREATEROLE are for tests and for the embedded server; production may take them away:
--   ALTER ROLE custody_owner NOCREATEDB NOCREATEROLE;

DO $$
BEGIN
    -- Owns the database and its tables: migrates.
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'custody_owner') THEN
        CREATE ROLE custody_owner LOGIN CREATEDB CREATEROLE;
    END IF;
    -- Web and workers: may read and add to the log, never change it; owns nothing.
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'custody_app') THEN
        CREATE ROLE custody_app LOGIN;
    END IF;
    -- The one sequencer and signer of the logs.
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'custody_sequencer') THEN
        CREATE ROLE custody_sequencer LOGIN;
    END IF;
END
$$;
