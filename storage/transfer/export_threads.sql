-- Each thread as a line.
SELECT json_strip_nulls(json_build_object(
    'uuid', t.uuid, 'kind', CASE t.kind WHEN 0 THEN 'direct' ELSE 'chat' END, 'title', t.title,
    'opener', o.uuid, 'state', CASE t.state WHEN 1 THEN 'requested' END,
    'members', (SELECT json_agg(CASE WHEN m.joined_count = 0 THEN to_json(u.uuid)
                                ELSE json_build_object('user', u.uuid,
                                                       'joined_after', m.joined_count) END
                                ORDER BY u.id)
                FROM members m JOIN users u ON u.id = m.user_id WHERE m.thread_id = t.id),
    'blocked_by', (SELECT json_agg(u.uuid ORDER BY u.id) FROM users u
                   WHERE (t.blocked_lo AND u.id = t.lo_id) OR (t.blocked_hi AND u.id = t.hi_id)),
    'created_at', t.created_at))
FROM threads t LEFT JOIN users o ON o.id = t.opener_id
WHERE EXISTS (SELECT 1 FROM members m WHERE m.thread_id = t.id)
ORDER BY t.id
