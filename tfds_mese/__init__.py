"""The MESE scenes as a TensorFlow Datasets dataset, built and read without TensorFlow."""
