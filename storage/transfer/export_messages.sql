-- Each message that is not deleted as a line, in the order of its thread.
SELECT json_strip_nulls(json_build_object(
    'uuid', m.uuid, 'thread', t.uuid, 'author', a.uuid, 'created_at', m.created_at,
    'text', m.text,
    'attachments', (SELECT json_agg(CASE WHEN l LIKE 'u%' THEN to_json(substr(l, 2))
                                    ELSE (SELECT json_build_object('name', f.name, 'data',
                                              (SELECT replace(encode(string_agg(c.data, ''
                                                      ORDER BY c.piece), 'base64'), E'\n', '')
                                               FROM file_pieces c WHERE c.file_id = f.id))
                                          FROM files f WHERE f.id = substr(l, 2)::bigint) END
                                    ORDER BY n)
                    FROM unnest(m.attachments) WITH ORDINALITY x(l, n)),
    'read', CASE WHEN r.readers = r.others THEN to_json(true)
                 WHEN r.readers = 0 THEN to_json(false) ELSE r.read END,
    'delivered', CASE WHEN r.readers = r.others OR r.got = r.others THEN to_json(true)
                      WHEN r.got = 0 THEN to_json(false) ELSE r.delivered END,
    'held', CASE m.held WHEN 2 THEN true END))
FROM messages m
JOIN threads t ON t.id = m.thread_id
JOIN users a ON a.id = m.author_id
CROSS JOIN LATERAL (
    SELECT count(*) AS others, count(*) FILTER (WHERE has_read) AS readers,
           count(*) FILTER (WHERE has_read OR has_got) AS got,
           json_agg(u ORDER BY id) FILTER (WHERE has_read) AS read,
           json_agg(u ORDER BY id) FILTER (WHERE has_read OR has_got) AS delivered
    FROM (SELECT u.id, u.uuid AS u,
                 CASE WHEN t.kind = 1 THEN m.seq <= b.read_seq
                      WHEN b.user_id = t.lo_id THEN t.unread_lo = 0 OR m.seq <= t.read_lo
                      ELSE t.unread_hi = 0 OR m.seq <= t.read_hi END
                 OR marked(t.id, b.user_id, 0::smallint, m.seq) AS has_read,
                 CASE WHEN t.kind = 1 THEN m.seq <= b.delivered_seq
                      WHEN b.user_id = t.lo_id THEN m.seq <= t.delivered_lo
                      ELSE m.seq <= t.delivered_hi END
                 OR marked(t.id, b.user_id, 1::smallint, m.seq) AS has_got
          FROM members b JOIN users u ON u.id = b.user_id
          WHERE b.thread_id = t.id AND b.user_id <> m.author_id AND b.joined_seq < m.seq
            AND m.held = 0) o
) r
WHERE NOT m.deleted
ORDER BY m.thread_id, m.seq
