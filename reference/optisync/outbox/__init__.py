"""The outbox: a durable queue of writes, ordered, each with exactly one effect and one verdict.

`step` has the rules, `state` what it knows, `rows` what it stores; the text is specs/outbox.md.
"""
