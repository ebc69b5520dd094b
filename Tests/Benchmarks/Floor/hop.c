// A step of a pipeline that does nothing: polls a batch, copies each record to every output topic in a transaction with
// its offsets, and commits. What it takes is what exactly-once costs with this client library on this broker, whatever
// a service does inside. Built and run by `compose/bench --only floor`, with the settings of the services.
//
//   hop BROKERS GROUP MEMBER RECORDS INTERVAL-MS LINGER-MS INPUT-TOPIC OUTPUT-TOPIC...
//
// Members of a group share the partitions; each is there before the first record is. Ends when it has copied so many
// records; 0: when it is told to. A batch ends so long after its first record, and no sooner than the interval after
// the one before, or half as much again as that one took, whichever is less.

#include <librdkafka/rdkafka.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { FIRST_OUTPUT = 8, BATCH = 2000, MAXIMUM_OUTPUTS = 8, MAXIMUM_PARTITIONS = 64, POLL_MS = 100,
       LIMIT_MS = 10000, INITIALIZE_LIMIT_MS = 30000 };

typedef struct { const char *name, *value; } property;

static volatile sig_atomic_t is_stopped;

static void stop(int number) {
    (void)number;
    is_stopped = 1;
}

static void fail(const char *step, const char *reason) {
    fprintf(stderr, "%s: %s\n", step, reason);
    exit(1);
}

static void check(const char *step, rd_kafka_error_t *error) {
    if (error != NULL) fail(step, rd_kafka_error_string(error));
}

static void note_delivery(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque) {
    (void)client;
    (void)opaque;
    if (message->err) fail("deliver", rd_kafka_err2str(message->err));
}

static long number(const char *text) {
    char *end;
    long value = strtol(text, &end, 10);
    if (end == text || *end != 0 || value < 0) fail("not a number", text);
    return value;
}

static rd_kafka_t *make(rd_kafka_type_t type, const property *properties, size_t count) {
    char reason[512];
    rd_kafka_conf_t *configuration = rd_kafka_conf_new();
    for (size_t i = 0; i < count; i++)
        if (rd_kafka_conf_set(configuration, properties[i].name, properties[i].value, reason, sizeof reason)
            != RD_KAFKA_CONF_OK)
            fail(properties[i].name, reason);
    // Without a callback each transaction waits in steps of 10 ms.
    if (type == RD_KAFKA_PRODUCER) rd_kafka_conf_set_dr_msg_cb(configuration, note_delivery);
    rd_kafka_t *client = rd_kafka_new(type, configuration, reason, sizeof reason);
    if (client == NULL) fail("make client", reason);
    return client;
}

static int64_t milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// Up to a batch, which ends so long after its first record, and not before this time.
static int poll_batch(rd_kafka_t *consumer, int64_t earliest_end, long linger, rd_kafka_message_t **batch) {
    int count = 0;
    int64_t end = 0;
    rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, POLL_MS);
    while (message != NULL && count < BATCH) {
        if (message->err) rd_kafka_message_destroy(message);
        else batch[count++] = message;
        if (count == BATCH) break;
        if (end == 0) end = milliseconds() + linger;
        if (end < earliest_end) end = earliest_end;
        int64_t left = end - milliseconds();
        message = rd_kafka_consumer_poll(consumer, left > 0 ? (int)left : 0);
    }
    return count;
}

static void send_offsets(
    rd_kafka_t *producer, rd_kafka_t *consumer, const char *topic, rd_kafka_message_t **batch, int count) {
    int64_t next[MAXIMUM_PARTITIONS] = {0};
    for (int i = 0; i < count; i++)
        if (batch[i]->offset + 1 > next[batch[i]->partition]) next[batch[i]->partition] = batch[i]->offset + 1;
    rd_kafka_topic_partition_list_t *offsets = rd_kafka_topic_partition_list_new(MAXIMUM_PARTITIONS);
    for (int i = 0; i < MAXIMUM_PARTITIONS; i++)
        if (next[i] > 0) rd_kafka_topic_partition_list_add(offsets, topic, i)->offset = next[i];
    rd_kafka_consumer_group_metadata_t *member = rd_kafka_consumer_group_metadata(consumer);
    check("send offsets", rd_kafka_send_offsets_to_transaction(producer, offsets, member, LIMIT_MS));
    rd_kafka_consumer_group_metadata_destroy(member);
    rd_kafka_topic_partition_list_destroy(offsets);
}

