-- What was saved: the times in which a node was seen on, off or suspended. See wakehub_domain::savings.
-- Released schemas are never edited again: changes go into a migration of their own.

CREATE TABLE power_span (
    node INTEGER NOT NULL REFERENCES node (id) ON DELETE CASCADE,
    since INTEGER NOT NULL,
    until INTEGER NOT NULL,
    running TEXT NOT NULL CHECK (running IN ('on', 'off', 'suspended')),
    seen INTEGER NOT NULL CHECK (seen IN (0, 1)),
    PRIMARY KEY (node, since),
    CHECK (until >= since)
) STRICT, WITHOUT ROWID;
CREATE INDEX power_span_by_end ON power_span (until);
