-- How threads and messages look to one user. Callers have checked that the user may look.

-- key under which a username or e-mail is unique: e-mails without regard to case.
CREATE FUNCTION name_key(p_name text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN position('@' IN p_name) > 0 THEN lower(p_name COLLATE "C") ELSE p_name END
$$;

-- The newest message of a thread that the viewer may see; no row when there is none.
CREATE FUNCTION last_visible(p_viewer bigint, p_thread bigint, p_joined bigint)
RETURNS TABLE (seq bigint, id bigint)
LANGUAGE sql STABLE ROWS 1 AS $$
    SELECT m.seq, m.id FROM messages m
    WHERE m.thread_id = p_thread AND m.seq > p_joined AND NOT m.deleted
      AND (m.held = 0 OR m.author_id = p_viewer)
    ORDER BY m.seq DESC LIMIT 1
$$;

-- Unread messages of others in a chat. Counting stops at 10000.
CREATE FUNCTION chat_unread(p_viewer bigint, p_thread bigint, p_read bigint) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT count(*) FROM (
        SELECT 1 FROM messages m
        WHERE m.thread_id = p_thread AND m.seq > p_read AND NOT m.deleted
          AND m.author_id <> p_viewer
          AND NOT EXISTS (SELECT 1 FROM marks k
                          WHERE k.thread_id = p_thread AND k.user_id = p_viewer AND k.kind = 0
                            AND k.from_seq <= m.seq AND k.to_seq >= m.seq)
        LIMIT 10000
    ) u
$$;

-- state: enum dm_thread_state. In the order of p_ids. member: whether the viewer is one.
CREATE FUNCTION thread_view(p_viewer bigint, p_ids bigint[])
RETURNS TABLE (id bigint, uuid uuid, kind smallint, state smallint, title text, lo_id bigint,
               hi_id bigint, opener_id bigint, message_count bigint, unread bigint, rev bigint,
               member_rev bigint, created_at timestamptz, updated_at timestamptz,
               last_message bigint)
LANGUAGE sql STABLE AS $$
    SELECT t.id, t.uuid, t.kind,
           CASE WHEN t.kind = 1 THEN 0
                WHEN (p_viewer = t.lo_id AND t.blocked_lo)
                     OR (p_viewer = t.hi_id AND t.blocked_hi) THEN 2
                WHEN t.blocked_lo OR t.blocked_hi THEN 3
                ELSE t.state END::smallint,
           t.title, t.lo_id, t.hi_id, t.opener_id,
           CASE WHEN m.user_id IS NULL THEN 0
                WHEN t.kind = 1 THEN t.count_lo - m.joined_count
                WHEN p_viewer = t.lo_id THEN t.count_lo ELSE t.count_hi END,
           CASE WHEN m.user_id IS NULL THEN 0
                WHEN t.kind = 1 THEN chat_unread(p_viewer, t.id, m.read_seq)
                WHEN p_viewer = t.lo_id THEN t.unread_lo ELSE t.unread_hi END,
           t.rev, t.member_rev, t.created_at, t.updated_at,
           CASE WHEN m.user_id IS NULL THEN NULL
                ELSE (SELECT l.seq FROM last_visible(p_viewer, t.id, m.joined_seq) l) END
    FROM unnest(p_ids) WITH ORDINALITY i(id, o)
    JOIN threads t ON t.id = i.id
    LEFT JOIN LATERAL (SELECT b.* FROM members b
                       WHERE b.thread_id = t.id AND b.user_id = p_viewer OFFSET 0) m ON true
    ORDER BY i.o
$$;

-- Whether one member has read (p_kind 0) or was pushed (1) a message beyond the prefix.
CREATE FUNCTION marked(p_thread bigint, p_user bigint, p_kind smallint, p_seq bigint)
RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT 1 FROM marks k
                   WHERE k.thread_id = p_thread AND k.user_id = p_user AND k.kind = p_kind
                     AND k.from_seq <= p_seq AND k.to_seq >= p_seq)
$$;

-- What has become of a message: bit 0 pushed to another member, bit 1 read by one, bit 2 read by
-- all others, bit 3 read by the viewer.
CREATE FUNCTION reach_bits(p_got boolean, p_read boolean, p_all boolean, p_mine boolean)
RETURNS int LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN p_got OR p_read THEN 1 ELSE 0 END + CASE WHEN p_read THEN 2 ELSE 0 END
         + CASE WHEN p_all AND p_read THEN 4 ELSE 0 END + CASE WHEN p_mine THEN 8 ELSE 0 END
