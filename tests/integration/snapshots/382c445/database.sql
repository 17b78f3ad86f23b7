--
-- PostgreSQL database dump
--

\restrict none

-- Dumped from database version 18.4
-- Dumped by pg_dump version 18.4

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: procrastinate_job_event_type; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.procrastinate_job_event_type AS ENUM (
    'deferred',
    'started',
    'deferred_for_retry',
    'failed',
    'succeeded',
    'cancelled',
    'abort_requested',
    'aborted',
    'scheduled',
    'retried'
);


--
-- Name: procrastinate_job_status; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.procrastinate_job_status AS ENUM (
    'todo',
    'doing',
    'succeeded',
    'failed',
    'cancelled',
    'aborting',
    'aborted'
);


--
-- Name: procrastinate_job_to_defer_v1; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.procrastinate_job_to_defer_v1 AS (
	queue_name character varying,
	task_name character varying,
	priority integer,
	lock text,
	queueing_lock text,
	args jsonb,
	scheduled_at timestamp with time zone
);


--
-- Name: procrastinate_cancel_job_v1(bigint, boolean, boolean); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_cancel_job_v1(job_id bigint, abort boolean, delete_job boolean) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
DECLARE
    _job_id bigint;
BEGIN
    IF delete_job THEN
        DELETE FROM procrastinate_jobs
        WHERE id = job_id AND status = 'todo'
        RETURNING id INTO _job_id;
    END IF;
    IF _job_id IS NULL THEN
        IF abort THEN
            UPDATE procrastinate_jobs
            SET abort_requested = true,
                status = CASE status
                    WHEN 'todo' THEN 'cancelled'::procrastinate_job_status ELSE status
                END
            WHERE id = job_id AND status IN ('todo', 'doing')
            RETURNING id INTO _job_id;
        ELSE
            UPDATE procrastinate_jobs
            SET status = 'cancelled'::procrastinate_job_status
            WHERE id = job_id AND status = 'todo'
            RETURNING id INTO _job_id;
        END IF;
    END IF;
    RETURN _job_id;
END;
$$;


--
-- Name: procrastinate_defer_jobs_v1(public.procrastinate_job_to_defer_v1[]); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_defer_jobs_v1(jobs public.procrastinate_job_to_defer_v1[]) RETURNS bigint[]
    LANGUAGE plpgsql
    AS $$
DECLARE
    job_ids bigint[];
BEGIN
    WITH inserted_jobs AS (
        INSERT INTO procrastinate_jobs (queue_name, task_name, priority, lock, queueing_lock, args, scheduled_at)
        SELECT (job).queue_name,
               (job).task_name,
               (job).priority,
               (job).lock,
               (job).queueing_lock,
               (job).args,
               (job).scheduled_at
        FROM unnest(jobs) AS job
        RETURNING id
    )
    SELECT array_agg(id) FROM inserted_jobs INTO job_ids;

    RETURN job_ids;
END;
$$;


--
-- Name: procrastinate_defer_periodic_job_v2(character varying, character varying, character varying, character varying, integer, character varying, bigint, jsonb); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_defer_periodic_job_v2(_queue_name character varying, _lock character varying, _queueing_lock character varying, _task_name character varying, _priority integer, _periodic_id character varying, _defer_timestamp bigint, _args jsonb) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
DECLARE
	_job_id bigint;
	_defer_id bigint;
BEGIN
    INSERT
        INTO procrastinate_periodic_defers (task_name, periodic_id, defer_timestamp)
        VALUES (_task_name, _periodic_id, _defer_timestamp)
        ON CONFLICT DO NOTHING
        RETURNING id into _defer_id;

    IF _defer_id IS NULL THEN
        RETURN NULL;
    END IF;

    UPDATE procrastinate_periodic_defers
        SET job_id = (
            SELECT COALESCE((
                SELECT unnest(procrastinate_defer_jobs_v1(
                    ARRAY[
                        ROW(
                            _queue_name,
                            _task_name,
                            _priority,
                            _lock,
                            _queueing_lock,
                            _args,
                            NULL::timestamptz
                        )
                    ]::procrastinate_job_to_defer_v1[]
                ))
            ), NULL)
        )
        WHERE id = _defer_id
        RETURNING job_id INTO _job_id;

    DELETE
        FROM procrastinate_periodic_defers
        USING (
            SELECT id
            FROM procrastinate_periodic_defers
            WHERE procrastinate_periodic_defers.task_name = _task_name
            AND procrastinate_periodic_defers.periodic_id = _periodic_id
            AND procrastinate_periodic_defers.defer_timestamp < _defer_timestamp
            ORDER BY id
            FOR UPDATE
        ) to_delete
        WHERE procrastinate_periodic_defers.id = to_delete.id;

    RETURN _job_id;
END;
$$;


SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: procrastinate_jobs; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.procrastinate_jobs (
    id bigint NOT NULL,
    queue_name character varying(128) NOT NULL,
    task_name character varying(128) NOT NULL,
    priority integer DEFAULT 0 NOT NULL,
    lock text,
    queueing_lock text,
    args jsonb DEFAULT '{}'::jsonb NOT NULL,
    status public.procrastinate_job_status DEFAULT 'todo'::public.procrastinate_job_status NOT NULL,
    scheduled_at timestamp with time zone,
    attempts integer DEFAULT 0 NOT NULL,
    abort_requested boolean DEFAULT false NOT NULL,
    worker_id bigint,
    CONSTRAINT check_not_todo_abort_requested CHECK ((NOT ((status = 'todo'::public.procrastinate_job_status) AND (abort_requested = true))))
);


--
-- Name: procrastinate_fetch_job_v2(character varying[], bigint); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_fetch_job_v2(target_queue_names character varying[], p_worker_id bigint) RETURNS public.procrastinate_jobs
    LANGUAGE plpgsql
    AS $$
DECLARE
	found_jobs procrastinate_jobs;
BEGIN
    WITH candidate AS (
        SELECT jobs.*
            FROM procrastinate_jobs AS jobs
            WHERE
                -- reject the job if its lock has earlier or higher priority jobs
                NOT EXISTS (
                    SELECT 1
                        FROM procrastinate_jobs AS other_jobs
                        WHERE
                            jobs.lock IS NOT NULL
                            AND other_jobs.lock = jobs.lock
                            AND (
                                -- job with same lock is already running
                                other_jobs.status = 'doing'
                                OR
                                -- job with same lock is waiting and has higher priority (or same priority but was queued first)
                                (
                                    other_jobs.status = 'todo'
                                    AND (
                                        other_jobs.priority > jobs.priority
                                        OR (
                                        other_jobs.priority = jobs.priority
                                        AND other_jobs.id < jobs.id
                                        )
                                    )
                                )
                            )
                )
                AND jobs.status = 'todo'
                AND (target_queue_names IS NULL OR jobs.queue_name = ANY( target_queue_names ))
                AND (jobs.scheduled_at IS NULL OR jobs.scheduled_at <= now())
            ORDER BY jobs.priority DESC, jobs.id ASC LIMIT 1
            FOR UPDATE OF jobs SKIP LOCKED
    )
    UPDATE procrastinate_jobs
        SET status = 'doing', worker_id = p_worker_id
        FROM candidate
        WHERE procrastinate_jobs.id = candidate.id
        RETURNING procrastinate_jobs.* INTO found_jobs;

 RETURN found_jobs;
END;
$$;


--
-- Name: procrastinate_finish_job_v1(bigint, public.procrastinate_job_status, boolean); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_finish_job_v1(job_id bigint, end_status public.procrastinate_job_status, delete_job boolean) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    _job_id bigint;
BEGIN
    IF end_status NOT IN ('succeeded', 'failed', 'aborted') THEN
        RAISE 'End status should be either "succeeded", "failed" or "aborted" (job id: %)', job_id;
    END IF;
    IF delete_job THEN
        DELETE FROM procrastinate_jobs
        WHERE id = job_id AND status IN ('todo', 'doing')
        RETURNING id INTO _job_id;
    ELSE
        UPDATE procrastinate_jobs
        SET status = end_status,
            abort_requested = false,
            attempts = CASE status
                WHEN 'doing' THEN attempts + 1 ELSE attempts
            END
        WHERE id = job_id AND status IN ('todo', 'doing')
        RETURNING id INTO _job_id;
    END IF;
    IF _job_id IS NULL THEN
        RAISE 'Job was not found or not in "doing" or "todo" status (job id: %)', job_id;
    END IF;
END;
$$;


