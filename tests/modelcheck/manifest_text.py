"""A manifest for the specs of this folder, as text the tests can change."""

TEXT = """
[[check]]
id = "counter-3"
module = "Counter"
scope = "limit 3"
constants = { Limit = 3, Mutant = '"none"' }
invariants = ["TypeOK", "Bounded"]
properties = ["SmallSteps", "Moves"]
specification = "Live"
constraints = ["Short"]
distinct = 14
depth = 8
tla_checker = true

[[check]]
id = "counter-1"
module = "Counter"
scope = "limit 1"
constants = { Limit = 1, Mutant = '"none"' }
invariants = ["TypeOK", "Bounded"]
constraints = ["Short"]
distinct = 2
full = true
tla_checker = false
tla_checker_reason = "one is enough here"

[[mutant]]
id = "no-limit"
check = "counter-3"
why = "the bound is not tested"
constants = { Mutant = '"no-limit"' }
violates = "Bounded"
length = 5

[[mutant]]
id = "jump"
check = "counter-3"
why = "down goes to zero"
constants = { Mutant = '"jump"' }
violates = "SmallSteps"
length = 4
"""
