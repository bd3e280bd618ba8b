"""The help of every command, and the errors of a wrong command line, in the language of the user."""
