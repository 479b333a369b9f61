"""What evaluations share: their contract, contexts, held-out views, results and their files."""
