# shellcheck shell=bash
# The outside till system: publishes a file's lines on `ingress` with kcat, each as it stands. Sourced by
# quickstart; knows the topic's name, the header with the source's name, and nothing else of the platform.

# keyed_lines FILE LINES: `name:number TAB line` of each line of data, the line's bytes unchanged, CR
# included.
keyed_lines() {
    NAME=$(data_name "$1") LINES=$2 awk '
        NR == 1 || NF == 0 { next }
        ENVIRON["LINES"] > 0 && taken == ENVIRON["LINES"] + 0 { exit }
        { taken++; print ENVIRON["NAME"] ":" NR "\t" $0 }' "$1"
}

# data_name FILE: the file's name as it stands in idempotency keys, which are plain text.
data_name() { basename "$1" | tr -c 'A-Za-z0-9._\n-' _; }

# publish PARTITIONER [KCAT-OPTION...]: keyed lines from standard input. Idempotent, since a retry of kcat's
# that doubled a record would be counted as a repeat.
publish() {
    local partitioner=$1
    shift
    kcat -P -b "$brokers" -t "$prefix.ingress.v1" -K $'\t' -H "ce_source=cdnow" \
        -X "partitioner=$partitioner" -X enable.idempotence=true "$@"
}

# feed FILE LINES REPEATS RATE: all purchases with Kafka's own partitioner, then the first REPEATS again with
# kcat's, which puts most of them on other partitions. RATE is in lines per second, 0 for as fast as it goes.
feed() {
    keyed_lines "$1" "$2" | pace "$4" | publish murmur2_random -X linger.ms=20 &&
        keyed_lines "$1" "$3" | pace "$4" | publish consistent_random -X linger.ms=20
}

pace() {
    if [ "$1" -eq 0 ]; then cat; else python3 "$lib/pace.py" "$1"; fi
}
