# Completes @FILE@ in bash, called directly. For this shell:
#   source <(@FILE@ completion bash)
# For all: the same line in ~/.bashrc.

__@FUNCTION@() {
    # The words up to the cursor. Bash has split them at = and : too, which belong to them.
    local rest="${COMP_LINE:0:COMP_POINT}" word words=() i
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word="${COMP_WORDS[i]}"
        if ((i > 0)) && [[ ${#words[@]} -gt 0 && $rest != [[:space:]]* ]]; then
            words[${#words[@]} - 1]+="$word"
        else
            words+=("$word")
        fi
        rest="${rest#"${rest%%[![:space:]]*}"}"
        # What is behind the cursor is not completed.
        ((i < COMP_CWORD)) || words[${#words[@]} - 1]="${words[${#words[@]} - 1]%"$word"}$rest"
        rest="${rest#"$word"}"
    done
    words=("${words[@]/#\~\//$HOME/}")
    # Bash leaves the quotes of the words before, also of --flag='a b'. What needs expansion stays as it was typed.
    local double='^([^"'\''$`\]*)"([^"$`\]*)"$' single='^([^"'\''$`\]*)'\''([^'\'']*)'\''$'
    for ((i = 1; i < ${#words[@]} - 1; i++)); do
        if [[ ${words[i]} =~ $double || ${words[i]} =~ $single ]]; then
            words[i]="${BASH_REMATCH[1]}${BASH_REMATCH[2]}"
        fi
    done
    local typed="${words[${#words[@]} - 1]}" line directive=4 all=()
    while IFS= read -r line; do
        if [[ $line =~ ^:[0-9]+$ ]]; then directive="${line#:}"; else all+=("$line"); fi
    done < <("${words[0]}" __complete "${words[@]:1}" 2>/dev/null)
    # The candidates are values: the flag before = is not in them.
    [[ $typed == -*=* ]] && typed="${typed#*=}"
    # Bash replaces only what follows the last = or : of the word.
    local before="${typed%"${typed##*[=:]}"}"
    COMPREPLY=()
    for line in ${all[@]+"${all[@]}"}; do
        if ((${#all[@]} > 1)) && [[ $line == *$'\t'* && $COMP_TYPE != 37 && $COMP_TYPE != 42 ]]; then
            line="${line%%$'\t'*}  (${line#*$'\t'})"
        else
            line="${line%%$'\t'*}"
        fi
        COMPREPLY+=("${line#"$before"}")
    done
    ((directive & 32)) && compopt -o nosort 2>/dev/null
    ((directive & 4)) || compopt -o default 2>/dev/null
    return 0
}

complete -F __@FUNCTION@ @FILE@
