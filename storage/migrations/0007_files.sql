-- Files: what storage/file_pg.c asks, and what ties them to messages.

-- Writes one piece, each in a transaction of its own; the first one (p_file NULL) begins the file,
-- the last one (p_size given) completes it. No row: pieces are missing, begin again. A piece that
-- is there already is the same one, sent before over a connection that was lost.
CREATE FUNCTION file_write(p_file bigint, p_owner bigint, p_name text, p_piece_size int,
                           p_piece int, p_data bytea, p_size bigint)
RETURNS TABLE (id bigint, created_at timestamptz) LANGUAGE plpgsql AS $$
BEGIN
    IF p_file IS NULL THEN
        p_file := nextval('file_id_seq');
        INSERT INTO files (id, owner_id, piece_size, name)
        VALUES (p_file, p_owner, p_piece_size, p_name);
    END IF;
    INSERT INTO file_pieces VALUES (p_file, p_piece, p_data) ON CONFLICT DO NOTHING;
    IF p_size IS NULL THEN
        -- The last piece's commit makes the others durable, and counts them before.
        PERFORM set_config('synchronous_commit', 'off', true);
        RETURN QUERY SELECT p_file, now();
        RETURN;
    END IF;
    RETURN QUERY
    UPDATE files f SET size = p_size
    WHERE f.id = p_file
      AND (SELECT count(*) = p_piece + 1 AND sum(octet_length(c.data)) = p_size
           FROM file_pieces c WHERE c.file_id = p_file)
    RETURNING f.id, f.created_at;
END $$;

-- Whether a user may open a file: one in a message that the user sees now, or an own one that is
-- in no message.
CREATE FUNCTION file_visible(f files, p_reader bigint) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN f.size IS NULL THEN false
                WHEN NOT f.attached THEN f.owner_id = p_reader
                ELSE EXISTS (
                    SELECT 1
                    FROM file_uses u
                    JOIN members b ON b.thread_id = u.thread_id AND b.user_id = p_reader
                    JOIN messages m ON m.thread_id = u.thread_id AND m.seq = u.seq
                    WHERE u.file_id = f.id AND m.seq > b.joined_seq AND NOT m.deleted
                      AND (m.held = 0 OR m.author_id = p_reader)) END
$$;

-- p_reader 0: anybody.
CREATE FUNCTION file_find(p_file bigint, p_reader bigint)
RETURNS TABLE (id bigint, owner_id bigint, name text, size bigint, piece_size int,
               created_at timestamptz)
LANGUAGE sql STABLE AS $$
    SELECT f.id, f.owner_id, f.name, f.size, f.piece_size, f.created_at
    FROM files f
    WHERE f.id = p_file AND f.size IS NOT NULL AND (p_reader = 0 OR file_visible(f, p_reader))
$$;

-- The ids of the gateway's own files among attachments, ascending, each once.
CREATE FUNCTION file_ids(p_attachments text[]) RETURNS bigint[]
LANGUAGE sql IMMUTABLE AS $$
    SELECT array_agg(DISTINCT substr(a, 2)::bigint ORDER BY substr(a, 2)::bigint)
    FROM unnest(p_attachments) a WHERE a LIKE 'f%'
$$;

-- Ties the files of messages just inserted to them. All or nothing: 23503 when an author may not
-- open one, or it is gone.
CREATE FUNCTION files_attach(p_messages bigint[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    r record;
BEGIN
    -- All locks first and in the order of ids; the collector passes locked files over.
    PERFORM 1 FROM files f
    WHERE f.id IN (SELECT unnest(file_ids(m.attachments)) FROM messages m
                   WHERE m.id = ANY (p_messages) AND m.attachments IS NOT NULL)
    ORDER BY f.id FOR UPDATE;
    FOR r IN
        SELECT m.thread_id, m.seq, m.author_id, file_ids(m.attachments) AS files
        FROM messages m
        WHERE m.id = ANY (p_messages) AND m.attachments IS NOT NULL
    LOOP
        IF EXISTS (SELECT 1 FROM unnest(r.files) i(id)
                   LEFT JOIN files f ON f.id = i.id
                   WHERE f.id IS NULL OR NOT file_visible(f, r.author_id)) THEN
            RAISE EXCEPTION 'a file of this message is not there for its author'
                USING ERRCODE = '23503';
        END IF;
        INSERT INTO file_uses SELECT i, r.thread_id, r.seq FROM unnest(r.files) i;
        UPDATE files SET attached = true WHERE id = ANY (r.files) AND NOT attached;
    END LOOP;
END $$;

-- Unties a message that is being deleted from its files.
CREATE FUNCTION files_detach(m messages) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_files bigint[] := file_ids(m.attachments);
BEGIN
    PERFORM 1 FROM files WHERE id = ANY (v_files) ORDER BY id FOR UPDATE;
    DELETE FROM file_uses
    WHERE file_id = ANY (v_files) AND thread_id = m.thread_id AND seq = m.seq;
    UPDATE files f SET attached = false
    WHERE f.id = ANY (v_files) AND NOT EXISTS (SELECT 1 FROM file_uses u WHERE u.file_id = f.id);
END $$;

-- Removes those of p_files that no message refers to.
CREATE FUNCTION file_drop(p_files bigint[]) RETURNS void
LANGUAGE sql AS $$
    WITH gone AS (
        DELETE FROM files WHERE id = ANY (p_files) AND NOT attached RETURNING id
    )
    DELETE FROM file_pieces WHERE file_id IN (SELECT id FROM gone)
$$;

-- Removes at most p_limit files that no message refers to and that are older than p_age seconds.
CREATE FUNCTION file_collect(p_age int, p_limit int) RETURNS bigint
LANGUAGE sql AS $$
    WITH gone AS (
        DELETE FROM files
        WHERE id IN (SELECT id FROM files
                     WHERE NOT attached AND created_at < now() - make_interval(secs => p_age)
                     ORDER BY created_at LIMIT p_limit
                     FOR UPDATE SKIP LOCKED)
        RETURNING id
    ), pieces AS (
        DELETE FROM file_pieces WHERE file_id IN (SELECT id FROM gone)
    )
    SELECT count(*) FROM gone
$$;
