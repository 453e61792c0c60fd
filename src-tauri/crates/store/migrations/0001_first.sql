-- The first schema. Once released it is never edited again: changes go into a migration of their own.
-- Times are milliseconds since the Unix epoch, UTC. No column holds a secret.

PRAGMA application_id = 0x57616b65; -- "Wake"

-- One row. The id keeps the keyring entries of two data directories apart.
CREATE TABLE homelab (
    id TEXT NOT NULL PRIMARY KEY
) STRICT;
INSERT INTO homelab (id) VALUES (lower(hex(randomblob(16))));

-- AUTOINCREMENT: an id is never used twice, so that history and keyring entries never point to another node.
CREATE TABLE node (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL CHECK (kind IN ('machine', 'vm', 'lxc', 'container')),
    host INTEGER REFERENCES node (id) DEFERRABLE INITIALLY DEFERRED,
    platform_id TEXT,
    address TEXT,
    wol TEXT CHECK (json_valid(wol)),
    ssh TEXT CHECK (json_valid(ssh)),
    proxmox_api TEXT CHECK (json_valid(proxmox_api)),
    docker_api TEXT CHECK (json_valid(docker_api)),
    settings TEXT NOT NULL CHECK (json_valid(settings))
) STRICT;
CREATE INDEX node_by_host ON node (host);

CREATE TABLE dependency (
    node INTEGER NOT NULL REFERENCES node (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    dependency INTEGER NOT NULL REFERENCES node (id) DEFERRABLE INITIALLY DEFERRED,
    PRIMARY KEY (node, position),
    UNIQUE (node, dependency),
    CHECK (node <> dependency)
) STRICT, WITHOUT ROWID;
CREATE INDEX dependency_by_dependency ON dependency (dependency);

CREATE TABLE discovered (
    id INTEGER PRIMARY KEY,
    host INTEGER NOT NULL REFERENCES node (id) ON DELETE CASCADE,
    capability TEXT NOT NULL CHECK (capability IN ('proxmox_api', 'docker_api')),
    platform_id TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('vm', 'lxc', 'container')),
    name TEXT NOT NULL,
    identity TEXT,
    details TEXT NOT NULL CHECK (json_valid(details)),
    first_seen INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    vanished_at INTEGER,
    UNIQUE (host, capability, platform_id)
) STRICT;

CREATE TABLE trust (
    endpoint TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('host_key', 'certificate')),
    algorithm TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    accepted_at INTEGER NOT NULL,
    PRIMARY KEY (endpoint, kind, algorithm)
) STRICT, WITHOUT ROWID;

CREATE TABLE cascade (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    node INTEGER REFERENCES node (id) ON DELETE SET NULL,
    node_name TEXT NOT NULL,
    action TEXT NOT NULL CHECK (action IN ('start', 'stop')),
    automatic INTEGER NOT NULL CHECK (automatic IN (0, 1)),
    plan TEXT NOT NULL CHECK (json_valid(plan)),
    names TEXT NOT NULL CHECK (json_valid(names)),
    begun_at INTEGER NOT NULL,
    ended_at INTEGER,
    outcome TEXT CHECK (outcome IN ('completed', 'failed', 'cancelled', 'interrupted')),
    dismissed_at INTEGER,
    CHECK ((ended_at IS NULL) = (outcome IS NULL)),
    CHECK (dismissed_at IS NULL OR ended_at IS NOT NULL)
) STRICT;
CREATE INDEX cascade_by_node ON cascade (node);
CREATE INDEX cascade_unfinished ON cascade (id) WHERE ended_at IS NULL;

CREATE TABLE cascade_step (
    cascade INTEGER NOT NULL REFERENCES cascade (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    node INTEGER REFERENCES node (id) ON DELETE SET NULL,
    node_name TEXT NOT NULL,
    action TEXT NOT NULL CHECK (action IN ('start', 'stop')),
    begun_at INTEGER,
    ended_at INTEGER,
    outcome TEXT CHECK (outcome IN ('done', 'failed', 'skipped', 'cancelled', 'interrupted')),
    error TEXT CHECK (json_valid(error)),
    reason TEXT,
    PRIMARY KEY (cascade, position),
    CHECK ((ended_at IS NULL) = (outcome IS NULL)),
    CHECK ((outcome IS 'failed') = (error IS NOT NULL)),
    CHECK (outcome IS NOT 'done' OR begun_at IS NOT NULL)
) STRICT, WITHOUT ROWID;
CREATE INDEX cascade_step_by_node ON cascade_step (node);
CREATE INDEX cascade_step_durations ON cascade_step (node, action, ended_at) WHERE outcome = 'done';

-- The primary key is what keeps two cascades from working on one node.
CREATE TABLE node_lock (
    node INTEGER NOT NULL PRIMARY KEY REFERENCES node (id) ON DELETE CASCADE,
    cascade INTEGER NOT NULL REFERENCES cascade (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX node_lock_by_cascade ON node_lock (cascade);

CREATE TABLE hold (
    node INTEGER NOT NULL PRIMARY KEY REFERENCES node (id) ON DELETE CASCADE,
    held_until INTEGER NOT NULL,
    set_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE question (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    node INTEGER NOT NULL REFERENCES node (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    reason TEXT NOT NULL,
    cascade INTEGER REFERENCES cascade (id) ON DELETE SET NULL,
    asked_at INTEGER NOT NULL,
    ask_again_at INTEGER,
    settled_at INTEGER,
    answer TEXT,
    CHECK ((settled_at IS NULL) = (answer IS NULL))
) STRICT;
CREATE INDEX question_by_node ON question (node);
CREATE INDEX question_by_cascade ON question (cascade);
CREATE UNIQUE INDEX question_open ON question (node, kind) WHERE settled_at IS NULL;

-- For display until something has been observed; a plan is never made from it.
CREATE TABLE state (
    node INTEGER NOT NULL PRIMARY KEY REFERENCES node (id) ON DELETE CASCADE,
    state TEXT NOT NULL CHECK (json_valid(state)),
    since INTEGER NOT NULL,
    seen INTEGER NOT NULL,
    source TEXT NOT NULL,
    note TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE setting (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL CHECK (json_valid(value))
) STRICT, WITHOUT ROWID;

CREATE TABLE journal (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    node INTEGER REFERENCES node (id) ON DELETE SET NULL,
    node_name TEXT,
    cascade INTEGER REFERENCES cascade (id) ON DELETE SET NULL,
    message TEXT NOT NULL,
    reason TEXT,
    details TEXT CHECK (json_valid(details))
) STRICT;
CREATE INDEX journal_by_node ON journal (node);
CREATE INDEX journal_by_cascade ON journal (cascade);
CREATE INDEX journal_by_kind ON journal (kind);

CREATE VIRTUAL TABLE journal_text USING fts5 (
    message, reason, node_name,
    content = 'journal', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2'
);
CREATE TRIGGER journal_added AFTER INSERT ON journal BEGIN
    INSERT INTO journal_text (rowid, message, reason, node_name)
    VALUES (new.id, new.message, new.reason, new.node_name);
END;
CREATE TRIGGER journal_removed AFTER DELETE ON journal BEGIN
    INSERT INTO journal_text (journal_text, rowid, message, reason, node_name)
    VALUES ('delete', old.id, old.message, old.reason, old.node_name);
END;
