"""The optimistic sync coordinator (seed 003): sequence, settlement, rollback, conflicts, resync.

It holds no documents. It knows which mutations are pending, which deltas may be applied next, and
tells its host, by ordered effects, what to do with the documents and what to show.

Read `state` (what it knows), `inputs` and `effects` (its alphabet), then `step` (the rules).
"""
