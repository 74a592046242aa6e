-- As in 0008, but an hour counts instead of a minute: where the database was away for minutes, the
-- first gateway that is back would find no other beside itself.
CREATE OR REPLACE FUNCTION thread_keep(p_writer bigint, p_kind int, p_actor bigint,
                                       p_result bigint[])
RETURNS bigint[] LANGUAGE plpgsql AS $$
BEGIN
    IF p_result[1] = 0 AND p_result[2] & 2 <> 0 AND p_result[3] <> 0 THEN
        p_result[10] := (SELECT rev FROM threads WHERE id = p_result[3]);
        IF EXISTS (SELECT 1 FROM nodes WHERE at > now() - interval '1 hour' OFFSET 1) THEN
            -- 67: APPROVE, which also takes one rev for each message that it releases.
            INSERT INTO thread_events (thread_id, rev, span, actor_id, kind, result)
            VALUES (p_result[3], p_result[10],
                    CASE WHEN p_kind = 67 THEN 1 + p_result[8] ELSE 1 END, p_actor, p_kind,
                    p_result)
            ON CONFLICT DO NOTHING;
        END IF;
    END IF;
    UPDATE writer SET result = p_result WHERE id = p_writer;
    RETURN p_result;
END $$;
