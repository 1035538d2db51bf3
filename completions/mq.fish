# Completion of mq for fish. Load it with: mq completion fish | source
function __mq_complete
    set -l tokens (commandline -opc)
    set -l current (commandline -ct | string unescape)
    or set current (commandline -ct)
    # Fish inserts a leading tilde as it is, unless it stands behind a typed \~ or quote: only there is such a name offered.
    set -l shell fish
    string match -qr '^(\\\\~|[\'"]~)' -- (commandline -ct); and set shell fish-tilde
    command mq __complete $shell -- $tokens[2..-1] "$current" 2>/dev/null </dev/null
    test $status -eq 10; and __fish_complete_path "$current"
end
complete -c mq -e
complete -c mq -f -k -a '(__mq_complete)'
