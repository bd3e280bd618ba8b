# fish completion of holter. `holter --install-completion` sets up the same for one user.
complete --command holter --no-files \
    --arguments "(env _HOLTER_COMPLETE=complete_fish _TYPER_COMPLETE_FISH_ACTION=get-args _TYPER_COMPLETE_ARGS=(commandline -cp) holter 2>/dev/null)" \
    --condition "env _HOLTER_COMPLETE=complete_fish _TYPER_COMPLETE_FISH_ACTION=is-args _TYPER_COMPLETE_ARGS=(commandline -cp) holter 2>/dev/null"
