"""Scripts and configs to run from a checkout."""