--
-- Name: procrastinate_notify_queue_abort_job_v1(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_notify_queue_abort_job_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    payload TEXT;
BEGIN
    SELECT json_build_object('type', 'abort_job_requested', 'job_id', NEW.id)::text INTO payload;
	PERFORM pg_notify('procrastinate_queue_v1#' || NEW.queue_name, payload);
	PERFORM pg_notify('procrastinate_any_queue_v1', payload);
	RETURN NEW;
END;
$$;


--
-- Name: procrastinate_notify_queue_job_inserted_v1(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_notify_queue_job_inserted_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    payload TEXT;
BEGIN
    SELECT json_build_object('type', 'job_inserted', 'job_id', NEW.id)::text INTO payload;
	PERFORM pg_notify('procrastinate_queue_v1#' || NEW.queue_name, payload);
	PERFORM pg_notify('procrastinate_any_queue_v1', payload);
	RETURN NEW;
END;
$$;


--
-- Name: procrastinate_prune_stalled_workers_v1(double precision); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_prune_stalled_workers_v1(seconds_since_heartbeat double precision) RETURNS TABLE(worker_id bigint)
    LANGUAGE plpgsql
    AS $$
BEGIN
    RETURN QUERY
    DELETE FROM procrastinate_workers
    WHERE last_heartbeat < NOW() - (seconds_since_heartbeat || 'SECOND')::INTERVAL
    RETURNING procrastinate_workers.id;
END;
$$;


--
-- Name: procrastinate_register_worker_v1(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_register_worker_v1() RETURNS TABLE(worker_id bigint)
    LANGUAGE plpgsql
    AS $$
BEGIN
    RETURN QUERY
    INSERT INTO procrastinate_workers DEFAULT VALUES
    RETURNING procrastinate_workers.id;
END;
$$;


--
-- Name: procrastinate_retry_job_v1(bigint, timestamp with time zone, integer, character varying, character varying); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_retry_job_v1(job_id bigint, retry_at timestamp with time zone, new_priority integer, new_queue_name character varying, new_lock character varying) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    _job_id bigint;
    _abort_requested boolean;
BEGIN
    SELECT abort_requested FROM procrastinate_jobs
    WHERE id = job_id AND status = 'doing'
    FOR UPDATE
    INTO _abort_requested;
    IF _abort_requested THEN
        UPDATE procrastinate_jobs
        SET status = 'failed'::procrastinate_job_status
        WHERE id = job_id AND status = 'doing'
        RETURNING id INTO _job_id;
    ELSE
        UPDATE procrastinate_jobs
        SET status = 'todo'::procrastinate_job_status,
            attempts = attempts + 1,
            scheduled_at = retry_at,
            priority = COALESCE(new_priority, priority),
            queue_name = COALESCE(new_queue_name, queue_name),
            lock = COALESCE(new_lock, lock)
        WHERE id = job_id AND status = 'doing'
        RETURNING id INTO _job_id;
    END IF;

    IF _job_id IS NULL THEN
        RAISE 'Job was not found or not in "doing" status (job id: %)', job_id;
    END IF;
END;
$$;


--
-- Name: procrastinate_retry_job_v2(bigint, timestamp with time zone, integer, character varying, character varying); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_retry_job_v2(job_id bigint, retry_at timestamp with time zone, new_priority integer, new_queue_name character varying, new_lock character varying) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    _job_id bigint;
    _abort_requested boolean;
    _current_status procrastinate_job_status;
BEGIN
    SELECT status, abort_requested FROM procrastinate_jobs
    WHERE id = job_id AND status IN ('doing', 'failed')
    FOR UPDATE
    INTO _current_status, _abort_requested;
    IF _current_status = 'doing' AND _abort_requested THEN
        UPDATE procrastinate_jobs
        SET status = 'failed'::procrastinate_job_status
        WHERE id = job_id AND status = 'doing'
        RETURNING id INTO _job_id;
    ELSE
        UPDATE procrastinate_jobs
        SET status = 'todo'::procrastinate_job_status,
            attempts = attempts + 1,
            scheduled_at = retry_at,
            priority = COALESCE(new_priority, priority),
            queue_name = COALESCE(new_queue_name, queue_name),
            lock = COALESCE(new_lock, lock)
        WHERE id = job_id AND status IN ('doing', 'failed')
        RETURNING id INTO _job_id;
    END IF;

    IF _job_id IS NULL THEN
        RAISE 'Job was not found or has an invalid status to retry (job id: %)', job_id;
    END IF;

END;
$$;


--
-- Name: procrastinate_trigger_abort_requested_events_procedure_v1(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_trigger_abort_requested_events_procedure_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO procrastinate_events(job_id, type)
        VALUES (NEW.id, 'abort_requested'::procrastinate_job_event_type);
    RETURN NEW;
END;
$$;


--
-- Name: procrastinate_trigger_function_scheduled_events_v1(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_trigger_function_scheduled_events_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO procrastinate_events(job_id, type, at)
        VALUES (NEW.id, 'scheduled'::procrastinate_job_event_type, NEW.scheduled_at);

	RETURN NEW;
END;
$$;


--
-- Name: procrastinate_trigger_function_status_events_insert_v1(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_trigger_function_status_events_insert_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO procrastinate_events(job_id, type)
        VALUES (NEW.id, 'deferred'::procrastinate_job_event_type);
	RETURN NEW;
END;
$$;


--
-- Name: procrastinate_trigger_function_status_events_update_v1(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_trigger_function_status_events_update_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    WITH t AS (
        SELECT CASE
            WHEN OLD.status = 'todo'::procrastinate_job_status
                AND NEW.status = 'doing'::procrastinate_job_status
                THEN 'started'::procrastinate_job_event_type
            WHEN OLD.status = 'doing'::procrastinate_job_status
                AND NEW.status = 'todo'::procrastinate_job_status
                THEN 'deferred_for_retry'::procrastinate_job_event_type
            WHEN OLD.status = 'doing'::procrastinate_job_status
                AND NEW.status = 'failed'::procrastinate_job_status
                THEN 'failed'::procrastinate_job_event_type
            WHEN OLD.status = 'doing'::procrastinate_job_status
                AND NEW.status = 'succeeded'::procrastinate_job_status
                THEN 'succeeded'::procrastinate_job_event_type
            WHEN OLD.status = 'todo'::procrastinate_job_status
                AND (
                    NEW.status = 'cancelled'::procrastinate_job_status
                    OR NEW.status = 'failed'::procrastinate_job_status
                    OR NEW.status = 'succeeded'::procrastinate_job_status
                )
                THEN 'cancelled'::procrastinate_job_event_type
            WHEN OLD.status = 'doing'::procrastinate_job_status
                AND NEW.status = 'aborted'::procrastinate_job_status
                THEN 'aborted'::procrastinate_job_event_type
            WHEN OLD.status = 'failed'::procrastinate_job_status
                AND NEW.status = 'todo'::procrastinate_job_status
                THEN 'retried'::procrastinate_job_event_type
            ELSE NULL
        END as event_type
    )
    INSERT INTO procrastinate_events(job_id, type)
        SELECT NEW.id, t.event_type
        FROM t
        WHERE t.event_type IS NOT NULL;
	RETURN NEW;
END;
$$;


--
-- Name: procrastinate_unlink_periodic_defers_v1(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_unlink_periodic_defers_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE procrastinate_periodic_defers
    SET job_id = NULL
    WHERE job_id = OLD.id;
    RETURN OLD;
END;
$$;


--
-- Name: procrastinate_unregister_worker_v1(bigint); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_unregister_worker_v1(worker_id bigint) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    DELETE FROM procrastinate_workers
    WHERE id = worker_id;
END;
$$;


--
-- Name: procrastinate_update_heartbeat_v1(bigint); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_update_heartbeat_v1(worker_id bigint) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE procrastinate_workers
    SET last_heartbeat = NOW()
    WHERE id = worker_id;
END;
$$;


--
-- Name: alembic_version; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);


--
-- Name: api_keys; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.api_keys (
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    name text NOT NULL,
    prefix text NOT NULL,
    secret_sha256 bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    last_used_at timestamp with time zone,
    revoked_at timestamp with time zone
);


--
-- Name: checkpoint_blobs; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.checkpoint_blobs (
    thread_id text NOT NULL,
    checkpoint_ns text DEFAULT ''::text NOT NULL,
    channel text NOT NULL,
    version text NOT NULL,
    type text NOT NULL,
    blob bytea
);


--
-- Name: checkpoint_migrations; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.checkpoint_migrations (
    v integer NOT NULL
);


--
-- Name: checkpoint_writes; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.checkpoint_writes (
    thread_id text NOT NULL,
    checkpoint_ns text DEFAULT ''::text NOT NULL,
    checkpoint_id text NOT NULL,
    task_id text NOT NULL,
    idx integer NOT NULL,
    channel text NOT NULL,
    type text,
    blob bytea NOT NULL,
    task_path text DEFAULT ''::text NOT NULL
);


--
-- Name: checkpoints; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.checkpoints (
    thread_id text NOT NULL,
    checkpoint_ns text DEFAULT ''::text NOT NULL,
    checkpoint_id text NOT NULL,
    parent_checkpoint_id text,
    type text,
    checkpoint jsonb NOT NULL,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL
);


--
-- Name: chunks; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.chunks (
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    document_id uuid NOT NULL,
    ordinal integer NOT NULL,
    heading text NOT NULL,
    text text NOT NULL,
    start_offset integer NOT NULL,
    end_offset integer NOT NULL
);


--
-- Name: documents; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.documents (
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    name text NOT NULL,
    media_type text NOT NULL,
    size_bytes bigint NOT NULL,
    sha256 bytea NOT NULL,
    version integer NOT NULL,
    state text NOT NULL,
    embed_model text,
    error_code text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT documents_state_check CHECK ((state = ANY (ARRAY['received'::text, 'parsed'::text, 'chunked'::text, 'indexed'::text, 'ready'::text, 'failed'::text, 'superseded'::text, 'deleted'::text])))
);


--
-- Name: effects; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.effects (
    run_id uuid NOT NULL,
    step_key text NOT NULL,
    tenant_id uuid NOT NULL,
    input_sha256 bytea NOT NULL,
    result bytea NOT NULL,
    gpu_us bigint DEFAULT 0 NOT NULL,
    cost_usd_micro bigint DEFAULT 0 NOT NULL,
    fence bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);


--
-- Name: jobs; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.jobs (
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    kind text NOT NULL,
    document_id uuid,
    state text NOT NULL,
    step text NOT NULL,
    progress real DEFAULT 0 NOT NULL,
    attempt integer DEFAULT 0 NOT NULL,
    error_code text,
    error_detail text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    finished_at timestamp with time zone,
    CONSTRAINT jobs_state_check CHECK ((state = ANY (ARRAY['accepted'::text, 'running'::text, 'done'::text, 'failed'::text])))
);


--
-- Name: messages; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.messages (
    id bigint NOT NULL,
    tenant_id uuid NOT NULL,
    session_id uuid NOT NULL,
    run_id uuid NOT NULL,
    role text NOT NULL,
    content text NOT NULL,
    agent text,
    citations jsonb DEFAULT '[]'::jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT messages_role_check CHECK ((role = ANY (ARRAY['user'::text, 'assistant'::text])))
);


--
-- Name: messages_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.messages ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.messages_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: nodes; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.nodes (
    name text NOT NULL,
    url text NOT NULL,
    slots integer NOT NULL,
    gpus integer NOT NULL,
    price_usd_micro_per_hour bigint NOT NULL,
    models jsonb NOT NULL,
    state text DEFAULT 'ready'::text NOT NULL,
    drained boolean DEFAULT false NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT nodes_gpus_check CHECK ((gpus > 0)),
    CONSTRAINT nodes_price_usd_micro_per_hour_check CHECK ((price_usd_micro_per_hour >= 0)),
    CONSTRAINT nodes_slots_check CHECK ((slots > 0))
);


--
-- Name: procrastinate_events; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.procrastinate_events (
    id bigint NOT NULL,
    job_id bigint NOT NULL,
    type public.procrastinate_job_event_type,
    at timestamp with time zone DEFAULT now()
);


--
-- Name: procrastinate_events_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.procrastinate_events_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: procrastinate_events_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.procrastinate_events_id_seq OWNED BY public.procrastinate_events.id;


--
-- Name: procrastinate_jobs_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.procrastinate_jobs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: procrastinate_jobs_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.procrastinate_jobs_id_seq OWNED BY public.procrastinate_jobs.id;


--
-- Name: procrastinate_periodic_defers; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.procrastinate_periodic_defers (
    id bigint NOT NULL,
    task_name character varying(128) NOT NULL,
    defer_timestamp bigint,
    job_id bigint,
    periodic_id character varying(128) DEFAULT ''::character varying NOT NULL
);


--
-- Name: procrastinate_periodic_defers_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.procrastinate_periodic_defers_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: procrastinate_periodic_defers_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.procrastinate_periodic_defers_id_seq OWNED BY public.procrastinate_periodic_defers.id;


--
-- Name: procrastinate_workers; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.procrastinate_workers (
    id bigint NOT NULL,
    last_heartbeat timestamp with time zone DEFAULT now() NOT NULL
);


--
-- Name: procrastinate_workers_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.procrastinate_workers ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.procrastinate_workers_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: routes; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.routes (
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    run_id uuid,
    tier text NOT NULL,
    tier_reason text NOT NULL,
    need real NOT NULL,
    reason text NOT NULL,
    model text NOT NULL,
    digest text NOT NULL,
    node text NOT NULL,
    candidates jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);


--
-- Name: runs; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.runs (
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    key_id uuid,
    session_id uuid NOT NULL,
    team text NOT NULL,
    question text NOT NULL,
    context jsonb DEFAULT '{}'::jsonb NOT NULL,
    options jsonb DEFAULT '{}'::jsonb NOT NULL,
    state text NOT NULL,
    on_disconnect text NOT NULL,
    idempotency_key text,
    idempotency_sha256 bytea,
    lease_owner text,
    lease_until timestamp with time zone,
    fence bigint DEFAULT 0 NOT NULL,
    attempt integer DEFAULT 0 NOT NULL,
    cancel_asked boolean DEFAULT false NOT NULL,
    answer text,
    result jsonb,
    error_code text,
    error_detail text,
    degraded text[] DEFAULT '{}'::text[] NOT NULL,
    request_id text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    CONSTRAINT runs_on_disconnect_check CHECK ((on_disconnect = ANY (ARRAY['cancel'::text, 'continue'::text]))),
    CONSTRAINT runs_state_check CHECK ((state = ANY (ARRAY['accepted'::text, 'running'::text, 'waiting'::text, 'done'::text, 'refused'::text, 'failed'::text, 'cancelled'::text, 'dead'::text])))
);


--
-- Name: sessions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.sessions (
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    last_activity_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    state jsonb DEFAULT '{}'::jsonb NOT NULL,
    tier text,
    node text,
    model text
);


--
-- Name: tenants; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.tenants (
    id uuid NOT NULL,
    name text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);


--
-- Name: usage; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.usage (
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    key_id uuid,
    run_id uuid,
    route_id uuid,
    kind text NOT NULL,
    agent text NOT NULL,
    tier text,
    node text NOT NULL,
    model text NOT NULL,
    digest text NOT NULL,
    input_tokens integer NOT NULL,
    output_tokens integer NOT NULL,
    wait_us bigint NOT NULL,
    load_us bigint NOT NULL,
    prefill_us bigint NOT NULL,
    decode_us bigint NOT NULL,
    first_token_us bigint,
    gpu_us bigint NOT NULL,
    cost_usd_micro bigint NOT NULL,
    outcome text NOT NULL,
    started_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone NOT NULL,
    CONSTRAINT usage_kind_check CHECK ((kind = ANY (ARRAY['chat'::text, 'embed'::text])))
);


--
-- Name: procrastinate_events id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.procrastinate_events ALTER COLUMN id SET DEFAULT nextval('public.procrastinate_events_id_seq'::regclass);


--
-- Name: procrastinate_jobs id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.procrastinate_jobs ALTER COLUMN id SET DEFAULT nextval('public.procrastinate_jobs_id_seq'::regclass);


--
-- Name: procrastinate_periodic_defers id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.procrastinate_periodic_defers ALTER COLUMN id SET DEFAULT nextval('public.procrastinate_periodic_defers_id_seq'::regclass);


--
-- Data for Name: alembic_version; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.alembic_version (version_num) FROM stdin;
0001_pre_kernel
\.


--
-- Data for Name: api_keys; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.api_keys (id, tenant_id, name, prefix, secret_sha256, created_at, last_used_at, revoked_at) FROM stdin;
a6e5903a-7d18-4768-a9a3-f0bd8e843f81	4f8cce67-62fb-48ef-9b67-31d704fd094e	cli	wwxtzqrsadv2	\\xc4e50934a3b13ec637a8bd36cab6f0f3f861aaa2ab16e09afc6571e24b6082db	2026-11-29 07:45:25.262927+00	2026-11-29 07:45:39.329374+00	\N
\.


--
-- Data for Name: checkpoint_blobs; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.checkpoint_blobs (thread_id, checkpoint_ns, channel, version, type, blob) FROM stdin;
\.


--
-- Data for Name: checkpoint_migrations; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.checkpoint_migrations (v) FROM stdin;
0
1
2
3
4
5
6
7
8
9
\.


--
-- Data for Name: checkpoint_writes; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.checkpoint_writes (thread_id, checkpoint_ns, checkpoint_id, task_id, idx, channel, type, blob, task_path) FROM stdin;
\.


--
-- Data for Name: checkpoints; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.checkpoints (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint, metadata) FROM stdin;
4f8cce67-62fb-48ef-9b67-31d704fd094e:5bc89a3e-1935-4b3f-ade8-9787e6c4c50c		1f1ebc8d-f7ba-666b-8001-27321effecce	\N	\N	{"v": 4, "id": "1f1ebc8d-f7ba-666b-8001-27321effecce", "ts": "2026-11-29T07:45:40.060626+00:00", "versions_seen": {"respond": {"branch:to:respond": "00000000000000000000000000000002.0.8141280572435448"}, "__input__": {}, "__start__": {"__start__": "00000000000000000000000000000001.0.10696969308365245"}}, "channel_values": {"answer": "harbor0 grove1 orchard2 delta3 grove4 cedar5 amber6 lantern7 nectar8 ember9 nectar10 ember11 ", "question": "When may I return a lamp?"}, "channel_versions": {"answer": "00000000000000000000000000000003.0.2804497222725696", "question": "00000000000000000000000000000002.0.8141280572435448", "__start__": "00000000000000000000000000000002.0.8141280572435448", "branch:to:respond": "00000000000000000000000000000003.0.2804497222725696"}, "updated_channels": ["answer"]}	{"step": 1, "source": "loop", "parents": {}}
4f8cce67-62fb-48ef-9b67-31d704fd094e:5bc89a3e-1935-4b3f-ade8-9787e6c4c50c		1f1ebc8d-fbd5-6328-8004-ee90d0aa4ee3	1f1ebc8d-f7ba-666b-8001-27321effecce	\N	{"v": 4, "id": "1f1ebc8d-fbd5-6328-8004-ee90d0aa4ee3", "ts": "2026-11-29T07:45:40.491053+00:00", "versions_seen": {"respond": {"branch:to:respond": "00000000000000000000000000000005.0.9508242315105109"}, "__input__": {}, "__start__": {"__start__": "00000000000000000000000000000004.0.1795689093939904"}}, "channel_values": {"answer": "meadow0 lantern1 kettle2 island3 grove4 amber5 amber6 amber7 harbor8 orchard9 lantern10 kettle11 ", "question": "When do parcels leave?"}, "channel_versions": {"answer": "00000000000000000000000000000006.0.8751249306491011", "question": "00000000000000000000000000000005.0.9508242315105109", "__start__": "00000000000000000000000000000005.0.9508242315105109", "branch:to:respond": "00000000000000000000000000000006.0.8751249306491011"}, "updated_channels": ["answer"]}	{"step": 4, "source": "loop", "parents": {}}
4f8cce67-62fb-48ef-9b67-31d704fd094e:ee946de7-dcb3-4ab5-952b-6ba211ad9ba7		1f1ebc8e-0c35-64ed-8001-08cf0fd95da2	\N	\N	{"v": 4, "id": "1f1ebc8e-0c35-64ed-8001-08cf0fd95da2", "ts": "2026-11-29T07:45:42.208121+00:00", "versions_seen": {"respond": {"branch:to:respond": "00000000000000000000000000000002.0.6590011882242252"}, "__input__": {}, "__start__": {"__start__": "00000000000000000000000000000001.0.640852997095011"}}, "channel_values": {"answer": "fjord0 orchard1 kettle2 ember3 harbor4 cedar5 harbor6 lantern7 nectar8 delta9 amber10 cedar11 ", "question": "When may I return a lamp?"}, "channel_versions": {"answer": "00000000000000000000000000000003.0.8694874563831955", "question": "00000000000000000000000000000002.0.6590011882242252", "__start__": "00000000000000000000000000000002.0.6590011882242252", "branch:to:respond": "00000000000000000000000000000003.0.8694874563831955"}, "updated_channels": ["answer"]}	{"step": 1, "source": "loop", "parents": {}}
4f8cce67-62fb-48ef-9b67-31d704fd094e:298cfb91-a6b9-459f-a3a8-9f32e8be2119		1f1ebc8e-1012-6d91-8001-3bbd55daec45	\N	\N	{"v": 4, "id": "1f1ebc8e-1012-6d91-8001-3bbd55daec45", "ts": "2026-11-29T07:45:42.613437+00:00", "versions_seen": {"respond": {"branch:to:respond": "00000000000000000000000000000002.0.48855261915547343"}, "__input__": {}, "__start__": {"__start__": "00000000000000000000000000000001.0.6864604695619807"}}, "channel_values": {"answer": "harbor0 grove1 orchard2 delta3 grove4 cedar5 amber6 lantern7 nectar8 ember9 nectar10 ember11 ", "question": "When may I return a lamp?"}, "channel_versions": {"answer": "00000000000000000000000000000003.0.6734068390823411", "question": "00000000000000000000000000000002.0.48855261915547343", "__start__": "00000000000000000000000000000002.0.48855261915547343", "branch:to:respond": "00000000000000000000000000000003.0.6734068390823411"}, "updated_channels": ["answer"]}	{"step": 1, "source": "loop", "parents": {}}
\.


--
-- Data for Name: chunks; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.chunks (id, tenant_id, document_id, ordinal, heading, text, start_offset, end_offset) FROM stdin;
8328421e-cd69-5271-a7c6-8ad61c74039b	4f8cce67-62fb-48ef-9b67-31d704fd094e	76cf7db1-e3ac-4489-b915-720539857b2f	0	Returns	# Returns\n\nA lamp may be returned within thirty days in its box. The money comes back within a week.	0	100
451c2b8a-1714-53d0-9401-8def0400c9b8	4f8cce67-62fb-48ef-9b67-31d704fd094e	76cf7db1-e3ac-4489-b915-720539857b2f	1	Delivery	# Delivery\n\nParcels leave on Tuesday and arrive on Thursday.	102	162
c2776b8b-c1f7-5a6b-8d97-05d0cdb54917	4f8cce67-62fb-48ef-9b67-31d704fd094e	dcec8ef2-2e66-41cf-aedc-8084576b853d	0	Warranty	# Warranty\n\nThe warranty of a kettle is three years from the day of purchase.	0	77
\.


--
-- Data for Name: documents; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.documents (id, tenant_id, name, media_type, size_bytes, sha256, version, state, embed_model, error_code, created_at, updated_at) FROM stdin;
76cf7db1-e3ac-4489-b915-720539857b2f	4f8cce67-62fb-48ef-9b67-31d704fd094e	guide.md	text/markdown	163	\\x6fbbbf13f53e3d864596c8b939d81e115805f4bcb255dd7e6931b81018f76051	1	ready	all-minilm:22m	\N	2026-11-29 07:45:39.335487+00	2026-11-29 07:45:39.569226+00
dcec8ef2-2e66-41cf-aedc-8084576b853d	4f8cce67-62fb-48ef-9b67-31d704fd094e	waiting.md	text/markdown	78	\\x48bfc814ad672b5a82921a65ea6f70cacdfa3019df88f3bb18af999ca2143dc3	1	chunked	all-minilm:22m	\N	2026-11-29 07:45:40.556108+00	2026-11-29 07:45:40.678181+00
\.


--
-- Data for Name: effects; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.effects (run_id, step_key, tenant_id, input_sha256, result, gpu_us, cost_usd_micro, fence, created_at) FROM stdin;
fffa968a-8078-430b-a841-5ad1c1ddb052	respond/retrieve:0	4f8cce67-62fb-48ef-9b67-31d704fd094e	\\xdb5e19bd32bba8273a41329e4c78e52f67d759325c79758a0fe17b166cddaa1a	\\x82a870617373616765739288a86368756e6b5f6964d92438333238343231652d636436392d353237312d613763362d386164363163373430333962ab646f63756d656e745f6964d92437366366376462312d653361632d343438392d623931352d373230353339383537623266a8646f63756d656e74a867756964652e6d64a768656164696e67a752657475726e73a474657874d964232052657475726e730a0a41206c616d70206d61792062652072657475726e65642077697468696e20746869727479206461797320696e2069747320626f782e20546865206d6f6e657920636f6d6573206261636b2077697468696e2061207765656b2eac73746172745f6f666673657400aa656e645f6f666673657464a573636f7265cb3ff000000000000088a86368756e6b5f6964d92434353163326238612d313731342d353364302d393430312d386465663034303063396238ab646f63756d656e745f6964d92437366366376462312d653361632d343438392d623931352d373230353339383537623266a8646f63756d656e74a867756964652e6d64a768656164696e67a844656c6976657279a474657874d93c232044656c69766572790a0a50617263656c73206c65617665206f6e205475657364617920616e6420617272697665206f6e2054687572736461792eac73746172745f6f666673657466aa656e645f6f6666736574cca2a573636f7265cb3fd5555555555555a86465677261646564c2	1020	0	1	2026-11-29 07:45:39.737028+00
fffa968a-8078-430b-a841-5ad1c1ddb052	respond/answer:0	4f8cce67-62fb-48ef-9b67-31d704fd094e	\\xc2655384ac38dffdd597d45f7f6b0614a9677f1b443d4b3eac6f2f7976f683d9	\\xd95d686172626f72302067726f766531206f726368617264322064656c7461332067726f7665342063656461723520616d62657236206c616e7465726e37206e65637461723820656d62657239206e6563746172313020656d626572313120	308324	31	1	2026-11-29 07:45:40.062217+00
1a5ac8d2-2966-416f-9689-20c8ab372178	respond/retrieve:0	4f8cce67-62fb-48ef-9b67-31d704fd094e	\\x857bb707be424937bd0edb8f65365949e0e8791206d84d8e44d6188b5cf92d9d	\\x82a870617373616765739288a86368756e6b5f6964d92434353163326238612d313731342d353364302d393430312d386465663034303063396238ab646f63756d656e745f6964d92437366366376462312d653361632d343438392d623931352d373230353339383537623266a8646f63756d656e74a867756964652e6d64a768656164696e67a844656c6976657279a474657874d93c232044656c69766572790a0a50617263656c73206c65617665206f6e205475657364617920616e6420617272697665206f6e2054687572736461792eac73746172745f6f666673657466aa656e645f6f6666736574cca2a573636f7265cb3ff000000000000088a86368756e6b5f6964d92438333238343231652d636436392d353237312d613763362d386164363163373430333962ab646f63756d656e745f6964d92437366366376462312d653361632d343438392d623931352d373230353339383537623266a8646f63756d656e74a867756964652e6d64a768656164696e67a752657475726e73a474657874d964232052657475726e730a0a41206c616d70206d61792062652072657475726e65642077697468696e20746869727479206461797320696e2069747320626f782e20546865206d6f6e657920636f6d6573206261636b2077697468696e2061207765656b2eac73746172745f6f666673657400aa656e645f6f666673657464a573636f7265cb3fd5555555555555a86465677261646564c2	1018	0	1	2026-11-29 07:45:40.164107+00
1a5ac8d2-2966-416f-9689-20c8ab372178	respond/answer:0	4f8cce67-62fb-48ef-9b67-31d704fd094e	\\xcdb9ff7a1e60b9f58bc85c3dd107c2ac9436f28a4e63f32d6432052e5fbb6e90	\\xd9616d6561646f7730206c616e7465726e31206b6574746c65322069736c616e64332067726f76653420616d6265723520616d6265723620616d6265723720686172626f7238206f72636861726439206c616e7465726e3130206b6574746c65313120	298705	30	1	2026-11-29 07:45:40.499794+00
ec365862-53d2-4e63-b0c0-b226b2419d96	respond/retrieve:0	4f8cce67-62fb-48ef-9b67-31d704fd094e	\\xdb5e19bd32bba8273a41329e4c78e52f67d759325c79758a0fe17b166cddaa1a	\\x82a8706173736167657390a86465677261646564c3	0	0	1	2026-11-29 07:45:41.875925+00
ec365862-53d2-4e63-b0c0-b226b2419d96	respond/answer:0	4f8cce67-62fb-48ef-9b67-31d704fd094e	\\x9f8f9d0c191ca498ac5debfa6b514843d0561b887f60ca157cdeffd66ee98226	\\xd95e666a6f726430206f72636861726431206b6574746c653220656d6265723320686172626f72342063656461723520686172626f7236206c616e7465726e37206e6563746172382064656c74613920616d6265723130206365646172313120	315856	32	1	2026-11-29 07:45:42.20975+00
441b3ee1-b9d2-47e1-a7a7-cf78617df4d7	respond/retrieve:0	4f8cce67-62fb-48ef-9b67-31d704fd094e	\\xdb5e19bd32bba8273a41329e4c78e52f67d759325c79758a0fe17b166cddaa1a	\\x82a870617373616765739288a86368756e6b5f6964d92438333238343231652d636436392d353237312d613763362d386164363163373430333962ab646f63756d656e745f6964d92437366366376462312d653361632d343438392d623931352d373230353339383537623266a8646f63756d656e74a867756964652e6d64a768656164696e67a752657475726e73a474657874d964232052657475726e730a0a41206c616d70206d61792062652072657475726e65642077697468696e20746869727479206461797320696e2069747320626f782e20546865206d6f6e657920636f6d6573206261636b2077697468696e2061207765656b2eac73746172745f6f666673657400aa656e645f6f666673657464a573636f7265cb3ff000000000000088a86368756e6b5f6964d92434353163326238612d313731342d353364302d393430312d386465663034303063396238ab646f63756d656e745f6964d92437366366376462312d653361632d343438392d623931352d373230353339383537623266a8646f63756d656e74a867756964652e6d64a768656164696e67a844656c6976657279a474657874d93c232044656c69766572790a0a50617263656c73206c65617665206f6e205475657364617920616e6420617272697665206f6e2054687572736461792eac73746172745f6f666673657466aa656e645f6f6666736574cca2a573636f7265cb3fd5555555555555a86465677261646564c2	1038	0	1	2026-11-29 07:45:42.29322+00
441b3ee1-b9d2-47e1-a7a7-cf78617df4d7	respond/answer:0	4f8cce67-62fb-48ef-9b67-31d704fd094e	\\xc2655384ac38dffdd597d45f7f6b0614a9677f1b443d4b3eac6f2f7976f683d9	\\xd95d686172626f72302067726f766531206f726368617264322064656c7461332067726f7665342063656461723520616d62657236206c616e7465726e37206e65637461723820656d62657239206e6563746172313020656d626572313120	313149	31	1	2026-11-29 07:45:42.61794+00
f47b3869-0c18-479d-a6e6-463a36b52ec7	respond/retrieve:0	4f8cce67-62fb-48ef-9b67-31d704fd094e	\\xf65b0514ed9a97bd0ff861a84fc1570751de384acbbb9e9199ecf612b0750467	\\x82a870617373616765739288a86368756e6b5f6964d92438333238343231652d636436392d353237312d613763362d386164363163373430333962ab646f63756d656e745f6964d92437366366376462312d653361632d343438392d623931352d373230353339383537623266a8646f63756d656e74a867756964652e6d64a768656164696e67a752657475726e73a474657874d964232052657475726e730a0a41206c616d70206d61792062652072657475726e65642077697468696e20746869727479206461797320696e2069747320626f782e20546865206d6f6e657920636f6d6573206261636b2077697468696e2061207765656b2eac73746172745f6f666673657400aa656e645f6f666673657464a573636f7265cb3ff000000000000088a86368756e6b5f6964d92434353163326238612d313731342d353364302d393430312d386465663034303063396238ab646f63756d656e745f6964d92437366366376462312d653361632d343438392d623931352d373230353339383537623266a8646f63756d656e74a867756964652e6d64a768656164696e67a844656c6976657279a474657874d93c232044656c69766572790a0a50617263656c73206c65617665206f6e205475657364617920616e6420617272697665206f6e2054687572736461792eac73746172745f6f666673657466aa656e645f6f6666736574cca2a573636f7265cb3fd5555555555555a86465677261646564c2	1023	0	1	2026-11-29 07:45:42.692008+00
\.


--
-- Data for Name: jobs; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.jobs (id, tenant_id, kind, document_id, state, step, progress, attempt, error_code, error_detail, created_at, updated_at, finished_at) FROM stdin;
b7aa4cce-ca1d-464f-839d-c1eadd5e3a4e	4f8cce67-62fb-48ef-9b67-31d704fd094e	ingest	76cf7db1-e3ac-4489-b915-720539857b2f	done	ready	1	1	\N	\N	2026-11-29 07:45:39.335487+00	2026-11-29 07:45:39.569226+00	2026-11-29 07:45:39.569226+00
cb7d0cc6-b332-4065-a63b-df2b6fb4b149	4f8cce67-62fb-48ef-9b67-31d704fd094e	ingest	dcec8ef2-2e66-41cf-aedc-8084576b853d	accepted	chunked	0.1	1	no_node_available	no node can serve all-minilm:22m now	2026-11-29 07:45:40.556108+00	2026-11-29 07:45:40.711775+00	\N
\.


--
-- Data for Name: messages; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.messages (id, tenant_id, session_id, run_id, role, content, agent, citations, created_at) FROM stdin;
1	4f8cce67-62fb-48ef-9b67-31d704fd094e	5bc89a3e-1935-4b3f-ade8-9787e6c4c50c	fffa968a-8078-430b-a841-5ad1c1ddb052	user	When may I return a lamp?	\N	[]	2026-11-29 07:45:39.712361+00
2	4f8cce67-62fb-48ef-9b67-31d704fd094e	5bc89a3e-1935-4b3f-ade8-9787e6c4c50c	fffa968a-8078-430b-a841-5ad1c1ddb052	assistant	harbor0 grove1 orchard2 delta3 grove4 cedar5 amber6 lantern7 nectar8 ember9 nectar10 ember11 	assistant	[{"quote": "A lamp may be returned within thirty days in its box.", "score": 1.0, "heading": "Returns", "document": "guide.md", "end_offset": 100, "document_id": "76cf7db1-e3ac-4489-b915-720539857b2f", "start_offset": 0}, {"quote": "Parcels leave on Tuesday and arrive on Thursday.", "score": 0.3333, "heading": "Delivery", "document": "guide.md", "end_offset": 162, "document_id": "76cf7db1-e3ac-4489-b915-720539857b2f", "start_offset": 102}]	2026-11-29 07:45:40.062217+00
3	4f8cce67-62fb-48ef-9b67-31d704fd094e	5bc89a3e-1935-4b3f-ade8-9787e6c4c50c	1a5ac8d2-2966-416f-9689-20c8ab372178	user	When do parcels leave?	\N	[]	2026-11-29 07:45:40.1242+00
4	4f8cce67-62fb-48ef-9b67-31d704fd094e	5bc89a3e-1935-4b3f-ade8-9787e6c4c50c	1a5ac8d2-2966-416f-9689-20c8ab372178	assistant	meadow0 lantern1 kettle2 island3 grove4 amber5 amber6 amber7 harbor8 orchard9 lantern10 kettle11 	assistant	[{"quote": "Parcels leave on Tuesday and arrive on Thursday.", "score": 1.0, "heading": "Delivery", "document": "guide.md", "end_offset": 162, "document_id": "76cf7db1-e3ac-4489-b915-720539857b2f", "start_offset": 102}, {"quote": "A lamp may be returned within thirty days in its box.", "score": 0.3333, "heading": "Returns", "document": "guide.md", "end_offset": 100, "document_id": "76cf7db1-e3ac-4489-b915-720539857b2f", "start_offset": 0}]	2026-11-29 07:45:40.499794+00
5	4f8cce67-62fb-48ef-9b67-31d704fd094e	ee946de7-dcb3-4ab5-952b-6ba211ad9ba7	ec365862-53d2-4e63-b0c0-b226b2419d96	user	When may I return a lamp?	\N	[]	2026-11-29 07:45:41.864361+00
6	4f8cce67-62fb-48ef-9b67-31d704fd094e	ee946de7-dcb3-4ab5-952b-6ba211ad9ba7	ec365862-53d2-4e63-b0c0-b226b2419d96	assistant	fjord0 orchard1 kettle2 ember3 harbor4 cedar5 harbor6 lantern7 nectar8 delta9 amber10 cedar11 	assistant	[]	2026-11-29 07:45:42.20975+00
7	4f8cce67-62fb-48ef-9b67-31d704fd094e	298cfb91-a6b9-459f-a3a8-9f32e8be2119	441b3ee1-b9d2-47e1-a7a7-cf78617df4d7	user	When may I return a lamp?	\N	[]	2026-11-29 07:45:42.265223+00
8	4f8cce67-62fb-48ef-9b67-31d704fd094e	298cfb91-a6b9-459f-a3a8-9f32e8be2119	441b3ee1-b9d2-47e1-a7a7-cf78617df4d7	assistant	harbor0 grove1 orchard2 delta3 grove4 cedar5 amber6 lantern7 nectar8 ember9 nectar10 ember11 	assistant	[{"quote": "A lamp may be returned within thirty days in its box.", "score": 1.0, "heading": "Returns", "document": "guide.md", "end_offset": 100, "document_id": "76cf7db1-e3ac-4489-b915-720539857b2f", "start_offset": 0}, {"quote": "Parcels leave on Tuesday and arrive on Thursday.", "score": 0.3333, "heading": "Delivery", "document": "guide.md", "end_offset": 162, "document_id": "76cf7db1-e3ac-4489-b915-720539857b2f", "start_offset": 102}]	2026-11-29 07:45:42.61794+00
9	4f8cce67-62fb-48ef-9b67-31d704fd094e	ebb20e19-0218-4908-a463-77b487b0e89c	f47b3869-0c18-479d-a6e6-463a36b52ec7	user	Tell me everything about returns.	\N	[]	2026-11-29 07:45:42.671652+00
\.


--
-- Data for Name: nodes; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.nodes (name, url, slots, gpus, price_usd_micro_per_hour, models, state, drained, updated_at) FROM stdin;
node-chat	http://127.0.0.1:47939	2	1	360000	["smollm2:135m"]	ready	f	2026-11-29 07:45:36.98864+00
node-embed	http://127.0.0.1:46081	2	1	360000	["all-minilm:22m"]	ready	f	2026-11-29 07:45:41.972648+00
\.


--
-- Data for Name: procrastinate_events; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.procrastinate_events (id, job_id, type, at) FROM stdin;
1	1	deferred	2026-11-29 07:45:39.335487+00
2	1	started	2026-11-29 07:45:39.365626+00
3	1	succeeded	2026-11-29 07:45:39.577765+00
4	2	deferred	2026-11-29 07:45:40.556108+00
5	2	started	2026-11-29 07:45:40.570286+00
6	3	scheduled	2026-11-29 07:45:42.711775+00
7	3	deferred	2026-11-29 07:45:40.711775+00
8	2	succeeded	2026-11-29 07:45:40.72297+00
\.


--
-- Data for Name: procrastinate_jobs; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.procrastinate_jobs (id, queue_name, task_name, priority, lock, queueing_lock, args, status, scheduled_at, attempts, abort_requested, worker_id) FROM stdin;
1	ingest	ingest	0	\N	ingest:b7aa4cce-ca1d-464f-839d-c1eadd5e3a4e	{"job_id": "b7aa4cce-ca1d-464f-839d-c1eadd5e3a4e"}	succeeded	\N	1	f	1
3	ingest	ingest	0	\N	ingest:cb7d0cc6-b332-4065-a63b-df2b6fb4b149	{"job_id": "cb7d0cc6-b332-4065-a63b-df2b6fb4b149"}	todo	2026-11-29 07:45:42.711775+00	0	f	\N
2	ingest	ingest	0	\N	ingest:cb7d0cc6-b332-4065-a63b-df2b6fb4b149	{"job_id": "cb7d0cc6-b332-4065-a63b-df2b6fb4b149"}	succeeded	\N	1	f	1
\.


--
-- Data for Name: procrastinate_periodic_defers; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.procrastinate_periodic_defers (id, task_name, defer_timestamp, job_id, periodic_id) FROM stdin;
\.


--
-- Data for Name: procrastinate_workers; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.procrastinate_workers (id, last_heartbeat) FROM stdin;
1	2026-11-29 07:45:38.583745+00
2	2026-11-29 07:45:38.587856+00
\.


--
-- Data for Name: routes; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.routes (id, tenant_id, run_id, tier, tier_reason, need, reason, model, digest, node, candidates, created_at) FROM stdin;
222393fc-eb8b-45b6-a3e5-f6cb434be936	4f8cce67-62fb-48ef-9b67-31d704fd094e	fffa968a-8078-430b-a841-5ad1c1ddb052	simple	rated	0.1580951	only_candidate	smollm2:135m	5d3dfca5f3092cc44b1d2873ea27e916f4f67c82ea52d575a39e727f7f2326b6	node-chat	[{"node": "node-chat", "tier": "simple", "model": "smollm2:135m", "score": 1074.125, "slots": 2, "taken": 0, "digest": "5d3dfca5f3092cc44b1d2873ea27e916f4f67c82ea52d575a39e727f7f2326b6", "load_s": 5.0, "num_ctx": 4096, "affinity": false, "crowding": 15.0, "decode_s": 0.15, "excluded": null, "resident": false, "prefill_s": 0.22125, "cost_usd_micro": 537}]	2026-11-29 07:45:40.062217+00
433a6f44-9dc5-45c4-8cb4-d6d0125fb8fe	4f8cce67-62fb-48ef-9b67-31d704fd094e	1a5ac8d2-2966-416f-9689-20c8ab372178	simple	rated	0.1580951	only_candidate	smollm2:135m	5d3dfca5f3092cc44b1d2873ea27e916f4f67c82ea52d575a39e727f7f2326b6	node-chat	[{"node": "node-chat", "tier": "simple", "model": "smollm2:135m", "score": 41.8, "slots": 2, "taken": 0, "digest": "5d3dfca5f3092cc44b1d2873ea27e916f4f67c82ea52d575a39e727f7f2326b6", "load_s": 0.0, "num_ctx": 4096, "affinity": true, "crowding": 15.0, "decode_s": 0.15, "excluded": null, "resident": true, "prefill_s": 0.05799999999999999, "cost_usd_micro": 21}]	2026-11-29 07:45:40.499794+00
0ff62b26-90c8-4f5f-aacc-a24bcad2123b	4f8cce67-62fb-48ef-9b67-31d704fd094e	ec365862-53d2-4e63-b0c0-b226b2419d96	simple	rated	0.1580951	only_candidate	smollm2:135m	5d3dfca5f3092cc44b1d2873ea27e916f4f67c82ea52d575a39e727f7f2326b6	node-chat	[{"node": "node-chat", "tier": "simple", "model": "smollm2:135m", "score": 48.125, "slots": 2, "taken": 0, "digest": "5d3dfca5f3092cc44b1d2873ea27e916f4f67c82ea52d575a39e727f7f2326b6", "load_s": 0.0, "num_ctx": 4096, "affinity": false, "crowding": 15.0, "decode_s": 0.15, "excluded": null, "resident": true, "prefill_s": 0.09125, "cost_usd_micro": 24}]	2026-11-29 07:45:42.20975+00
c6416d83-e730-4566-b62a-4c5e2ff059c7	4f8cce67-62fb-48ef-9b67-31d704fd094e	441b3ee1-b9d2-47e1-a7a7-cf78617df4d7	simple	rated	0.1580951	only_candidate	smollm2:135m	5d3dfca5f3092cc44b1d2873ea27e916f4f67c82ea52d575a39e727f7f2326b6	node-chat	[{"node": "node-chat", "tier": "simple", "model": "smollm2:135m", "score": 74.125, "slots": 2, "taken": 0, "digest": "5d3dfca5f3092cc44b1d2873ea27e916f4f67c82ea52d575a39e727f7f2326b6", "load_s": 0.0, "num_ctx": 4096, "affinity": false, "crowding": 15.0, "decode_s": 0.15, "excluded": null, "resident": true, "prefill_s": 0.22125, "cost_usd_micro": 37}]	2026-11-29 07:45:42.61794+00
\.


--
-- Data for Name: runs; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.runs (id, tenant_id, key_id, session_id, team, question, context, options, state, on_disconnect, idempotency_key, idempotency_sha256, lease_owner, lease_until, fence, attempt, cancel_asked, answer, result, error_code, error_detail, degraded, request_id, created_at, started_at, finished_at) FROM stdin;
fffa968a-8078-430b-a841-5ad1c1ddb052	4f8cce67-62fb-48ef-9b67-31d704fd094e	a6e5903a-7d18-4768-a9a3-f0bd8e843f81	5bc89a3e-1935-4b3f-ade8-9787e6c4c50c	assistant	When may I return a lamp?	{}	{"max_tokens": 12}	done	cancel	\N	\\x00e80093d673d5c7b4586bacd476b36f8a4002222ba6ff0d5af818ea9846cd4a	\N	\N	1	1	f	harbor0 grove1 orchard2 delta3 grove4 cedar5 amber6 lantern7 nectar8 ember9 nectar10 ember11 	{"team": "assistant", "state": "done", "routes": [{"kind": "embed", "node": "node-embed", "tier": null, "agent": "retrieval", "model": "all-minilm:22m", "digest": "563ba18acc2b4a607d0a5ca203993949af9c0b0e71bc5e1697f9f17fe0266980", "reason": null, "outcome": "done", "wait_ms": 1.304, "cost_usd": 0.0, "route_id": null, "gpu_seconds": 0.00102, "tier_reason": null, "input_tokens": 8, "output_tokens": 0, "first_token_ms": null}, {"kind": "chat", "node": "node-chat", "tier": "simple", "agent": "assistant", "model": "smollm2:135m", "digest": "5d3dfca5f3092cc44b1d2873ea27e916f4f67c82ea52d575a39e727f7f2326b6", "reason": "only_candidate", "outcome": "done", "wait_ms": 0.086, "cost_usd": 0.000031, "route_id": "222393fc-eb8b-45b6-a3e5-f6cb434be936", "gpu_seconds": 0.308324, "tier_reason": "rated", "input_tokens": 88, "output_tokens": 12, "first_token_ms": 27.5}], "run_id": "fffa968a-8078-430b-a841-5ad1c1ddb052", "attempt": 1, "message": "harbor0 grove1 orchard2 delta3 grove4 cedar5 amber6 lantern7 nectar8 ember9 nectar10 ember11 ", "cost_usd": 0.000031, "degraded": [], "citations": [{"quote": "A lamp may be returned within thirty days in its box.", "score": 1.0, "heading": "Returns", "document": "guide.md", "end_offset": 100, "document_id": "76cf7db1-e3ac-4489-b915-720539857b2f", "start_offset": 0}, {"quote": "Parcels leave on Tuesday and arrive on Thursday.", "score": 0.3333, "heading": "Delivery", "document": "guide.md", "end_offset": 162, "document_id": "76cf7db1-e3ac-4489-b915-720539857b2f", "start_offset": 102}], "agent_used": "assistant", "error_code": null, "session_id": "5bc89a3e-1935-4b3f-ade8-9787e6c4c50c", "error_facts": {}, "gpu_seconds": 0.309344, "error_detail": null, "input_tokens": 96, "output_tokens": 12, "first_token_ms": 27.5, "processing_time_ms": 349, "conversation_complete": true, "requires_clarification": false}	\N	\N	{}	891e51cc-10bf-4b46-b2b6-81ce47ec8536	2026-11-29 07:45:39.712361+00	2026-11-29 07:45:39.712361+00	2026-11-29 07:45:40.062217+00
1a5ac8d2-2966-416f-9689-20c8ab372178	4f8cce67-62fb-48ef-9b67-31d704fd094e	a6e5903a-7d18-4768-a9a3-f0bd8e843f81	5bc89a3e-1935-4b3f-ade8-9787e6c4c50c	assistant	When do parcels leave?	{}	{"max_tokens": 12}	done	cancel	\N	\\x7aa744ecb29106a5b1c7ba536117aea0fa75d94f2a5b409d09fac2e6d75196fd	\N	\N	1	1	f	meadow0 lantern1 kettle2 island3 grove4 amber5 amber6 amber7 harbor8 orchard9 lantern10 kettle11 	{"team": "assistant", "state": "done", "routes": [{"kind": "embed", "node": "node-embed", "tier": null, "agent": "retrieval", "model": "all-minilm:22m", "digest": "563ba18acc2b4a607d0a5ca203993949af9c0b0e71bc5e1697f9f17fe0266980", "reason": null, "outcome": "done", "wait_ms": 0.075, "cost_usd": 0.0, "route_id": null, "gpu_seconds": 0.001018, "tier_reason": null, "input_tokens": 6, "output_tokens": 0, "first_token_ms": null}, {"kind": "chat", "node": "node-chat", "tier": "simple", "agent": "assistant", "model": "smollm2:135m", "digest": "5d3dfca5f3092cc44b1d2873ea27e916f4f67c82ea52d575a39e727f7f2326b6", "reason": "only_candidate", "outcome": "done", "wait_ms": 0.087, "cost_usd": 0.00003, "route_id": "433a6f44-9dc5-45c4-8cb4-d6d0125fb8fe", "gpu_seconds": 0.298705, "tier_reason": "rated", "input_tokens": 108, "output_tokens": 12, "first_token_ms": 29.3}], "run_id": "1a5ac8d2-2966-416f-9689-20c8ab372178", "attempt": 1, "message": "meadow0 lantern1 kettle2 island3 grove4 amber5 amber6 amber7 harbor8 orchard9 lantern10 kettle11 ", "cost_usd": 0.00003, "degraded": [], "citations": [{"quote": "Parcels leave on Tuesday and arrive on Thursday.", "score": 1.0, "heading": "Delivery", "document": "guide.md", "end_offset": 162, "document_id": "76cf7db1-e3ac-4489-b915-720539857b2f", "start_offset": 102}, {"quote": "A lamp may be returned within thirty days in its box.", "score": 0.3333, "heading": "Returns", "document": "guide.md", "end_offset": 100, "document_id": "76cf7db1-e3ac-4489-b915-720539857b2f", "start_offset": 0}], "agent_used": "assistant", "error_code": null, "session_id": "5bc89a3e-1935-4b3f-ade8-9787e6c4c50c", "error_facts": {}, "gpu_seconds": 0.299723, "error_detail": null, "input_tokens": 114, "output_tokens": 12, "first_token_ms": 29.3, "processing_time_ms": 368, "conversation_complete": true, "requires_clarification": false}	\N	\N	{}	39e7663e-54c3-4334-865b-c1c361f8f267	2026-11-29 07:45:40.1242+00	2026-11-29 07:45:40.1242+00	2026-11-29 07:45:40.499794+00
ec365862-53d2-4e63-b0c0-b226b2419d96	4f8cce67-62fb-48ef-9b67-31d704fd094e	a6e5903a-7d18-4768-a9a3-f0bd8e843f81	ee946de7-dcb3-4ab5-952b-6ba211ad9ba7	assistant	When may I return a lamp?	{}	{"max_tokens": 12}	done	cancel	\N	\\x00e80093d673d5c7b4586bacd476b36f8a4002222ba6ff0d5af818ea9846cd4a	\N	\N	1	1	f	fjord0 orchard1 kettle2 ember3 harbor4 cedar5 harbor6 lantern7 nectar8 delta9 amber10 cedar11 	{"team": "assistant", "state": "done", "routes": [{"kind": "chat", "node": "node-chat", "tier": "simple", "agent": "assistant", "model": "smollm2:135m", "digest": "5d3dfca5f3092cc44b1d2873ea27e916f4f67c82ea52d575a39e727f7f2326b6", "reason": "only_candidate", "outcome": "done", "wait_ms": 0.075, "cost_usd": 0.000032, "route_id": "0ff62b26-90c8-4f5f-aacc-a24bcad2123b", "gpu_seconds": 0.315856, "tier_reason": "rated", "input_tokens": 35, "output_tokens": 12, "first_token_ms": 29.1}], "run_id": "ec365862-53d2-4e63-b0c0-b226b2419d96", "attempt": 1, "message": "fjord0 orchard1 kettle2 ember3 harbor4 cedar5 harbor6 lantern7 nectar8 delta9 amber10 cedar11 ", "cost_usd": 0.000032, "degraded": ["retrieval"], "citations": [], "agent_used": "assistant", "error_code": null, "session_id": "ee946de7-dcb3-4ab5-952b-6ba211ad9ba7", "error_facts": {}, "gpu_seconds": 0.315856, "error_detail": null, "input_tokens": 35, "output_tokens": 12, "first_token_ms": 29.1, "processing_time_ms": 344, "conversation_complete": true, "requires_clarification": false}	\N	\N	{retrieval}	b6e59758-2b12-4e5c-a6cc-046e81b9cf2d	2026-11-29 07:45:41.864361+00	2026-11-29 07:45:41.864361+00	2026-11-29 07:45:42.20975+00
f47b3869-0c18-479d-a6e6-463a36b52ec7	4f8cce67-62fb-48ef-9b67-31d704fd094e	a6e5903a-7d18-4768-a9a3-f0bd8e843f81	ebb20e19-0218-4908-a463-77b487b0e89c	assistant	Tell me everything about returns.	{}	{"max_tokens": 80}	running	cancel	\N	\\x60183e51295b04daf12658709b3c0999635e714ba4263ddca7ed2f7fa821d85d	replica-1:26e4b141-24d2-4d86-8520-2200b6112507	2026-11-29 07:45:44.671652+00	1	1	f	\N	\N	\N	\N	{}	55941dc0-4cea-41be-94af-b175decefb7d	2026-11-29 07:45:42.671652+00	2026-11-29 07:45:42.671652+00	\N
441b3ee1-b9d2-47e1-a7a7-cf78617df4d7	4f8cce67-62fb-48ef-9b67-31d704fd094e	a6e5903a-7d18-4768-a9a3-f0bd8e843f81	298cfb91-a6b9-459f-a3a8-9f32e8be2119	assistant	When may I return a lamp?	{}	{"max_tokens": 12}	done	cancel	\N	\\x00e80093d673d5c7b4586bacd476b36f8a4002222ba6ff0d5af818ea9846cd4a	\N	\N	1	1	f	harbor0 grove1 orchard2 delta3 grove4 cedar5 amber6 lantern7 nectar8 ember9 nectar10 ember11 	{"team": "assistant", "state": "done", "routes": [{"kind": "embed", "node": "node-embed", "tier": null, "agent": "retrieval", "model": "all-minilm:22m", "digest": "563ba18acc2b4a607d0a5ca203993949af9c0b0e71bc5e1697f9f17fe0266980", "reason": null, "outcome": "done", "wait_ms": 0.061, "cost_usd": 0.0, "route_id": null, "gpu_seconds": 0.001038, "tier_reason": null, "input_tokens": 8, "output_tokens": 0, "first_token_ms": null}, {"kind": "chat", "node": "node-chat", "tier": "simple", "agent": "assistant", "model": "smollm2:135m", "digest": "5d3dfca5f3092cc44b1d2873ea27e916f4f67c82ea52d575a39e727f7f2326b6", "reason": "only_candidate", "outcome": "done", "wait_ms": 0.071, "cost_usd": 0.000031, "route_id": "c6416d83-e730-4566-b62a-4c5e2ff059c7", "gpu_seconds": 0.313149, "tier_reason": "rated", "input_tokens": 88, "output_tokens": 12, "first_token_ms": 28.3}], "run_id": "441b3ee1-b9d2-47e1-a7a7-cf78617df4d7", "attempt": 1, "message": "harbor0 grove1 orchard2 delta3 grove4 cedar5 amber6 lantern7 nectar8 ember9 nectar10 ember11 ", "cost_usd": 0.000031, "degraded": [], "citations": [{"quote": "A lamp may be returned within thirty days in its box.", "score": 1.0, "heading": "Returns", "document": "guide.md", "end_offset": 100, "document_id": "76cf7db1-e3ac-4489-b915-720539857b2f", "start_offset": 0}, {"quote": "Parcels leave on Tuesday and arrive on Thursday.", "score": 0.3333, "heading": "Delivery", "document": "guide.md", "end_offset": 162, "document_id": "76cf7db1-e3ac-4489-b915-720539857b2f", "start_offset": 102}], "agent_used": "assistant", "error_code": null, "session_id": "298cfb91-a6b9-459f-a3a8-9f32e8be2119", "error_facts": {}, "gpu_seconds": 0.314187, "error_detail": null, "input_tokens": 96, "output_tokens": 12, "first_token_ms": 28.3, "processing_time_ms": 351, "conversation_complete": true, "requires_clarification": false}	\N	\N	{}	c43375cd-39a3-441f-8006-de7629ec1ef8	2026-11-29 07:45:42.265223+00	2026-11-29 07:45:42.265223+00	2026-11-29 07:45:42.61794+00
\.


--
-- Data for Name: sessions; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.sessions (id, tenant_id, created_at, last_activity_at, expires_at, state, tier, node, model) FROM stdin;
5bc89a3e-1935-4b3f-ade8-9787e6c4c50c	4f8cce67-62fb-48ef-9b67-31d704fd094e	2026-11-29 07:45:39.712361+00	2026-11-29 07:45:40.499794+00	2026-11-29 08:45:40.499794+00	{}	simple	node-chat	smollm2:135m
ee946de7-dcb3-4ab5-952b-6ba211ad9ba7	4f8cce67-62fb-48ef-9b67-31d704fd094e	2026-11-29 07:45:41.864361+00	2026-11-29 07:45:42.20975+00	2026-11-29 08:45:42.20975+00	{}	simple	node-chat	smollm2:135m
298cfb91-a6b9-459f-a3a8-9f32e8be2119	4f8cce67-62fb-48ef-9b67-31d704fd094e	2026-11-29 07:45:42.265223+00	2026-11-29 07:45:42.61794+00	2026-11-29 08:45:42.61794+00	{}	simple	node-chat	smollm2:135m
ebb20e19-0218-4908-a463-77b487b0e89c	4f8cce67-62fb-48ef-9b67-31d704fd094e	2026-11-29 07:45:42.671652+00	2026-11-29 07:45:42.671652+00	2026-11-29 08:45:42.671652+00	{}	\N	\N	\N
\.


--
-- Data for Name: tenants; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.tenants (id, name, created_at) FROM stdin;
4f8cce67-62fb-48ef-9b67-31d704fd094e	upgraded	2026-11-29 07:45:23.609018+00
\.


--
-- Data for Name: usage; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.usage (id, tenant_id, key_id, run_id, route_id, kind, agent, tier, node, model, digest, input_tokens, output_tokens, wait_us, load_us, prefill_us, decode_us, first_token_us, gpu_us, cost_usd_micro, outcome, started_at, ended_at) FROM stdin;
10e8551a-4c5b-437a-9368-bc04de2fc6c8	4f8cce67-62fb-48ef-9b67-31d704fd094e	\N	\N	\N	embed	ingest	\N	node-embed	all-minilm:22m	563ba18acc2b4a607d0a5ca203993949af9c0b0e71bc5e1697f9f17fe0266980	34	0	89	36	1000	0	\N	1036	0	done	2026-11-29 07:45:39.527792+00	2026-11-29 07:45:39.530446+00
4ca02653-b510-4c1b-99be-912855409ca1	4f8cce67-62fb-48ef-9b67-31d704fd094e	a6e5903a-7d18-4768-a9a3-f0bd8e843f81	fffa968a-8078-430b-a841-5ad1c1ddb052	\N	embed	retrieval	\N	node-embed	all-minilm:22m	563ba18acc2b4a607d0a5ca203993949af9c0b0e71bc5e1697f9f17fe0266980	8	0	1304	20	1000	0	\N	1020	0	done	2026-11-29 07:45:39.722598+00	2026-11-29 07:45:39.724033+00
c9c46819-319d-4777-8f7f-6fe8cab31c13	4f8cce67-62fb-48ef-9b67-31d704fd094e	a6e5903a-7d18-4768-a9a3-f0bd8e843f81	fffa968a-8078-430b-a841-5ad1c1ddb052	222393fc-eb8b-45b6-a3e5-f6cb434be936	chat	assistant	simple	node-chat	smollm2:135m	5d3dfca5f3092cc44b1d2873ea27e916f4f67c82ea52d575a39e727f7f2326b6	88	12	86	35	0	308289	27524	308324	31	done	2026-11-29 07:45:39.741498+00	2026-11-29 07:45:40.051733+00
02f9b73a-72da-4c48-b972-61af68d1e758	4f8cce67-62fb-48ef-9b67-31d704fd094e	a6e5903a-7d18-4768-a9a3-f0bd8e843f81	1a5ac8d2-2966-416f-9689-20c8ab372178	\N	embed	retrieval	\N	node-embed	all-minilm:22m	563ba18acc2b4a607d0a5ca203993949af9c0b0e71bc5e1697f9f17fe0266980	6	0	75	18	1000	0	\N	1018	0	done	2026-11-29 07:45:40.143269+00	2026-11-29 07:45:40.144942+00
4a4974d3-9e98-4bb6-98d0-55e9e43a1880	4f8cce67-62fb-48ef-9b67-31d704fd094e	a6e5903a-7d18-4768-a9a3-f0bd8e843f81	1a5ac8d2-2966-416f-9689-20c8ab372178	433a6f44-9dc5-45c4-8cb4-d6d0125fb8fe	chat	assistant	simple	node-chat	smollm2:135m	5d3dfca5f3092cc44b1d2873ea27e916f4f67c82ea52d575a39e727f7f2326b6	108	12	87	21	0	311715	29266	298705	30	done	2026-11-29 07:45:40.172133+00	2026-11-29 07:45:40.485333+00
224755ea-4fd7-4454-bcb9-692a3b8d0181	4f8cce67-62fb-48ef-9b67-31d704fd094e	a6e5903a-7d18-4768-a9a3-f0bd8e843f81	ec365862-53d2-4e63-b0c0-b226b2419d96	0ff62b26-90c8-4f5f-aacc-a24bcad2123b	chat	assistant	simple	node-chat	smollm2:135m	5d3dfca5f3092cc44b1d2873ea27e916f4f67c82ea52d575a39e727f7f2326b6	35	12	75	22	0	315834	29115	315856	32	done	2026-11-29 07:45:41.884304+00	2026-11-29 07:45:42.203794+00
cf16b28f-b47f-45b0-b89b-538ff1bb7f6d	4f8cce67-62fb-48ef-9b67-31d704fd094e	a6e5903a-7d18-4768-a9a3-f0bd8e843f81	441b3ee1-b9d2-47e1-a7a7-cf78617df4d7	\N	embed	retrieval	\N	node-embed	all-minilm:22m	563ba18acc2b4a607d0a5ca203993949af9c0b0e71bc5e1697f9f17fe0266980	8	0	61	38	1000	0	\N	1038	0	done	2026-11-29 07:45:42.274255+00	2026-11-29 07:45:42.276393+00
20635c25-5906-45c7-848c-46b77bfe09db	4f8cce67-62fb-48ef-9b67-31d704fd094e	a6e5903a-7d18-4768-a9a3-f0bd8e843f81	441b3ee1-b9d2-47e1-a7a7-cf78617df4d7	c6416d83-e730-4566-b62a-4c5e2ff059c7	chat	assistant	simple	node-chat	smollm2:135m	5d3dfca5f3092cc44b1d2873ea27e916f4f67c82ea52d575a39e727f7f2326b6	88	12	71	20	0	313129	28346	313149	31	done	2026-11-29 07:45:42.295184+00	2026-11-29 07:45:42.610251+00
d1bface7-f131-4951-9ea4-f3e81d6d0ed3	4f8cce67-62fb-48ef-9b67-31d704fd094e	a6e5903a-7d18-4768-a9a3-f0bd8e843f81	f47b3869-0c18-479d-a6e6-463a36b52ec7	\N	embed	retrieval	\N	node-embed	all-minilm:22m	563ba18acc2b4a607d0a5ca203993949af9c0b0e71bc5e1697f9f17fe0266980	7	0	68	23	1000	0	\N	1023	0	done	2026-11-29 07:45:42.677454+00	2026-11-29 07:45:42.68278+00
\.


--
-- Name: messages_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.messages_id_seq', 9, true);


--
-- Name: procrastinate_events_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.procrastinate_events_id_seq', 8, true);


--
-- Name: procrastinate_jobs_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.procrastinate_jobs_id_seq', 3, true);


--
-- Name: procrastinate_periodic_defers_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.procrastinate_periodic_defers_id_seq', 1, false);


--
-- Name: procrastinate_workers_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.procrastinate_workers_id_seq', 2, true);


--
-- Name: alembic_version alembic_version_pkc; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);


--
-- Name: api_keys api_keys_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_pkey PRIMARY KEY (id);


--
-- Name: api_keys api_keys_prefix_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_prefix_key UNIQUE (prefix);


--
-- Name: checkpoint_blobs checkpoint_blobs_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.checkpoint_blobs
    ADD CONSTRAINT checkpoint_blobs_pkey PRIMARY KEY (thread_id, checkpoint_ns, channel, version);


--
-- Name: checkpoint_migrations checkpoint_migrations_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.checkpoint_migrations
    ADD CONSTRAINT checkpoint_migrations_pkey PRIMARY KEY (v);


--
-- Name: checkpoint_writes checkpoint_writes_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.checkpoint_writes
    ADD CONSTRAINT checkpoint_writes_pkey PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id, task_id, idx);


--
-- Name: checkpoints checkpoints_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.checkpoints
    ADD CONSTRAINT checkpoints_pkey PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id);


--
-- Name: chunks chunks_document_id_ordinal_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.chunks
    ADD CONSTRAINT chunks_document_id_ordinal_key UNIQUE (document_id, ordinal);


--
-- Name: chunks chunks_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.chunks
    ADD CONSTRAINT chunks_pkey PRIMARY KEY (id);


--
-- Name: documents documents_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.documents
    ADD CONSTRAINT documents_pkey PRIMARY KEY (id);


--
-- Name: documents documents_tenant_id_name_version_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.documents
    ADD CONSTRAINT documents_tenant_id_name_version_key UNIQUE (tenant_id, name, version);


--
-- Name: effects effects_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.effects
    ADD CONSTRAINT effects_pkey PRIMARY KEY (run_id, step_key);


--
-- Name: jobs jobs_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT jobs_pkey PRIMARY KEY (id);


--
-- Name: messages messages_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.messages
    ADD CONSTRAINT messages_pkey PRIMARY KEY (id);


--
-- Name: nodes nodes_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.nodes
    ADD CONSTRAINT nodes_pkey PRIMARY KEY (name);


--
-- Name: procrastinate_events procrastinate_events_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.procrastinate_events
    ADD CONSTRAINT procrastinate_events_pkey PRIMARY KEY (id);


--
-- Name: procrastinate_jobs procrastinate_jobs_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.procrastinate_jobs
    ADD CONSTRAINT procrastinate_jobs_pkey PRIMARY KEY (id);


--
-- Name: procrastinate_periodic_defers procrastinate_periodic_defers_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.procrastinate_periodic_defers
    ADD CONSTRAINT procrastinate_periodic_defers_pkey PRIMARY KEY (id);


--
-- Name: procrastinate_periodic_defers procrastinate_periodic_defers_unique; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.procrastinate_periodic_defers
    ADD CONSTRAINT procrastinate_periodic_defers_unique UNIQUE (task_name, periodic_id, defer_timestamp);


--
-- Name: procrastinate_workers procrastinate_workers_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.procrastinate_workers
    ADD CONSTRAINT procrastinate_workers_pkey PRIMARY KEY (id);


--
-- Name: routes routes_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.routes
    ADD CONSTRAINT routes_pkey PRIMARY KEY (id);


--
-- Name: runs runs_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_pkey PRIMARY KEY (id);


--
-- Name: sessions sessions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (id);


--
-- Name: tenants tenants_name_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.tenants
    ADD CONSTRAINT tenants_name_key UNIQUE (name);


--
-- Name: tenants tenants_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.tenants
    ADD CONSTRAINT tenants_pkey PRIMARY KEY (id);


--
-- Name: usage usage_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.usage
    ADD CONSTRAINT usage_pkey PRIMARY KEY (id);


--
-- Name: api_keys_tenant; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX api_keys_tenant ON public.api_keys USING btree (tenant_id);


--
-- Name: checkpoint_blobs_thread_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX checkpoint_blobs_thread_id_idx ON public.checkpoint_blobs USING btree (thread_id);


--
-- Name: checkpoint_writes_thread_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX checkpoint_writes_thread_id_idx ON public.checkpoint_writes USING btree (thread_id);


--
-- Name: checkpoints_thread_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX checkpoints_thread_id_idx ON public.checkpoints USING btree (thread_id);


--
-- Name: documents_live; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX documents_live ON public.documents USING btree (tenant_id, state, id);


--
-- Name: idx_procrastinate_jobs_worker_not_null; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_procrastinate_jobs_worker_not_null ON public.procrastinate_jobs USING btree (worker_id) WHERE ((worker_id IS NOT NULL) AND (status = 'doing'::public.procrastinate_job_status));


--
-- Name: idx_procrastinate_workers_last_heartbeat; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_procrastinate_workers_last_heartbeat ON public.procrastinate_workers USING btree (last_heartbeat);


--
-- Name: jobs_document; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX jobs_document ON public.jobs USING btree (document_id);


--
-- Name: jobs_tenant; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX jobs_tenant ON public.jobs USING btree (tenant_id, created_at DESC);


--
-- Name: messages_session; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX messages_session ON public.messages USING btree (session_id, id);


--
-- Name: procrastinate_events_job_id_fkey_v1; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX procrastinate_events_job_id_fkey_v1 ON public.procrastinate_events USING btree (job_id);


--
-- Name: procrastinate_jobs_id_lock_idx_v1; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX procrastinate_jobs_id_lock_idx_v1 ON public.procrastinate_jobs USING btree (id, lock) WHERE (status = ANY (ARRAY['todo'::public.procrastinate_job_status, 'doing'::public.procrastinate_job_status]));


--
-- Name: procrastinate_jobs_lock_idx_v1; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX procrastinate_jobs_lock_idx_v1 ON public.procrastinate_jobs USING btree (lock) WHERE (status = 'doing'::public.procrastinate_job_status);


--
-- Name: procrastinate_jobs_priority_idx_v1; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX procrastinate_jobs_priority_idx_v1 ON public.procrastinate_jobs USING btree (priority DESC, id) WHERE (status = 'todo'::public.procrastinate_job_status);


--
-- Name: procrastinate_jobs_queue_name_idx_v1; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX procrastinate_jobs_queue_name_idx_v1 ON public.procrastinate_jobs USING btree (queue_name);


--
-- Name: procrastinate_jobs_queueing_lock_idx_v1; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX procrastinate_jobs_queueing_lock_idx_v1 ON public.procrastinate_jobs USING btree (queueing_lock) WHERE (status = 'todo'::public.procrastinate_job_status);


--
-- Name: procrastinate_periodic_defers_job_id_fkey_v1; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX procrastinate_periodic_defers_job_id_fkey_v1 ON public.procrastinate_periodic_defers USING btree (job_id);


--
-- Name: routes_run; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX routes_run ON public.routes USING btree (run_id);


--
-- Name: runs_idempotency; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX runs_idempotency ON public.runs USING btree (tenant_id, idempotency_key) WHERE ((idempotency_key IS NOT NULL) AND (state <> 'refused'::text));


--
-- Name: runs_leases; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX runs_leases ON public.runs USING btree (lease_until) WHERE (state = ANY (ARRAY['accepted'::text, 'running'::text]));


--
-- Name: runs_one_per_session; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX runs_one_per_session ON public.runs USING btree (session_id) WHERE (state = ANY (ARRAY['accepted'::text, 'running'::text, 'waiting'::text]));


--
-- Name: runs_session; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX runs_session ON public.runs USING btree (session_id);


--
-- Name: sessions_expiry; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX sessions_expiry ON public.sessions USING btree (expires_at);


--
-- Name: sessions_tenant; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX sessions_tenant ON public.sessions USING btree (tenant_id, last_activity_at DESC, id);


--
-- Name: usage_run; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX usage_run ON public.usage USING btree (run_id);


--
-- Name: usage_tenant; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX usage_tenant ON public.usage USING btree (tenant_id, started_at);


--
-- Name: procrastinate_jobs procrastinate_jobs_notify_queue_job_aborted_v1; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER procrastinate_jobs_notify_queue_job_aborted_v1 AFTER UPDATE OF abort_requested ON public.procrastinate_jobs FOR EACH ROW WHEN (((old.abort_requested = false) AND (new.abort_requested = true) AND (new.status = 'doing'::public.procrastinate_job_status))) EXECUTE FUNCTION public.procrastinate_notify_queue_abort_job_v1();


--
-- Name: procrastinate_jobs procrastinate_jobs_notify_queue_job_inserted_v1; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER procrastinate_jobs_notify_queue_job_inserted_v1 AFTER INSERT ON public.procrastinate_jobs FOR EACH ROW WHEN ((new.status = 'todo'::public.procrastinate_job_status)) EXECUTE FUNCTION public.procrastinate_notify_queue_job_inserted_v1();


--
-- Name: procrastinate_jobs procrastinate_trigger_abort_requested_events_v1; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER procrastinate_trigger_abort_requested_events_v1 AFTER UPDATE OF abort_requested ON public.procrastinate_jobs FOR EACH ROW WHEN ((new.abort_requested = true)) EXECUTE FUNCTION public.procrastinate_trigger_abort_requested_events_procedure_v1();


--
-- Name: procrastinate_jobs procrastinate_trigger_delete_jobs_v1; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER procrastinate_trigger_delete_jobs_v1 BEFORE DELETE ON public.procrastinate_jobs FOR EACH ROW EXECUTE FUNCTION public.procrastinate_unlink_periodic_defers_v1();


--
-- Name: procrastinate_jobs procrastinate_trigger_scheduled_events_v1; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER procrastinate_trigger_scheduled_events_v1 AFTER INSERT OR UPDATE ON public.procrastinate_jobs FOR EACH ROW WHEN (((new.scheduled_at IS NOT NULL) AND (new.status = 'todo'::public.procrastinate_job_status))) EXECUTE FUNCTION public.procrastinate_trigger_function_scheduled_events_v1();


--
-- Name: procrastinate_jobs procrastinate_trigger_status_events_insert_v1; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER procrastinate_trigger_status_events_insert_v1 AFTER INSERT ON public.procrastinate_jobs FOR EACH ROW WHEN ((new.status = 'todo'::public.procrastinate_job_status)) EXECUTE FUNCTION public.procrastinate_trigger_function_status_events_insert_v1();


--
-- Name: procrastinate_jobs procrastinate_trigger_status_events_update_v1; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER procrastinate_trigger_status_events_update_v1 AFTER UPDATE OF status ON public.procrastinate_jobs FOR EACH ROW EXECUTE FUNCTION public.procrastinate_trigger_function_status_events_update_v1();


--
-- Name: api_keys api_keys_tenant_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(id) ON DELETE CASCADE;


--
-- Name: chunks chunks_document_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.chunks
    ADD CONSTRAINT chunks_document_id_fkey FOREIGN KEY (document_id) REFERENCES public.documents(id) ON DELETE CASCADE;


--
-- Name: documents documents_tenant_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.documents
    ADD CONSTRAINT documents_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(id) ON DELETE CASCADE;


--
-- Name: effects effects_run_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.effects
    ADD CONSTRAINT effects_run_id_fkey FOREIGN KEY (run_id) REFERENCES public.runs(id) ON DELETE CASCADE;


--
-- Name: jobs jobs_document_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT jobs_document_id_fkey FOREIGN KEY (document_id) REFERENCES public.documents(id) ON DELETE CASCADE;


--
-- Name: jobs jobs_tenant_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT jobs_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(id) ON DELETE CASCADE;


--
-- Name: messages messages_session_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.messages
    ADD CONSTRAINT messages_session_id_fkey FOREIGN KEY (session_id) REFERENCES public.sessions(id) ON DELETE CASCADE;


--
-- Name: procrastinate_events procrastinate_events_job_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.procrastinate_events
    ADD CONSTRAINT procrastinate_events_job_id_fkey FOREIGN KEY (job_id) REFERENCES public.procrastinate_jobs(id) ON DELETE CASCADE;


--
-- Name: procrastinate_jobs procrastinate_jobs_worker_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.procrastinate_jobs
    ADD CONSTRAINT procrastinate_jobs_worker_id_fkey FOREIGN KEY (worker_id) REFERENCES public.procrastinate_workers(id) ON DELETE SET NULL;


--
-- Name: procrastinate_periodic_defers procrastinate_periodic_defers_job_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.procrastinate_periodic_defers
    ADD CONSTRAINT procrastinate_periodic_defers_job_id_fkey FOREIGN KEY (job_id) REFERENCES public.procrastinate_jobs(id);


--
-- Name: runs runs_session_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_session_id_fkey FOREIGN KEY (session_id) REFERENCES public.sessions(id) ON DELETE CASCADE;


--
-- Name: runs runs_tenant_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(id) ON DELETE CASCADE;


--
-- Name: sessions sessions_tenant_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(id) ON DELETE CASCADE;


--
-- PostgreSQL database dump complete
--

\unrestrict none

