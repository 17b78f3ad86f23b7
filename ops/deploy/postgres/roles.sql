-- Run once by the image, as the superuser, when the data folder is made.
-- The application owns its database and nothing else; the exporter may look at statistics.
\set ON_ERROR_STOP on
\set application_password `cat /run/secrets/postgres_application_password`
\set exporter_password `cat /run/secrets/postgres_exporter_password`

CREATE ROLE switchyard LOGIN PASSWORD :'application_password';
CREATE DATABASE switchyard OWNER switchyard;
REVOKE ALL ON DATABASE switchyard FROM PUBLIC;

CREATE ROLE exporter LOGIN PASSWORD :'exporter_password' CONNECTION LIMIT 5;
GRANT pg_monitor TO exporter;
GRANT CONNECT ON DATABASE switchyard TO exporter;
