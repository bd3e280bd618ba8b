"""What is settled before a command begins: its streams, what holter.toml sets, and the tape if none was named."""
