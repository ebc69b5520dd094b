# shellcheck shell=bash
# Builds the five services and the operator's command, starts each service with a folder of its own, and waits
# until each is ready. Sourced by quickstart; needs processes.sh and a broker.

services=(ingress-gateway rule-evaluator wallet-ledger rewards-issuer notifier)
partitions=8
# From nothing a service needs two or three seconds; the broker's first transactions on a busy machine take
# longer.
ready_seconds=90
# After so long it is worth telling what a service waits for.
patience_seconds=8

# build_release PRODUCT...: with Swift's own library inside the executables. They start in half the time, take some 7 MB
# less memory and a thirtieth less time, and run where no Swift is installed.
build_release() {
    local product
    for product in "$@"; do
        swift build -c release --static-swift-stdlib --package-path "$root" --product "$product"
    done
}

build_services() { build_release "${services[@]}" pointstream; }

find_executables() {
    local product
    bin=$(swift build -c release --package-path "$root" --show-bin-path)
    for product in "${services[@]}" pointstream; do
        [ -x "$bin/$product" ] || fail "there is no $bin/$product; run without --keep-build"
    done
}

create_topics() { # [OPTION...]
    "$bin/pointstream" topics --brokers "$brokers" --prefix "$prefix" --partitions "$partitions" "$@"
}

# write_configuration: the documents that hold secrets or this run's ports, made anew for each run.
write_configuration() {
    local secret
    mkdir -p "$run/config"
    secret=$(cat "$run/receiver/secret")
    cat >"$run/config/subscription.json" <<END
{"kind": "subscription", "id": "quickstart-receiver",
 "url": "http://127.0.0.1:$(cat "$run/receiver/port")/hooks",
 "allowPrivateNetwork": true, "secret": "$secret",
 "types": ["points.awarded", "points.not-awarded", "points.spent"], "active": true}
END
    write_key operator quickstart-operator '"role": "operator"'
    write_key till quickstart-till '"role": "source", "source": "shop"'
}

# write_key NAME KEY ROLE: the document for the platform, and the headers for curl and redeem.py in NAME.curl.
write_key() {
    local secret
    secret=$(openssl rand -hex 24)
    printf '{"kind": "apikey", "id": "%s", %s, "secret": "%s"}\n' "$2" "$3" "$secret" \
        >"$run/config/apikey-$1.json"
    printf 'header = "x-api-key: %s"\nheader = "x-api-secret: %s"\n' "$2" "$secret" >"$run/$1.curl"
}

apply_configuration() {
    "$bin/pointstream" apply "$root"/compose/config/*.json "$run"/config/*.json \
        --brokers "$brokers" --prefix "$prefix"
}

start_receiver() {
    mkdir -p "$run/receiver"
    printf 'whsec_%s\n' "$(openssl rand -base64 32)" >"$run/receiver/secret"
    start_process receiver python3 "$lib/receiver.py" "$run/receiver"
    wait_for_file receiver "$run/receiver/port"
}

start_services() {
    local service
    for service in "${services[@]}"; do start_service "$service"; done
    for service in "${services[@]}"; do wait_ready "$service"; done
    wait_for_file ingress-gateway "$run/data/ingress-gateway/http.port"
}

start_service() {
    mkdir -p "$run/data/$1"
    start_process "$1" env POINTSTREAM_BROKERS="$brokers" POINTSTREAM_PREFIX="$prefix" \
        POINTSTREAM_PARTITIONS="$partitions" POINTSTREAM_DATA="$run/data/$1" POINTSTREAM_OPERATOR_PORT=0 \
        POINTSTREAM_HTTP_PORT=0 "$bin/$1"
}

wait_ready() {
    local name=$1 end=$((SECONDS + ready_seconds)) tell=$((SECONDS + patience_seconds)) port reasons
    wait_for_file "$name" "$run/data/$name/operator.port"
    port=$(cat "$run/data/$name/operator.port")
    until curl -sf -o /dev/null "http://127.0.0.1:$port/readyz"; do
        is_alive "$name" || died "$name"
        reasons=$(curl -s "http://127.0.0.1:$port/readyz" || true)
        [ "$SECONDS" -lt "$end" ] || fail "$name is not ready after $ready_seconds s: $reasons"
        if [ "$SECONDS" -ge "$tell" ]; then
            say "  $name waits: $reasons"
            tell=$((SECONDS + patience_seconds))
        fi
        sleep 0.1
    done
}

wait_for_file() { # PROCESS FILE
    local end=$((SECONDS + ready_seconds))
    until [ -s "$2" ]; do
        is_alive "$1" || died "$1"
        [ "$SECONDS" -lt "$end" ] || fail "$1 has not written $2 after $ready_seconds s"
        sleep 0.05
    done
}

died() {
    tail -n 20 "$run/logs/$1.log" >&2
    fail "$1 has ended; the end of its log stands above"
}
