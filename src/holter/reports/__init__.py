"""Show tapes and diagnoses as text, pages and files; reports decide nothing."""
