"""Real processes killed at random and at every named step, and a checker that looks from outside.

`python -m tests.chaos --runs 500 --kills 200` is the long form; the tests here are the short one.
"""
