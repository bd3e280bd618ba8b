"""Done before a command begins: check its streams, read holter.toml, and find the tape if none was named."""
