-- Each user as a line. $1: whether the hashes of passwords and pins come along.
SELECT json_strip_nulls(json_build_object(
    'id', u.id, 'uuid', u.uuid, 'username', u.username, 'email', u.email,
    'first_name', u.first_name, 'last_name', u.last_name, 'photo', u.photo, 'color', u.color,
    'role', u.role, 'location', u.location,
    'password_hash', CASE WHEN $1::boolean THEN u.password_hash END,
    'pin_hash', CASE WHEN $1::boolean THEN u.pin_hash END,
    'active', u.active, 'created_at', u.created_at,
    'friends', (SELECT json_agg(f.uuid ORDER BY f.id) FROM friendships s
                JOIN users f ON f.id = s.friend_id WHERE s.user_id = u.id),
    'friend_requests', (SELECT json_agg(f.uuid ORDER BY f.id) FROM friend_requests s
                        JOIN users f ON f.id = s.from_id WHERE s.to_id = u.id)))
FROM users u ORDER BY u.id
