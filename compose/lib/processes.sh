# shellcheck shell=bash
# Starts processes that outlive no run: each in a process group of its own, known by its id and its time of
# birth in $run/pids, its output in $run/logs. Sourced by quickstart. Never ends a process by name, and never
# one whose birth differs from what was noted: its id may belong to somebody else by then.

# How long a process may take to end after SIGTERM, in tenths of a second; services promise 5 s, Kafka may
# take longer.
stop_limit=150

# start_process NAME COMMAND...
start_process() {
    local name=$1 pid
    shift
    setsid "$@" </dev/null >>"$run/logs/$name.log" 2>&1 &
    pid=$!
    printf '%s %s\n' "$pid" "$(birth "$pid" || true)" >"$run/pids/$name"
    # Its end, however it comes, is no news for whoever reads the command's output.
    disown "$pid"
}

# birth PID: when it started, in clock ticks since boot; fails if it has ended, reaped or not.
birth() {
    local stat
    { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
    # The second field is the name in parentheses and may hold anything; the third is the state, the 22nd the
    # birth.
    set -- ${stat##*) }
    [ "$1" != Z ] && printf '%s\n' "${20}"
}

# is_alive NAME
is_alive() {
    local pid born
    [ -s "$run/pids/$1" ] && read -r pid born <"$run/pids/$1" || return 1
    [ -n "$born" ] && [ "$(birth "$pid")" = "$born" ]
}

# signal NAME SIGNAL: to the process and everything it started.
signal() {
    local pid
    is_alive "$1" || return 0
    read -r pid _ <"$run/pids/$1"
    kill "-$2" -- "-$pid" 2>/dev/null || kill "-$2" "$pid" 2>/dev/null || true
}

# stop_processes NAME...: all at once, politely, then not.
stop_processes() {
    local name tenths=0
    for name in "$@"; do signal "$name" TERM; done
    for name in "$@"; do
        while is_alive "$name" && [ "$tenths" -lt "$stop_limit" ]; do
            sleep 0.1
            tenths=$((tenths + 1))
        done
        signal "$name" KILL
        rm -f "$run/pids/$name"
    done
}

# stop_everything: what this run folder knows of; the brokers last, so that the others can say goodbye to them.
# What stands still has to go on before it can end.
stop_everything() {
    local file names=() brokers=()
    for file in "$run"/pids/*; do
        [ -e "$file" ] || continue
        signal "${file##*/}" CONT
        if [[ ${file##*/} == broker* ]]; then brokers+=("${file##*/}"); else names+=("${file##*/}"); fi
    done
    [ ${#names[@]} -eq 0 ] || stop_processes "${names[@]}"
    [ ${#brokers[@]} -eq 0 ] || stop_processes "${brokers[@]}"
}

# run_step COMMAND...: a step that takes long, in a group of its own, so that a signal to this script is
# answered at once and ends the step with everything it started ($step is its group).
run_step() {
    local code=0
    set -m
    "$@" </dev/null &
    step=$!
    set +m
    wait "$step" || code=$?
    step=
    return "$code"
}

end_step() {
    [ -z "${step:-}" ] || kill -TERM -- "-$step" 2>/dev/null || true
}
