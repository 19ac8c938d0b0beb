-- A store of version 1, as that version left it: one write of each state, every other kind of row.
PRAGMA application_id = 1869640809;
PRAGMA user_version = 1;
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT);
CREATE TABLE numbers (id INTEGER PRIMARY KEY, epoch INTEGER, server_seq INTEGER, counter INTEGER, token INTEGER, reported INTEGER, watermark INTEGER);
CREATE TABLE members (seq INTEGER PRIMARY KEY, status TEXT, resource TEXT, entity_id TEXT, enqueued_at_ms INTEGER, entry_id TEXT, idempotency_key TEXT, change TEXT, planned_epoch INTEGER, planned_version INTEGER, temporary INTEGER, depends_on TEXT, client_time_ms INTEGER, waits_for TEXT, base_epoch INTEGER, base_version INTEGER, sent INTEGER, told INTEGER, attempts INTEGER, not_before_ms INTEGER, token INTEGER, owner TEXT, until_ms INTEGER, server_seq INTEGER, version INTEGER);
CREATE TABLE versions (resource TEXT, entity_id TEXT, epoch INTEGER, version INTEGER, PRIMARY KEY (resource, entity_id));
CREATE TABLE aliases (temporary TEXT PRIMARY KEY, id TEXT);
CREATE TABLE reports (number INTEGER PRIMARY KEY, seq INTEGER, entry_id TEXT, verdict TEXT, code TEXT, server_seq INTEGER, version INTEGER, ids TEXT);
CREATE TABLE documents (atom TEXT PRIMARY KEY, content TEXT);
INSERT INTO meta VALUES ('client', 'me'), ('key', 'outbox');
INSERT INTO numbers VALUES (0, 2, 40, 9, 5, 3, 4);
INSERT INTO members (seq, status, resource, entity_id, enqueued_at_ms, entry_id, idempotency_key, change, planned_epoch, planned_version, temporary, depends_on, client_time_ms, waits_for, base_epoch, base_version, sent, told, attempts, not_before_ms, token, owner, until_ms, server_seq, version) VALUES
  (3, 'acked', 'todos', 't1', 1000, 'e3', 'k3', '{"create":{"title":"tea"}}', NULL, NULL, 1, NULL, 900, NULL, NULL, NULL, 1, 1, 0, NULL, NULL, NULL, NULL, 44, 7),
  (5, 'in-flight', 'todos', '17', 2000, 'e5', 'k5', '[{"op":"replace","path":"/title","value":"coffee"}]', 2, 3, 0, '["e3"]', 1900, '[3]', 2, 4, 1, 0, 2, NULL, 5, 'worker', 30000, NULL, NULL),
  (6, 'queued', 'todos', '17', 3000, 'e6', 'k6', '{"delete":true}', NULL, NULL, 0, NULL, 2900, NULL, NULL, NULL, 0, 0, 0, 250, NULL, NULL, NULL, NULL, NULL),
  (7, 'parked', 'todos', '18', 4000, 'e7', 'k7', '{"upsert":1}', NULL, NULL, 0, NULL, 3900, NULL, NULL, NULL, 1, 0, 5, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO members (seq, status, temporary) VALUES (8, 'open', 0);
INSERT INTO members (seq, status, temporary, not_before_ms) VALUES (9, 'skip', 0, 0);
INSERT INTO versions VALUES ('todos', '17', 2, 4);
INSERT INTO aliases VALUES ('t1', '17'), ('t0', NULL);
INSERT INTO reports VALUES (2, 3, 'e3', 'accepted', NULL, 44, 7, '[["t1","17"]]'), (3, 2, 'e2', 'refused', 'invalid', NULL, NULL, NULL);
INSERT INTO documents VALUES ('todos/17', '{"title":"tea"}'), ('todos/18', 'null');
