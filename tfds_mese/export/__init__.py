"""A dataset in files that other tools read, and back: Parquet, WebDataset, Croissant."""
