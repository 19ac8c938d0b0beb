"""The executable specification of optimistic sync: pure machines over immutable values."""
