// The outside world of the latency figures, on Kafka's own client: publishes purchases at a steady rate and notes
// when each award is there. The load is open: what is sent late counts from when it was due, and a slow answer delays
// nothing. What can wait until the end does, because the cores that it takes are those of the services.
//
//   java -cp 'KAFKA/libs/*' Load.java BROKERS SOURCE
//
// Reads a run from each line of its input, parts separated by tabs:
//
//   PURCHASES-TOPIC  AWARDS-TOPIC  PER-SECOND  LINGER-MS  PURCHASES-FILE  ARRIVALS-FILE
//
// A purchase is a line of a key, a tab and a body, an arrival one of microseconds since 1970, a tab and an award.
// Writes "begun" with the microsecond in which the first purchase is due, and "ended" with the processor's
// microseconds that it took itself until as many awards were there as purchases. Ends with its input, and with an
// exception and exit code 1 when a record is refused, nothing comes any more, or a garbage collection held the load up
// while times were taken.

import java.io.BufferedOutputStream;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public final class Load {
    /** Before the first purchase is due. */
    private static final long HEAD_START_MICROS = 200_000;
    /** Whoever has sent all that was due sleeps for so long: one wake-up for several records. Late counts as late. */
    private static final long TICK_MICROS = 1_000;
    /** Awards that do not come for so long do not come. */
    private static final long PATIENCE_MICROS = 60_000_000;
    private static final Duration POLL = Duration.ofMillis(100);

    private record Purchase(byte[] key, byte[] body) {}

    private record Arrival(long micros, byte[] award) {}

    private final String brokers;
    private final byte[] source;
    /** Of the thread that sends, or of a record that the broker refused. */
    private final AtomicReference<Exception> failure = new AtomicReference<>();

    private Load(String brokers, String source) {
        this.brokers = brokers;
        this.source = source.getBytes();
    }

    public static void main(String[] arguments) throws Exception {
        var load = new Load(arguments[0], arguments[1]);
        var input = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = input.readLine()) != null; ) load.run(line.split("\t"));
    }

    private void run(String[] parts) throws Exception {
        var purchases = purchases(Path.of(parts[4]));
        try (var reader = reader(parts[1]);
                var writer = writer(Integer.parseInt(parts[3]))) {
            // The first record would pay for the connections.
            writer.partitionsFor(parts[0]);
            System.gc();
            long collected = collections();
            long before = processorMicros(), begin = now() + HEAD_START_MICROS;
            System.out.println("begun " + begin);
            var sender = new Thread(() -> send(writer, parts[0], purchases, begin, Integer.parseInt(parts[2])));
            sender.start();
            var arrivals = arrivals(reader, purchases.size());
            long spent = processorMicros() - before;
            sender.join();
            if (collections() != collected) {
                throw new IllegalStateException("the load's own garbage was collected meanwhile: give it a larger heap");
            }
            write(arrivals, Path.of(parts[5]));
            System.out.println("ended " + spent);
        }
    }

    private static List<Purchase> purchases(Path file) throws IOException {
        var purchases = new ArrayList<Purchase>();
        for (var line : Files.readAllLines(file)) {
            int tab = line.indexOf('\t');
            purchases.add(new Purchase(line.substring(0, tab).getBytes(), line.substring(tab + 1).getBytes()));
        }
        return purchases;
    }

    private void send(
            KafkaProducer<byte[], byte[]> writer, String topic, List<Purchase> purchases, long begin, int perSecond) {
        try {
            for (int number = 0; number < purchases.size(); number++) {
                long due = begin + number * 1_000_000L / perSecond;
                // A thread may be woken before its time, and nothing is sent before it is due.
                for (long ahead; (ahead = due - now()) > 0; ) {
                    LockSupport.parkNanos(Math.max(ahead, TICK_MICROS) * 1_000);
                }
                var purchase = purchases.get(number);
                var record = new ProducerRecord<>(topic, purchase.key, purchase.body);
                record.headers().add(new RecordHeader("ce_source", source));
                writer.send(record, (place, refusal) -> {
                    if (refusal != null) failure.compareAndSet(null, refusal);
                });
            }
            writer.flush();
        } catch (RuntimeException refusal) {
            failure.compareAndSet(null, refusal);
        }
    }

    private List<Arrival> arrivals(KafkaConsumer<byte[], byte[]> reader, int count) throws Exception {
        var arrivals = new ArrayList<Arrival>(count);
        long newest = now();
        while (arrivals.size() < count) {
            var records = reader.poll(POLL);
            long now = now();
            for (ConsumerRecord<byte[], byte[]> record : records) arrivals.add(new Arrival(now, record.value()));
            if (!records.isEmpty()) newest = now;
            if (failure.get() != null) throw failure.get();
            if (now - newest > PATIENCE_MICROS) {
                throw new IllegalStateException(arrivals.size() + " of " + count + " awards are there");
            }
        }
        return arrivals;
    }

    private static void write(List<Arrival> arrivals, Path file) throws IOException {
        try (OutputStream output = new BufferedOutputStream(Files.newOutputStream(file))) {
            for (var arrival : arrivals) {
                output.write((arrival.micros + "\t").getBytes());
                output.write(arrival.award);
                output.write('\n');
            }
        }
    }

    /** As Kafka has them by default: idempotent, each record acknowledged by all copies. */
    private KafkaProducer<byte[], byte[]> writer(int lingerMilliseconds) {
        return new KafkaProducer<>(
                Map.of("bootstrap.servers", brokers, "linger.ms", lingerMilliseconds),
                new ByteArraySerializer(), new ByteArraySerializer());
    }

    /** Of what is committed, from now on. */
    private KafkaConsumer<byte[], byte[]> reader(String topic) {
        var reader = new KafkaConsumer<>(
                Map.<String, Object>of("bootstrap.servers", brokers, "isolation.level", "read_committed",
                        "enable.auto.commit", false),
                new ByteArrayDeserializer(), new ByteArrayDeserializer());
        var places = reader.partitionsFor(topic).stream()
                .map(one -> new TopicPartition(topic, one.partition()))
                .toList();
        reader.assign(places);
        reader.seekToEnd(places);
        // Asked for now, not when the first award is there.
        for (var place : places) reader.position(place);
        return reader;
    }

    private static long processorMicros() {
        return ProcessHandle.current().info().totalCpuDuration().orElseThrow().toNanos() / 1_000;
    }

    private static long collections() {
        return ManagementFactory.getGarbageCollectorMXBeans().stream()
                .mapToLong(GarbageCollectorMXBean::getCollectionCount)
                .sum();
    }

    private static long now() {
        return ChronoUnit.MICROS.between(Instant.EPOCH, Instant.now());
    }
}
