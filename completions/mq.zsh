#compdef mq
# Completion of mq for zsh. Load it with: source <(mq completion zsh), after compinit; or save it as _mq in a folder of $fpath.
_mq() {
    local -a vals descs
    local out rec
    out=$(command mq __complete zsh -- "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null </dev/null)
    case $? in
        (0) ;;
        (10) _files; return ;;
        (*) return 1 ;;
    esac
    for rec in "${(@f)out}"; do
        [[ -n $rec ]] || continue
        vals+=("${rec%%$'\t'*}")
        descs+=("${rec/$'\t'/  -- }")
    done
    (( $#vals )) || return 1
    compadd -l -d descs -a -- vals
}
if [ "$funcstack[1]" = "_mq" ]; then _mq "$@"; else compdef _mq mq; fi
