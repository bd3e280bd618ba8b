# bash completion of holter. `holter --install-completion` sets up the same for one user.
_holter_completion() {
    local IFS=$'\n'
    COMPREPLY=($(env COMP_WORDS="${COMP_WORDS[*]}" COMP_CWORD="$COMP_CWORD" _HOLTER_COMPLETE=complete_bash "$1" 2>/dev/null))
}

complete -o default -F _holter_completion holter
