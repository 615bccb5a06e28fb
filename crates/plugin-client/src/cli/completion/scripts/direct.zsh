#compdef @FILE@
# Completes @FILE@ in zsh, called directly: put this file as _@FILE@ into a directory of $fpath, as in
#   @FILE@ completion zsh > "${fpath[1]}/_@FILE@"
# or, after compinit, in ~/.zshrc:
#   source <(@FILE@ completion zsh)

_@FUNCTION@() {
    local line directive=4 all=() order=()
    for line in "${(@f)$(${(Q)words[1]} __complete "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}"; do
        if [[ $line =~ '^:[0-9]+$' ]]; then
            directive=${line#:}
        elif [[ -n $line ]]; then
            # A colon separates value and description.
            all+=("${${line%%$'\t'*}//:/\\:}${${(M)line:#*$'\t'*}:+:${line#*$'\t'}}")
        fi
    done
    # The candidates are values: the flag before = is not in them.
    [[ $PREFIX == -*=* ]] && compset -P 1 '*='
    (( directive & 32 )) && order=(-V)
    if (( ${#all} )); then
        _describe $order completions all
    elif (( ! (directive & 4) )); then
        _files
    fi
}

if [[ $funcstack[1] == _@FILE@ ]]; then
    _@FUNCTION@ "$@"
else
    compdef _@FUNCTION@ @FILE@
fi
