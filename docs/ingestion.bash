# Completion for ingestion.py: source this file. Written by tools/make_manual.py.
_ingestion() {
    local word words=""
    local commands='run watch send receive status held review explain check verify audit recipe support-bundle retry reconcile rebuild prune reidentify identify offboard'
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        [[ " $commands " == *" $word "* ]] && break
    done
    case "$word" in
        run) words='-h --help --home --config --version --json --watch --dry-run --customer --min-age --max-files --max-duration --workers --dask --report' ;;
        watch) words='-h --help --home --config --version --json --customer --min-age --max-files --max-duration --workers --dask' ;;
        send) words='-h --help --home --config --version --json' ;;
        receive) words='-h --help --home --config --version --json --port' ;;
        status) words='-h --help --home --config --version --json' ;;
        held) words='list show release reject export -h --help --home --config --version --json --customer --code --rejected --to' ;;
        review) words='-h --help --home --config --version --json --port' ;;
        explain) words='-h --help --home --config --version --json --customer --html --show-values' ;;
        check) words='-h --help --home --config --version --json' ;;
        verify) words='-h --help --home --config --version --json' ;;
        audit) words='-h --help --home --config --version --json --customer --export' ;;
        recipe) words='lint coverage diff -h --help --home --config --version --json' ;;
        support-bundle) words='-h --help --home --config --version --json' ;;
        retry) words='-h --help --home --config --version --json' ;;
        reconcile) words='-h --help --home --config --version --json' ;;
        rebuild) words='-h --help --home --config --version --json' ;;
        prune) words='-h --help --home --config --version --json --dry-run' ;;
        reidentify) words='-h --help --home --config --version --json' ;;
        identify) words='-h --help --home --config --version --json --export' ;;
        offboard) words='-h --help --home --config --version --json --confirm' ;;
        *) words="$commands "'-h --help --home --config --version --json --watch --dry-run --customer --min-age --max-files --max-duration --workers --dask --report' ;;
    esac
    COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _ingestion ingestion.py
