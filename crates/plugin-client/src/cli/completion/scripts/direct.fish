# Completes @FILE@ in fish, called directly:
#   @FILE@ completion fish > ~/.config/fish/completions/@FILE@.fish

function __@FUNCTION@
    set -l words (commandline -opc)
    set -l last (commandline -ct)
    set -l answer ($words[1] __complete $words[2..-1] "$last" 2>/dev/null)
    # The candidates are values: the flag before = is not in them.
    set -l flag (string match -r -- '^-[^=]*=' "$last")
    if test "$answer[-1]" = :0
        __fish_complete_path (string replace -r -- '^-[^=]*=' '' "$last") | string replace -r -- '^' "$flag"
        return
    end
    for line in $answer[1..-2]
        echo -- "$flag$line"
    end
end

complete -c @FILE@ -f -k -a '(__@FUNCTION@)'