$$;

-- Of one message of a chat. Members who joined later owe nothing.
CREATE FUNCTION chat_reach(p_viewer bigint, p_thread bigint, p_author bigint, p_seq bigint)
RETURNS int LANGUAGE sql STABLE AS $$
    SELECT reach_bits(bool_or(g), bool_or(r), bool_and(r),
                      p_author = p_viewer OR bool_or(r AND u = p_viewer))
    FROM (SELECT b.user_id AS u,
                 b.read_seq >= p_seq OR marked(p_thread, b.user_id, 0::smallint, p_seq) AS r,
                 b.delivered_seq >= p_seq OR marked(p_thread, b.user_id, 1::smallint, p_seq) AS g
          FROM members b
          WHERE b.thread_id = p_thread AND b.user_id <> p_author AND b.joined_seq < p_seq) o
$$;

-- The gateway's own files among a message's attachments: id, name, size, microseconds, as text.
CREATE FUNCTION attached_files(p_attachments text[]) RETURNS text[]
LANGUAGE sql STABLE AS $$
    SELECT array_agg(x ORDER BY f.id, k)
    FROM files f, LATERAL unnest(ARRAY[f.id::text, f.name, f.size::text,
             (extract(epoch FROM f.created_at) * 1000000)::bigint::text]) WITH ORDINALITY v(x, k)
    WHERE f.id IN (SELECT substr(a, 2)::bigint FROM unnest(p_attachments) a WHERE a LIKE 'f%')
$$;

-- Messages by position, and the newest visible one of each of p_last; whole, in no order.
CREATE FUNCTION message_view(p_viewer bigint, p_threads bigint[], p_seqs bigint[],
                             p_last bigint[])
RETURNS TABLE (thread_id bigint, thread_uuid uuid, seq bigint, id bigint, uuid uuid,
               author_id bigint, recipient_id bigint, body text, attachments text[],
               file_rows text[], created_at timestamptz, held smallint, first boolean, reach int)
LANGUAGE sql STABLE AS $$
    SELECT m.thread_id, t.uuid, m.seq, m.id, m.uuid, m.author_id,
           CASE WHEN t.kind = 1 THEN 0 WHEN m.author_id = t.lo_id THEN t.hi_id
                ELSE t.lo_id END,
           m.text, m.attachments,
           CASE WHEN m.attachments IS NOT NULL THEN attached_files(m.attachments) END,
           m.created_at, m.held, m.seq = 1 AND t.state = 1,
           CASE WHEN m.held <> 0 THEN CASE WHEN m.author_id = p_viewer THEN 8 ELSE 0 END
                WHEN t.kind = 1 THEN chat_reach(p_viewer, t.id, m.author_id, m.seq)
                ELSE reach_bits(d.got, d.read, d.read,
                                m.author_id = p_viewer OR (d.read AND d.peer = p_viewer)) END
    FROM (SELECT x.thread_id, x.seq FROM unnest(p_threads, p_seqs) x(thread_id, seq)
          UNION
          SELECT y.thread_id, l.seq
          FROM unnest(p_last) y(thread_id)
          -- Fenced: never by way of all threads of the viewer.
          CROSS JOIN LATERAL (SELECT m.joined_seq FROM members m
                              WHERE m.thread_id = y.thread_id AND m.user_id = p_viewer
                              OFFSET 0) b
          CROSS JOIN LATERAL last_visible(p_viewer, y.thread_id, b.joined_seq) l) w
    JOIN messages m ON m.thread_id = w.thread_id AND m.seq = w.seq
    JOIN threads t ON t.id = m.thread_id
    LEFT JOIN LATERAL (
        SELECT t.hi_id AS peer,
               t.unread_hi = 0 OR m.seq <= t.read_hi
               OR marked(t.id, t.hi_id, 0::smallint, m.seq) AS read,
               m.seq <= t.delivered_hi
               OR (t.gaps_hi AND marked(t.id, t.hi_id, 1::smallint, m.seq)) AS got
        WHERE m.author_id = t.lo_id
        UNION ALL
        SELECT t.lo_id,
               t.unread_lo = 0 OR m.seq <= t.read_lo
               OR marked(t.id, t.lo_id, 0::smallint, m.seq),
               m.seq <= t.delivered_lo
               OR (t.gaps_lo AND marked(t.id, t.lo_id, 1::smallint, m.seq))
        WHERE m.author_id = t.hi_id) d ON true
$$;
