"""What evaluations share: their contract, contexts, held-out views, results and their files.

What two evaluations need enters; nothing here knows a mode by name.
"""
