"""The help of every command, and what is wrong with a command line, in the language of the user."""
