# Completion of mq for bash. Load it with: source <(mq completion bash)
# It runs nothing that stands on the line, and no name of a queue: mq itself splits the line, and answers words that are quoted already.
_mq_complete() {
    local IFS=$'\n' out rec
    COMPREPLY=()
    out=$(MQ_COMPLETE_LINE=${COMP_LINE:0:COMP_POINT} command mq __complete bash 2>/dev/null </dev/null)
    case $? in
        0) ;;
        10) compopt -o default 2>/dev/null && return 0 ;;
        *) return 0 ;;
    esac
    while IFS= read -r rec; do
        [ -n "$rec" ] && COMPREPLY[${#COMPREPLY[@]}]=$rec
    done <<MQ_NAMES
$out
MQ_NAMES
}
complete -o nosort -F _mq_complete mq 2>/dev/null || complete -F _mq_complete mq
