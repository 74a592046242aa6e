-- What was said with somebody who was deactivated since is found by their name as well: it is read
-- and counted as before.

-- p_thread, or the direct thread of the actor with the user named. p_status: OK, NO_USER (6) or
-- NO_THREAD (7: none, not the actor's, or a chat where p_direct). A user without a thread yet is OK
-- with thread NULL; one who is inactive besides is nobody.
CREATE OR REPLACE FUNCTION thread_ref(p_actor bigint, p_thread bigint, p_id bigint, p_uuid uuid,
                                      p_name text, p_direct boolean,
                                      OUT p_status int, OUT t threads)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_thread bigint := nullif(p_thread, 0);
    u        users;
BEGIN
    p_status := 0;
    IF v_thread IS NULL THEN
        u := user_any(p_id, p_uuid, p_name);
        v_thread := direct_ref(p_actor, u.id);
        IF v_thread IS NULL THEN
            p_status := CASE WHEN u.active THEN 0 ELSE 6 END;
            RETURN;
        END IF;
    END IF;
    SELECT * INTO t FROM threads WHERE id = v_thread;
    IF NOT FOUND OR NOT is_member(t, p_actor) OR (p_direct AND t.kind = 1) THEN
        t := NULL;
        p_status := 7;
    END IF;
END $$;
