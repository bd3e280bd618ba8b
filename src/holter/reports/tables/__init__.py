"""A tape as files for other programs: tables in CSV or Parquet, and events for TensorBoard."""
