-- What `dragoman import` asks of the database, in functions that live as long as its connection.
-- Each takes a JSON array of lines (proto-docs/import.md says what a line holds) and returns one
-- row for each: 'new', 'known', or why it was left out.

-- A user as a line names it: digits are an id and what looks like a UUID is one, never a username.
CREATE FUNCTION pg_temp.who(p json) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT CASE json_typeof(p)
        WHEN 'number' THEN (user_any((p #>> '{}')::bigint, NULL, NULL)).id
        WHEN 'string' THEN CASE
            WHEN p #>> '{}' ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
            THEN (user_any(NULL, (p #>> '{}')::uuid, NULL)).id
            WHEN p #>> '{}' ~ '^[0-9]{1,18}$' THEN (user_any((p #>> '{}')::bigint, NULL, NULL)).id
            WHEN p #>> '{}' ~ '^[0-9]+$' THEN NULL
            ELSE (user_any(NULL, NULL, p #>> '{}')).id END
    END
$$;

CREATE FUNCTION pg_temp.import_users(p json) RETURNS TABLE (said text)
LANGUAGE plpgsql AS $$
DECLARE
    r      record;
    v_made bigint[];
BEGIN
    FOR r IN
        SELECT x.* FROM json_array_elements(p) WITH ORDINALITY e(j, o),
             json_to_record(j) AS x(id bigint, uuid uuid, username text, email text,
                                    first_name text, last_name text, photo text, color text,
                                    role text, location text, password_hash text, pin_hash text,
                                    active boolean, created_at timestamptz)
        ORDER BY o
    LOOP
        IF EXISTS (SELECT 1 FROM users u WHERE u.uuid = r.uuid) THEN
            said := 'known';
        ELSIF coalesce(r.password_hash, '$argon2id$') NOT LIKE '$argon2id$%'
              OR coalesce(r.pin_hash, '$argon2id$') NOT LIKE '$argon2id$%' THEN
            said := 'password_hash and pin_hash must be encoded argon2id hashes';
        ELSE
            v_made := op_user_create(r.id, r.uuid, r.username, r.email, r.first_name, r.last_name,
                                     r.photo, r.color, r.role, r.location, r.password_hash,
                                     r.pin_hash, coalesce(r.active, true));
            said := CASE v_made[1] WHEN 0 THEN 'new'
                    WHEN 15 THEN 'the username, e-mail or id is another user''s'
                    ELSE 'username and email are missing, or id is below 10000000' END;
            UPDATE users u SET created_at = r.created_at
            WHERE v_made[1] = 0 AND r.created_at IS NOT NULL AND u.uuid = r.uuid;
        END IF;
        RETURN NEXT;
    END LOOP;
END $$;

-- The second pass over the same lines, when all users are there.
CREATE FUNCTION pg_temp.import_friends(p json) RETURNS TABLE (said text)
LANGUAGE plpgsql AS $$
DECLARE
    r        record;
    v_user   bigint;
    v_others bigint[];
    v_asked  bigint[];
BEGIN
    FOR r IN
        SELECT x.* FROM json_array_elements(p) WITH ORDINALITY e(j, o),
             json_to_record(j) AS x(uuid uuid, friends json, friend_requests json)
        ORDER BY o
    LOOP
        said := 'known';
        SELECT id INTO v_user FROM users WHERE uuid = r.uuid;
        SELECT array_agg(pg_temp.who(f)) INTO v_others FROM json_array_elements(r.friends) f;
        SELECT array_agg(pg_temp.who(f)) INTO v_asked FROM json_array_elements(r.friend_requests) f;
        -- A user that was left out has been reported.
        IF v_user IS NULL THEN
            RETURN NEXT;
            CONTINUE;
        END IF;
        INSERT INTO friendships (user_id, friend_id)
        SELECT a, b FROM unnest(v_others) f, LATERAL (VALUES (v_user, f), (f, v_user)) x(a, b)
        WHERE f <> v_user ON CONFLICT DO NOTHING;
        IF FOUND THEN
            said := 'new';
        END IF;
        INSERT INTO friend_requests (to_id, from_id)
        SELECT v_user, f FROM unnest(v_asked) f
        WHERE f <> v_user AND NOT EXISTS (SELECT 1 FROM friendships x
                                          WHERE x.user_id = v_user AND x.friend_id = f)
        ON CONFLICT DO NOTHING;
        IF array_position(v_others || v_asked, NULL) > 0 THEN
            said := 'friends or friend_requests name somebody who is no user';
        END IF;
        RETURN NEXT;
    END LOOP;
END $$;

-- A direct thread of two, which is not there yet.
CREATE FUNCTION pg_temp.new_direct(p_a bigint, p_b bigint, p_opener bigint, p_uuid uuid,
                                   p_title text, p_state text, p_blocked bigint[],
                                   p_at timestamptz)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_lo bigint := least(p_a, p_b);
    v_hi bigint := greatest(p_a, p_b);
    v_id bigint;
BEGIN
    INSERT INTO threads (id, lo_id, hi_id, opener_id, updated_at, created_at, uuid, kind, title,
                         state, blocked_lo, blocked_hi)
    VALUES (nextval('thread_id_seq'), v_lo, v_hi, p_opener, p_at, p_at, p_uuid, 0, p_title,
            CASE p_state WHEN 'requested' THEN 1 ELSE 0 END,
            coalesce(v_lo = ANY (p_blocked), false), coalesce(v_hi = ANY (p_blocked), false))
    RETURNING id INTO v_id;
    INSERT INTO members (thread_id, user_id, joined_at) VALUES (v_id, v_lo, p_at), (v_id, v_hi, p_at);
    RETURN v_id;
END $$;

CREATE FUNCTION pg_temp.import_threads(p json) RETURNS TABLE (said text)
LANGUAGE plpgsql AS $$
DECLARE
    r         record;
    v_members bigint[];
    v_after   bigint[];
    v_blocked bigint[];
    v_opener  bigint;
    v_id      bigint;
BEGIN
    FOR r IN
        SELECT x.* FROM json_array_elements(p) WITH ORDINALITY e(j, o),
             json_to_record(j) AS x(uuid uuid, kind text, opener json, title text, members json,
                                    state text, blocked_by json, created_at timestamptz)
        ORDER BY o
    LOOP
        SELECT array_agg(pg_temp.who(CASE json_typeof(m) WHEN 'object' THEN m -> 'user' ELSE m END)
                         ORDER BY o),
               array_agg(CASE json_typeof(m) WHEN 'object'
                         THEN coalesce((m ->> 'joined_after')::bigint, 0) ELSE 0 END ORDER BY o)
        INTO v_members, v_after
        FROM json_array_elements(r.members) WITH ORDINALITY e(m, o);
        SELECT array_agg(pg_temp.who(b)) INTO v_blocked FROM json_array_elements(r.blocked_by) b;
        v_opener := coalesce(pg_temp.who(r.opener), v_members[1]);
        r.created_at := coalesce(r.created_at, now());
        said := 'new';
        IF EXISTS (SELECT 1 FROM threads t WHERE t.uuid = r.uuid) THEN
            said := 'known';
        ELSIF r.kind IS NULL OR r.kind NOT IN ('direct', 'chat') THEN
            said := 'kind must be direct or chat';
        ELSIF v_members IS NULL OR array_position(v_members, NULL) > 0 THEN
            said := 'members names somebody who is no user';
        ELSIF (SELECT count(DISTINCT m) FROM unnest(v_members) m) < cardinality(v_members) THEN
            said := 'members names somebody twice';
        ELSIF EXISTS (SELECT 1 FROM unnest(v_after) a WHERE a < 0) THEN
            said := 'joined_after must be a number of messages';
        ELSIF r.kind = 'direct' AND cardinality(v_members) <> 2 THEN
            said := 'a direct thread must have two members';
        ELSIF coalesce(r.state, 'allowed') NOT IN ('allowed', 'requested') THEN
            said := 'state must be allowed or requested';
        ELSIF NOT v_opener = ANY (v_members) AND r.kind = 'direct' THEN
            said := 'opener is no member';
        ELSIF r.kind = 'direct' THEN
            IF direct_ref(v_members[1], v_members[2]) IS NOT NULL THEN
                said := 'known';
            ELSE
                PERFORM pg_temp.new_direct(v_members[1], v_members[2], v_opener,
                                           coalesce(r.uuid, gen_random_uuid()), r.title,
                                           r.state, v_blocked, r.created_at);
            END IF;
        ELSIF r.uuid IS NULL THEN
            said := 'uuid is missing: a chat needs one';
        ELSE
            v_id := nextval('thread_id_seq');
            INSERT INTO threads (id, opener_id, rev, updated_at, created_at, uuid, kind, title)
            VALUES (v_id, v_opener, 1, r.created_at, r.created_at, r.uuid, 1, r.title);
            INSERT INTO members (thread_id, user_id, joined_seq, joined_count, read_seq,
                                 delivered_seq, joined_at)
            SELECT v_id, m, a, a, a, a, r.created_at FROM unnest(v_members, v_after) x(m, a);
        END IF;
        RETURN NEXT;
    END LOOP;
END $$;

-- Lines of messages under way: what they said, and what was found.
CREATE TEMP TABLE incoming (
    o           bigint PRIMARY KEY,
    uuid        uuid,
    thread_id   bigint,
    author_id   bigint,
    other_id    bigint,
    at          timestamptz,
    body        text,
    links       json,
    read        json,
    delivered   json,
    attachments text[],
    seq         bigint,
    id          bigint,
    hidden      boolean,
    held        smallint NOT NULL DEFAULT 0,
    said        text
) ON COMMIT DELETE ROWS;
CREATE INDEX ON incoming (thread_id);

-- Whether a message is read by (or was pushed to) a user, as a line says it: true, false, or a
-- list of users. Absent: true, for a history is read.
CREATE FUNCTION pg_temp.reached(p json, p_user bigint) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT CASE coalesce(json_typeof(p), 'null') WHEN 'null' THEN true
           WHEN 'boolean' THEN (p #>> '{}')::boolean
           ELSE EXISTS (SELECT 1 FROM json_array_elements(p) e WHERE pg_temp.who(e) = p_user) END
$$;

-- A file that lies in a line as base64, stored in the gateway's pieces.
CREATE FUNCTION pg_temp.keep_file(p_owner bigint, p_name text, p_data bytea, p_at timestamptz)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_id bigint := nextval('file_id_seq');
BEGIN
    INSERT INTO files (id, owner_id, size, piece_size, attached, name, created_at)
    VALUES (v_id, p_owner, octet_length(p_data), 131072, true, p_name, p_at);
    INSERT INTO file_pieces
    SELECT v_id, i, substring(p_data FROM i * 131072 + 1 FOR 131072)
    FROM generate_series(0, greatest((octet_length(p_data) - 1) / 131072, 0)) i;
    RETURN v_id;
END $$;

-- The attachments of a line as messages have them.
CREATE FUNCTION pg_temp.attach(p_links json, p_owner bigint, p_at timestamptz) RETURNS text[]
LANGUAGE sql AS $$
    SELECT array_agg(CASE WHEN json_typeof(l) = 'string' THEN 'u' || (l #>> '{}')
                     ELSE 'f' || pg_temp.keep_file(p_owner, l ->> 'name',
                                                   decode(l ->> 'data', 'base64'), p_at) END
                     ORDER BY o)
    FROM json_array_elements(p_links) WITH ORDINALITY e(l, o)
$$;

-- Reads the lines into `incoming` and finds whom and what they name.
CREATE FUNCTION pg_temp.incoming_read(p json, p_text_max int) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    r record;
BEGIN
    INSERT INTO incoming (o, uuid, thread_id, author_id, other_id, at, body, links, read, delivered,
                          hidden, said)
    SELECT e.o, x.uuid,
           CASE WHEN x.thread IS NOT NULL
                THEN (SELECT t.id FROM threads t WHERE t.uuid = x.thread)
                ELSE direct_ref(a.id, b.id) END,
           a.id, b.id, x.created_at, coalesce(x.text, ''), x.attachments, x.read, x.delivered,
           coalesce(x.held, false),
           CASE WHEN x.uuid IS NULL THEN 'uuid is missing'
                WHEN a.id IS NULL THEN 'author is no user'
                WHEN x.created_at IS NULL THEN 'created_at is missing'
                WHEN x.thread IS NULL AND b.id IS NULL THEN 'there is no such thread'
                WHEN x.thread IS NULL AND b.id = a.id THEN 'a message to oneself'
                WHEN octet_length(x.text) > p_text_max THEN 'the text is too long'
                WHEN coalesce(x.text, '') = ''
                     AND coalesce(json_array_length(x.attachments), 0) = 0
                THEN 'neither text nor attachments'
                WHEN EXISTS (SELECT 1 FROM json_array_elements(x.attachments) l
                             WHERE json_typeof(l) NOT IN ('string', 'object')
                                   OR coalesce(nullif(l #>> '{}', ''), l ->> 'name') IS NULL)
                THEN 'an attachment must be a URL, or a name with data' END
    FROM json_array_elements(p) WITH ORDINALITY e(j, o)
    CROSS JOIN LATERAL json_to_record(j) AS x(uuid uuid, thread uuid, "to" json, author json,
                                              created_at timestamptz, text text,
                                              attachments json, read json, delivered json,
                                              held boolean)
    CROSS JOIN LATERAL (SELECT pg_temp.who(x.author) AS id OFFSET 0) a
    CROSS JOIN LATERAL (SELECT pg_temp.who(x."to") AS id OFFSET 0) b;

    -- The direct threads that the first message opens.
    FOR r IN
        SELECT DISTINCT ON (least(author_id, other_id), greatest(author_id, other_id))
               author_id, other_id, at
        FROM incoming
        WHERE said IS NULL AND thread_id IS NULL AND other_id IS NOT NULL
        ORDER BY least(author_id, other_id), greatest(author_id, other_id), o
    LOOP
        PERFORM pg_temp.new_direct(r.author_id, r.other_id, r.author_id, gen_random_uuid(), NULL,
                                   NULL, NULL, r.at);
    END LOOP;
    UPDATE incoming SET thread_id = direct_ref(author_id, other_id)
    WHERE said IS NULL AND thread_id IS NULL;
    UPDATE incoming SET said = 'there is no such thread' WHERE said IS NULL AND thread_id IS NULL;
END $$;

-- The messages just placed in a thread, as one member stands to them. One that waits may be owed
-- later on.
CREATE FUNCTION pg_temp.steps(t threads, p_user bigint, p_kind smallint)
RETURNS TABLE (seq bigint, owed boolean, waits boolean, reached boolean) LANGUAGE sql STABLE AS $$
    SELECT i.seq, theirs AND NOT got, i.author_id <> p_user AND i.held = 1, theirs AND got
    FROM incoming i,
         LATERAL (SELECT i.author_id <> p_user AND i.held = 0 AS theirs,
                         pg_temp.reached(i.read, p_user)
                         OR (p_kind = 1 AND pg_temp.reached(i.delivered, p_user)) AS got
                  OFFSET 0) g
    WHERE i.thread_id = t.id AND i.said IS NULL
$$;

-- Moves one member's prefix of what it has read (p_kind 0) or was pushed (1) over the messages
-- just placed, with ranges beyond it. p_prefix: where it stands; p_open: whether messages before
-- these are still owed or wait. Returns the new prefix and how many of these are owed: visible to
-- the user, of somebody else, and not reached.
CREATE FUNCTION pg_temp.place_marks(t threads, p_user bigint, p_kind smallint, p_prefix bigint,
                                    p_open boolean, OUT ret_prefix bigint, OUT ret_owed bigint)
LANGUAGE plpgsql AS $$
DECLARE
    v_first bigint;
    v_last  bigint;
BEGIN
    SELECT count(*) FILTER (WHERE s.owed), min(s.seq) FILTER (WHERE s.owed OR s.waits), max(s.seq)
    INTO ret_owed, v_first, v_last FROM pg_temp.steps(t, p_user, p_kind) s;
    IF p_open THEN
        ret_prefix := p_prefix;
        v_first := t.last_seq;
    ELSE
        ret_prefix := coalesce(v_first - 1, v_last);
    END IF;
    INSERT INTO marks
    SELECT t.id, p_user, p_kind, min(seq), max(seq)
    FROM (SELECT seq, reached, seq - row_number() OVER (ORDER BY seq) AS island
          FROM pg_temp.steps(t, p_user, p_kind)
          WHERE NOT owed AND NOT waits AND seq > v_first) s
    GROUP BY island HAVING bool_or(reached);
END $$;

-- Direct threads in which nobody owes or will owe anything: what most of a history is.
CREATE FUNCTION pg_temp.settle_read() RETURNS void
LANGUAGE sql AS $$
    UPDATE threads t SET
        last_seq = n.seq, rev = rev + n.n, updated_at = greatest(updated_at, n.at),
        count_lo = count_lo + n.n, count_hi = count_hi + n.n,
        read_lo = n.seq, read_hi = n.seq, delivered_lo = n.seq, delivered_hi = n.seq
    FROM (SELECT thread_id, count(*) AS n, max(seq) AS seq, max(at) AS at
          FROM incoming WHERE said IS NULL GROUP BY thread_id
          HAVING bool_and(coalesce(read #>> '{}', 'true') = 'true' AND held = 0)) n
    WHERE t.id = n.thread_id AND t.kind = 0 AND t.unread_lo = 0 AND t.unread_hi = 0
      AND t.delivered_lo = t.last_seq AND t.delivered_hi = t.last_seq
$$;

-- Positions and counters of one thread that messages were placed in.
CREATE FUNCTION pg_temp.settle(t threads) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    r      record;
    v_lo   record;
    v_hi   record;
    v_got  record;
    v_read record;
    v_new  record;
    v_asks boolean := t.state = 1 AND NOT lacks_request(t.state, t.opener_id, t.lo_id, t.count_lo,
                                                        t.count_hi);
BEGIN
    SELECT count(*) AS n, max(at) AS at, max(seq) AS seq,
           count(*) FILTER (WHERE author_id = t.lo_id OR held = 0) AS seen_lo,
           count(*) FILTER (WHERE author_id = t.hi_id OR held = 0) AS seen_hi
    INTO v_new FROM incoming WHERE thread_id = t.id AND said IS NULL;
    IF t.kind = 1 THEN
        UPDATE threads SET last_seq = v_new.seq, rev = rev + v_new.n,
                           count_lo = count_lo + v_new.n,
                           updated_at = greatest(updated_at, v_new.at) WHERE id = t.id;
        FOR r IN SELECT * FROM members m WHERE m.thread_id = t.id AND m.joined_seq < v_new.seq
        LOOP
            SELECT * INTO v_read
            FROM pg_temp.place_marks(t, r.user_id, 0::smallint, r.read_seq, r.read_seq < t.last_seq);
            SELECT * INTO v_got
            FROM pg_temp.place_marks(t, r.user_id, 1::smallint, r.delivered_seq,
                                     r.delivered_seq < t.last_seq);
            UPDATE members m SET read_seq = greatest(m.joined_seq, v_read.ret_prefix),
                                 delivered_seq = greatest(m.joined_seq, v_got.ret_prefix)
            WHERE m.thread_id = t.id AND m.user_id = r.user_id;
        END LOOP;
        RETURN;
    END IF;
    -- Behind a request others may wait.
    SELECT * INTO v_lo FROM pg_temp.place_marks(t, t.lo_id, 0::smallint, t.read_lo,
                                                t.unread_lo > 0 OR v_asks);
    SELECT * INTO v_hi FROM pg_temp.place_marks(t, t.hi_id, 0::smallint, t.read_hi,
                                                t.unread_hi > 0 OR v_asks);
    UPDATE threads SET
        last_seq = v_new.seq, rev = rev + v_new.n, updated_at = greatest(updated_at, v_new.at),
        count_lo = count_lo + v_new.seen_lo, count_hi = count_hi + v_new.seen_hi,
        read_lo = v_lo.ret_prefix, unread_lo = unread_lo + v_lo.ret_owed,
        read_hi = v_hi.ret_prefix, unread_hi = unread_hi + v_hi.ret_owed
    WHERE id = t.id;
    SELECT * INTO v_lo FROM pg_temp.place_marks(t, t.lo_id, 1::smallint, t.delivered_lo,
                                                t.delivered_lo < t.last_seq);
    SELECT * INTO v_hi FROM pg_temp.place_marks(t, t.hi_id, 1::smallint, t.delivered_hi,
                                                t.delivered_hi < t.last_seq);
    UPDATE threads SET
        delivered_lo = v_lo.ret_prefix, delivered_hi = v_hi.ret_prefix,
        gaps_lo = EXISTS (SELECT 1 FROM marks WHERE thread_id = t.id AND user_id = t.lo_id AND kind = 1),
        gaps_hi = EXISTS (SELECT 1 FROM marks WHERE thread_id = t.id AND user_id = t.hi_id AND kind = 1)
    WHERE id = t.id;
END $$;

CREATE FUNCTION pg_temp.import_messages(p json, p_text_max int) RETURNS TABLE (said text)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    t     threads;
    v_ids bigint[];
BEGIN
    PERFORM pg_temp.incoming_read(p, p_text_max);
    UPDATE incoming i SET said = 'known'
    WHERE i.said IS NULL AND EXISTS (SELECT 1 FROM messages m WHERE m.uuid = i.uuid);
    UPDATE incoming i SET said = 'known'
    FROM (SELECT o, row_number() OVER (PARTITION BY uuid ORDER BY o) AS n
          FROM incoming j WHERE j.said IS NULL) d
    WHERE d.o = i.o AND d.n > 1;

    -- Who locks several threads takes direct ones first, each kind by id.
    FOR t IN
        SELECT * FROM threads
        WHERE id IN (SELECT thread_id FROM incoming i WHERE i.said IS NULL)
        ORDER BY kind, id FOR NO KEY UPDATE
    LOOP
        IF t.kind = 0 THEN
            UPDATE incoming i SET said = 'the author is no member'
            WHERE i.thread_id = t.id AND i.said IS NULL AND i.author_id NOT IN (t.lo_id, t.hi_id);
        END IF;
        IF t.kind = 0 AND t.state = 1 THEN
            UPDATE incoming i SET said = 'the thread waits for its approval'
            WHERE i.thread_id = t.id AND i.said IS NULL AND i.author_id <> t.opener_id;
        END IF;
        -- A block keeps for good what waits then, and nothing comes to wait behind it.
        UPDATE incoming i SET seq = t.last_seq + n.n,
               held = CASE WHEN t.kind = 1 THEN 0 WHEN i.hidden THEN 2
                           WHEN t.state = 0
                                OR (n.shown = 1 AND lacks_request(t.state, t.opener_id, t.lo_id,
                                                                  t.count_lo, t.count_hi)) THEN 0
                           WHEN t.blocked_lo OR t.blocked_hi THEN 2 ELSE 1 END
        FROM (SELECT o, row_number() OVER (ORDER BY o) AS n,
                     count(*) FILTER (WHERE NOT j.hidden) OVER (ORDER BY o) AS shown
              FROM incoming j WHERE j.thread_id = t.id AND j.said IS NULL) n
        WHERE n.o = i.o;
    END LOOP;

    -- After the row locks: that is why ids grow with seq.
    SELECT array_agg(nextval('message_id_seq')) INTO v_ids
    FROM incoming i WHERE i.said IS NULL;
    UPDATE incoming i SET id = v_ids[n.n],
           attachments = CASE WHEN i.links IS NOT NULL
                              THEN pg_temp.attach(i.links, i.author_id, i.at) END
    FROM (SELECT o, row_number() OVER (ORDER BY o) AS n FROM incoming j WHERE j.said IS NULL) n
    WHERE n.o = i.o;
    INSERT INTO messages (thread_id, seq, id, author_id, created_at, uuid, held, text, attachments)
    SELECT thread_id, i.seq, i.id, author_id, at, uuid, held, body, attachments
    FROM incoming i WHERE i.said IS NULL ORDER BY thread_id, i.seq;
    INSERT INTO file_uses
    SELECT substr(a, 2)::bigint, i.thread_id, i.seq
    FROM incoming i, unnest(i.attachments) a WHERE i.said IS NULL AND a LIKE 'f%';
    PERFORM pg_temp.settle_read();
    FOR t IN
        SELECT x.* FROM threads x
        JOIN (SELECT thread_id, max(i.seq) AS seq FROM incoming i WHERE i.said IS NULL
              GROUP BY thread_id) n ON n.thread_id = x.id AND n.seq > x.last_seq
    LOOP
        PERFORM pg_temp.settle(t);
    END LOOP;
    RETURN QUERY SELECT coalesce(i.said, 'new') FROM incoming i ORDER BY i.o;
END $$;
