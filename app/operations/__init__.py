"""What can be done? One verb a function: load, ask a rule, change rows, add notices. Edges commit, not these."""
