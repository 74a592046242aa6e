-- Times are timestamptz. Everything hot is keyed by thread_id first. No foreign keys: what they
-- would check is checked under the thread's row lock by the functions, and a distributed
-- PostgreSQL could not have them. Enumerations are the numbers of the C headers.

CREATE SEQUENCE user_id_seq AS bigint START 10000000 MINVALUE 10000000 MAXVALUE 9007199254740991;
CREATE SEQUENCE thread_id_seq AS bigint MAXVALUE 9007199254740991;
-- CACHE 1: a session that hoarded ids would break "ids grow with seq within a thread".
CREATE SEQUENCE message_id_seq AS bigint MAXVALUE 9007199254740991 CACHE 1;

CREATE TABLE users (
    id            bigint PRIMARY KEY,
    uuid          uuid NOT NULL UNIQUE,
    username      text,
    email         text,
    first_name    text,
    last_name     text,
    photo         text,
    color         text,
    role          text,
    location      text,
    password_hash text,
    pin_hash      text,
    active        boolean NOT NULL DEFAULT true,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    CHECK (id BETWEEN 10000000 AND 9007199254740991)
);

-- One name space for usernames and e-mails; see name_key().
CREATE TABLE user_names (
    name    text COLLATE "C" PRIMARY KEY,
    user_id bigint NOT NULL
);
CREATE INDEX user_names_user ON user_names (user_id);

-- kind: 0 direct, 1 chat. state (direct): 0 allowed, 1 requested. lo and hi are the two members of
-- a direct thread, lo_id < hi_id; a chat keeps its number of messages in count_lo and leaves the
-- other _lo/_hi columns alone.
--
-- Of each side: read_x: every message up to it is read, held, deleted or own; unread_x: messages
-- of the other one that x may see and has not read (0 also says that read_x may lag behind);
-- delivered_x: likewise a prefix; gaps_x: there are rows in marks; count_x: messages x may see.
-- recent: who wrote the last 63 messages, the newest in bit 0, 1 for hi.
--
-- No index but those that never change, and room in the page: updates stay heap-only.
CREATE TABLE threads (
    id           bigint PRIMARY KEY,
    lo_id        bigint,
    hi_id        bigint,
    opener_id    bigint NOT NULL,
    last_seq     bigint NOT NULL DEFAULT 0,
    rev          bigint NOT NULL DEFAULT 0,
    member_rev   bigint NOT NULL DEFAULT 1,
    read_lo      bigint NOT NULL DEFAULT 0,
    read_hi      bigint NOT NULL DEFAULT 0,
    unread_lo    bigint NOT NULL DEFAULT 0,
    unread_hi    bigint NOT NULL DEFAULT 0,
    delivered_lo bigint NOT NULL DEFAULT 0,
    delivered_hi bigint NOT NULL DEFAULT 0,
    count_lo     bigint NOT NULL DEFAULT 0,
    count_hi     bigint NOT NULL DEFAULT 0,
    recent       bigint NOT NULL DEFAULT 0,
    updated_at   timestamptz NOT NULL,
    created_at   timestamptz NOT NULL,
    uuid         uuid NOT NULL UNIQUE,
    kind         smallint NOT NULL,
    state        smallint NOT NULL DEFAULT 0,
    blocked_lo   boolean NOT NULL DEFAULT false,
    blocked_hi   boolean NOT NULL DEFAULT false,
    gaps_lo      boolean NOT NULL DEFAULT false,
    gaps_hi      boolean NOT NULL DEFAULT false,
    title        text,
    UNIQUE (lo_id, hi_id)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05,
        autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 1);

-- Direct threads have their two rows only so that a user's threads can be found; their positions
-- live in the thread's row. joined_seq and joined_count: what of a chat lies before the member.
CREATE TABLE members (
    thread_id     bigint NOT NULL,
    user_id       bigint NOT NULL,
    joined_seq    bigint NOT NULL DEFAULT 0,
    joined_count  bigint NOT NULL DEFAULT 0,
    read_seq      bigint NOT NULL DEFAULT 0,
    delivered_seq bigint NOT NULL DEFAULT 0,
    joined_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (thread_id, user_id)
) WITH (fillfactor = 70);
CREATE INDEX members_user ON members (user_id, thread_id);

-- held: 0 no, 1 behind a request gate, 2 blocked there for good. Attachments: f and a file's id,
-- or u and a URL.
CREATE TABLE messages (
    thread_id   bigint NOT NULL,
    seq         bigint NOT NULL,
    id          bigint NOT NULL,
    author_id   bigint NOT NULL,
    created_at  timestamptz NOT NULL,
    uuid        uuid NOT NULL,
    held        smallint NOT NULL DEFAULT 0,
    deleted     boolean NOT NULL DEFAULT false,
    text        text NOT NULL,
    attachments text[],
    PRIMARY KEY (thread_id, seq)
) WITH (autovacuum_vacuum_insert_scale_factor = 0.1, autovacuum_analyze_scale_factor = 0.1,
        autovacuum_vacuum_cost_delay = 1);
-- Not unique: the sequence sees to that, and a distributed table could not promise it.
CREATE INDEX messages_id ON messages (id);

-- What a member has read (kind 0) or was pushed (kind 1) beyond the prefix. Ranges of one member
-- and kind neither overlap nor lie in the prefix.
CREATE TABLE marks (
    thread_id bigint NOT NULL,
    user_id   bigint NOT NULL,
    kind      smallint NOT NULL,
    from_seq  bigint NOT NULL,
    to_seq    bigint NOT NULL,
    PRIMARY KEY (thread_id, user_id, kind, from_seq)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05,
        autovacuum_vacuum_threshold = 1000);

CREATE TABLE friendships (
    user_id    bigint NOT NULL,
    friend_id  bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, friend_id)
);

CREATE TABLE friend_requests (
    to_id      bigint NOT NULL,
    from_id    bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (to_id, from_id)
);

CREATE TABLE revoked_tokens (
    fingerprint bytea PRIMARY KEY,
    expires_at  timestamptz NOT NULL
);
CREATE INDEX revoked_tokens_expires ON revoked_tokens (expires_at);

CREATE SEQUENCE file_id_seq AS bigint MAXVALUE 9007199254740991;

-- size: NULL while pieces are missing. attached: there are rows in file_uses.
CREATE TABLE files (
    id         bigint PRIMARY KEY,
    owner_id   bigint NOT NULL,
    size       bigint,
    piece_size integer NOT NULL,
    attached   boolean NOT NULL DEFAULT false,
    name       text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX files_unused ON files (created_at) WHERE NOT attached;

-- The messages that refer to a file.
CREATE TABLE file_uses (
    file_id   bigint NOT NULL,
    thread_id bigint NOT NULL,
    seq       bigint NOT NULL,
    PRIMARY KEY (file_id, thread_id, seq)
);

CREATE TABLE file_pieces (
    file_id bigint NOT NULL,
    piece   integer NOT NULL,
    data    bytea NOT NULL,
    PRIMARY KEY (file_id, piece)
);
ALTER TABLE file_pieces ALTER COLUMN data SET STORAGE EXTERNAL;

CREATE TABLE settings (
    name  text PRIMARY KEY,
    value text NOT NULL
);

-- One row per write connection: the number of the last unit it committed, and that unit's result.
CREATE TABLE writer (
    id      bigint PRIMARY KEY,
    number  bigint NOT NULL,
    result  bigint[],
    at      timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
