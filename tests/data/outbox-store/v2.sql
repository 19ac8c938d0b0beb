-- A store of version 2, as that version left it: documents without versions, a chain of own ones,
-- a doubt, a write that was sent twice, a row put aside.
PRAGMA application_id = 1869640809;
PRAGMA user_version = 2;
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT);
CREATE TABLE numbers (id INTEGER PRIMARY KEY, epoch INTEGER, server_seq INTEGER, counter INTEGER, token INTEGER, reported INTEGER, watermark INTEGER);
CREATE TABLE members (seq INTEGER PRIMARY KEY, status TEXT, resource TEXT, entity_id TEXT, enqueued_at_ms INTEGER, entry_id TEXT, idempotency_key TEXT, change TEXT, planned_epoch INTEGER, planned_version INTEGER, temporary INTEGER, depends_on TEXT, client_time_ms INTEGER, waits_for TEXT, base_epoch INTEGER, base_version INTEGER, first_lease INTEGER, told INTEGER, attempts INTEGER, not_before_ms INTEGER, token INTEGER, owner TEXT, until_ms INTEGER, server_seq INTEGER, version INTEGER, delays INTEGER);
CREATE TABLE versions (resource TEXT, entity_id TEXT, epoch INTEGER, version INTEGER, since_epoch INTEGER, since_version INTEGER, PRIMARY KEY (resource, entity_id));
CREATE TABLE aliases (temporary TEXT PRIMARY KEY, id TEXT);
CREATE TABLE reports (number INTEGER PRIMARY KEY, seq INTEGER, entry_id TEXT, verdict TEXT, code TEXT, server_seq INTEGER, version INTEGER, ids TEXT);
CREATE TABLE documents (atom TEXT PRIMARY KEY, content TEXT);
CREATE TABLE doubts (place INTEGER PRIMARY KEY, seq INTEGER UNIQUE, entry_id TEXT, resource TEXT, entity_id TEXT);
CREATE TABLE quarantine (id INTEGER PRIMARY KEY, place TEXT, reason TEXT, content TEXT);
INSERT INTO meta VALUES ('client', 'me'), ('key', 'outbox');
INSERT INTO numbers VALUES (0, 2, 40, 9, 5, 3, NULL);
INSERT INTO members (seq, status, resource, entity_id, enqueued_at_ms, entry_id, idempotency_key, change, planned_epoch, planned_version, temporary, client_time_ms, base_epoch, base_version, first_lease, told, attempts, not_before_ms, server_seq, version, delays) VALUES
  (5, 'acked', 'todos', '17', 2000, 'e5', 'k5', '[{"op":"replace","path":"/title","value":"coffee"}]', 2, 3, 0, 1900, 2, 4, 3, 1, 1, NULL, 44, 7, 2),
  (6, 'queued', 'todos', '18', 3000, 'e6', 'k6', '{"upsert":1}', NULL, NULL, 0, 2900, NULL, NULL, 0, 0, 0, 250, NULL, NULL, 0);
INSERT INTO versions VALUES ('todos', '17', 2, 7, 2, 3);
INSERT INTO aliases VALUES ('t1', '17');
INSERT INTO doubts VALUES (1, 4, 'e4', 'todos', '19');
INSERT INTO reports VALUES (3, 5, 'e5', 'accepted', NULL, 44, 7, NULL);
INSERT INTO quarantine VALUES (1, 'reports 2', 'Invalid value ''perhaps''', '{"number": 2}');
INSERT INTO documents VALUES ('todos/17', '{"title":"tea"}'), ('todos/18', 'null');
