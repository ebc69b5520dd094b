# shellcheck shell=bash
# Finds or starts the broker: Apache Kafka from a folder, any cluster by its address, or noida-db from PyPI,
# which is enough to look at the platform and not to trust it. Sourced by the commands that need one; needs
# packages.sh and processes.sh.
# Leaves the address in $run/brokers and the kind in $run/broker-kind. With broker_count=3 it starts a cluster
# that keeps three copies of everything and writes to two at least: processes broker, broker-2 and broker-3, each
# with a folder of that name.

noida_version=0.2.3
broker_count=1
# Lines of a broker's properties beside those below.
broker_properties=
# A JVM takes some seconds to start; on a busy machine many.
broker_seconds=90
# Another process may take a free port before the broker does.
broker_attempts=3

# choose_broker CHOICE: sets broker_kind (kafka, address, noida) and brokers where an address is given.
choose_broker() {
    brokers=
    case $1 in
        '') if [ -n "${KAFKA_HOME:-}" ]; then broker_kind=kafka
            elif [ -n "${POINTSTREAM_BROKERS:-}" ]; then broker_kind=address
            else broker_kind=noida; fi ;;
        kafka | noida | address) broker_kind=$1 ;;
        *:*) broker_kind=address brokers=$1 ;;
        *) fail "--broker is kafka, noida, address, or HOST:PORT,..." ;;
    esac
    case $broker_kind in
        kafka) [ -x "${KAFKA_HOME:-}/bin/kafka-server-start.sh" ] ||
            fail "KAFKA_HOME does not name a folder of Apache Kafka: '${KAFKA_HOME:-}'" ;;
        address) brokers=${brokers:-${POINTSTREAM_BROKERS:-}}
            [ -n "$brokers" ] || fail "--broker address needs an address in POINTSTREAM_BROKERS" ;;
    esac
}

start_broker() {
    local attempt
    for ((attempt = 1; attempt <= broker_attempts; attempt++)); do
        case $broker_kind in
            kafka) launch_kafka ;;
            noida) launch_noida ;;
            address) ;;
        esac
        if broker_answers; then
            printf '%s\n' "$brokers" >"$run/brokers"
            printf '%s\n' "$broker_kind" >"$run/broker-kind"
            return
        fi
        stop_processes $(broker_names)
    done
    [ "$broker_kind" = address ] || tail -n 20 "$run/logs/broker.log" >&2
    fail "the broker does not answer at $brokers"
}

# Fails at once if the process ends; gives up after a while if it stays silent, or if fewer of them have found
# each other than were started.
broker_answers() {
    local end=$((SECONDS + broker_seconds))
    until [ "$(kcat -L -m 2 -b "$brokers" 2>/dev/null | grep -c '^  broker ')" -ge "$broker_count" ]; do
        [ "$broker_kind" = address ] || is_alive broker || return 1
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.2
    done
}

launch_kafka() {
    local ports node name cluster
    read -r -a ports <<<"$(free_ports $((2 * broker_count)))"
    # A cluster's id is 16 bytes in base64; one that begins with a hyphen would be taken for an option.
    cluster=$(openssl rand -base64 16 | tr '+/' 'pk' | cut -c1-22)
    brokers= voters=
    for ((node = 1; node <= broker_count; node++)); do
        brokers+=${brokers:+,}127.0.0.1:${ports[2 * node - 2]}
        voters+=${voters:+,}$node@127.0.0.1:${ports[2 * node - 1]}
    done
    export KAFKA_HEAP_OPTS=${KAFKA_HEAP_OPTS:--Xms256m -Xmx700m}
    for ((node = 1; node <= broker_count; node++)); do
        name=$(broker_name "$node")
        rm -rf "${run:?}/$name"
        mkdir "$run/$name"
        kafka_properties "$node" "${ports[2 * node - 2]}" "${ports[2 * node - 1]}" >"$run/$name/server.properties"
        export LOG_DIR=$run/$name/logs
        "$KAFKA_HOME/bin/kafka-storage.sh" format --cluster-id "$cluster" \
            --config "$run/$name/server.properties" >>"$run/logs/$name.log" 2>&1 || {
            tail -n 20 "$run/logs/$name.log" >&2
            fail "Kafka could not format its folder"
        }
        start_process "$name" "$KAFKA_HOME/bin/kafka-server-start.sh" "$run/$name/server.properties"
    done
}

broker_names() {
    local node
    for ((node = 1; node <= broker_count; node++)); do broker_name "$node"; done
}

broker_name() { if [ "$1" = 1 ]; then echo broker; else echo "broker-$1"; fi; }

# A node that is broker and controller, on the loopback interface, for a machine that it shares with the
# services.
kafka_properties() { # NODE PORT CONTROLLER-PORT
    local replicas=$((broker_count < 3 ? broker_count : 3))
    local enough=$((replicas < 3 ? 1 : 2))
    cat <<END
process.roles=broker,controller
node.id=$1
controller.quorum.voters=$voters
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:$2,CONTROLLER://127.0.0.1:$3
advertised.listeners=PLAINTEXT://127.0.0.1:$2
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs=$run/$(broker_name "$1")/data
log.segment.bytes=134217728
log.cleaner.dedupe.buffer.size=16777216
auto.create.topics.enable=false
default.replication.factor=$replicas
min.insync.replicas=$enough
offsets.topic.replication.factor=$replicas
offsets.topic.num.partitions=8
transaction.state.log.replication.factor=$replicas
transaction.state.log.min.isr=$enough
transaction.state.log.num.partitions=8
share.coordinator.state.topic.replication.factor=$replicas
share.coordinator.state.topic.min.isr=$enough
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
num.network.threads=2
num.io.threads=4
num.recovery.threads.per.data.dir=1
END
    # Nobody can take the partitions of a single broker that is about to stop, so it must not give them away: without a
    # leader, Kafka 4.3 notes decided transactions as complete without their markers, and readers of committed records
    # stop there for ever.
    [ "$replicas" -gt 1 ] || echo controlled.shutdown.enable=false
    printf '%s' "$broker_properties"
}

launch_noida() {
    local program ports
    program=$(noida_program) || exit 1
    read -r -a ports <<<"$(free_ports 1)"
    brokers=127.0.0.1:${ports[0]}
    # It was linked against a newer glibc and says so at start; what it needs is there.
    start_process broker "$program" start --only kafka --kafka-port "${ports[0]}" --data-dir "$run/broker"
}

# noida_program: prints the path of the executable.
noida_program() {
    local folder program
    folder=$(pip_environment noida-db "$noida_version") || return 1
    program=$(find "$folder" -path '*/noida_db/noida-db' -type f | head -n 1)
    [ -n "$program" ] || fail "noida-db $noida_version has no executable for this machine"
    chmod +x "$program"
    printf '%s\n' "$program"
}

# free_ports COUNT: different ports that were free a moment ago.
free_ports() {
    python3 - "$1" <<'END'
import socket, sys
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(int(sys.argv[1]))]
print(*(one.getsockname()[1] for one in held))
END
}
