"""Record what the data workers do, and replace dead and frozen ones."""