static void copy_records(
    rd_kafka_t *producer, char **outputs, int output_count, rd_kafka_message_t **batch, int count) {
    for (int i = 0; i < count; i++)
        for (int output = 0; output < output_count; output++) {
            rd_kafka_resp_err_t error = rd_kafka_producev(
                producer, RD_KAFKA_V_TOPIC(outputs[output]), RD_KAFKA_V_PARTITION(batch[i]->partition),
                RD_KAFKA_V_KEY(batch[i]->key, batch[i]->key_len),
                RD_KAFKA_V_VALUE(batch[i]->payload, batch[i]->len), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                RD_KAFKA_V_END);
            if (error) fail("produce", rd_kafka_err2str(error));
        }
}

int main(int count, char **arguments) {
    if (count <= FIRST_OUTPUT || count - FIRST_OUTPUT > MAXIMUM_OUTPUTS)
        fail("hop", "BROKERS GROUP MEMBER RECORDS INTERVAL-MS LINGER-MS INPUT-TOPIC OUTPUT-TOPIC...");
    const char *brokers = arguments[1], *group = arguments[2], *member = arguments[3], *input = arguments[7];
    const long records = number(arguments[4]), interval = number(arguments[5]), linger = number(arguments[6]);
    signal(SIGTERM, stop);
    const property consuming[] = {
        {"bootstrap.servers", brokers}, {"group.id", group}, {"group.instance.id", member},
        {"isolation.level", "read_committed"}, {"enable.auto.commit", "false"}, {"enable.auto.offset.store", "false"},
        {"auto.offset.reset", "earliest"}, {"partition.assignment.strategy", "range"},
        {"socket.nagle.disable", "true"}, {"fetch.wait.max.ms", "50"},
    };
    const property producing[] = {
        {"bootstrap.servers", brokers}, {"transactional.id", member}, {"transaction.timeout.ms", "10000"},
        {"message.timeout.ms", "8000"}, {"linger.ms", "0"}, {"retry.backoff.ms", "5"},
        {"socket.nagle.disable", "true"}, {"queue.buffering.max.messages", "500000"},
    };
    rd_kafka_t *consumer = make(RD_KAFKA_CONSUMER, consuming, sizeof consuming / sizeof *consuming);
    rd_kafka_poll_set_consumer(consumer);
    rd_kafka_t *producer = make(RD_KAFKA_PRODUCER, producing, sizeof producing / sizeof *producing);
    check("initialise transactions", rd_kafka_init_transactions(producer, INITIALIZE_LIMIT_MS));
    rd_kafka_topic_partition_list_t *inputs = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(inputs, input, RD_KAFKA_PARTITION_UA);
    if (rd_kafka_subscribe(consumer, inputs)) fail("subscribe", input);
    rd_kafka_message_t *batch[BATCH];
    char **outputs = arguments + FIRST_OUTPUT;
    const int output_count = count - FIRST_OUTPUT;
    int64_t newest = 0, rest = interval, markers_end = 0;
    for (long copied = 0; !is_stopped && (records == 0 || copied < records);) {
        int polled = poll_batch(consumer, newest + rest, linger, batch);
        if (polled == 0) continue;
        newest = milliseconds();
        // In the order of the services: see `KafkaTransactionalProducer.commit`.
        int records_go_first = newest >= markers_end;
        check("begin", rd_kafka_begin_transaction(producer));
        if (records_go_first) copy_records(producer, outputs, output_count, batch, polled);
        send_offsets(producer, consumer, input, batch, polled);
        if (!records_go_first) copy_records(producer, outputs, output_count, batch, polled);
        check("commit", rd_kafka_commit_transaction(producer, LIMIT_MS));
        int64_t now = milliseconds(), took = now - newest;
        markers_end = now + took / 2;
        rest = took * 3 / 2 < interval ? took * 3 / 2 : interval;
        copied += polled;
        for (int i = 0; i < polled; i++) rd_kafka_message_destroy(batch[i]);
    }
    rd_kafka_consumer_close(consumer);
    return 0;
}
