"""What evaluations share: contexts, held-out views, blocks that resume, results and their files."""
