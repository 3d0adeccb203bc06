import com.fasterxml.jackson.databind.ObjectMapper;
import io.confluent.parallelconsumer.ParallelConsumerOptions;
import io.confluent.parallelconsumer.ParallelConsumerOptions.CommitMode;
import io.confluent.parallelconsumer.ParallelConsumerOptions.ProcessingOrder;
import io.confluent.parallelconsumer.ParallelStreamProcessor;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Drains a topic of JSON payments by Confluent's parallel consumer in key order, decoding each value, with commits each
 * second, and ends with the line "messages=N seconds=S", from the first record to the last.
 */
public final class ParallelConsumer {
    /** What each value is decoded into. */
    public record Payment(String userId, double amount, String method) {}

    private static final long PATIENCE_SECONDS = 30;

    public static void main(String[] arguments) throws Exception {
        Map<String, String> told = new HashMap<>();
        for (String argument : arguments) {
            String[] parts = argument.replaceFirst("^-+", "").split("=", 2);
            if (parts.length < 2) {
                throw new IllegalArgumentException(argument + " is no -name=value");
            }
            told.put(parts[0], parts[1]);
        }
        String topic = required(told, "topic");
        long messages = Long.parseLong(required(told, "messages"));
        int inFlight = Integer.parseInt(told.getOrDefault("in-flight", "64"));
        long handlerMillis = Long.parseLong(told.getOrDefault("handler-ms", "0"));

        Properties properties = new Properties();
        properties.put("bootstrap.servers", required(told, "brokers"));
        properties.put("group.id", required(told, "group"));
        properties.put("enable.auto.commit", "false");
        properties.put("auto.offset.reset", "earliest");
        properties.put("isolation.level", "read_committed");
        properties.put("fetch.max.wait.ms", "100");
        var consumer = new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer());
        var options = ParallelConsumerOptions.<byte[], byte[]>builder()
            .consumer(consumer)
            .ordering(ProcessingOrder.KEY)
            .maxConcurrency(inFlight)
            .commitMode(CommitMode.PERIODIC_CONSUMER_ASYNCHRONOUS)
            .commitInterval(Duration.ofSeconds(1))
            .build();

        ObjectMapper mapper = new ObjectMapper();
        AtomicLong begun = new AtomicLong();
        AtomicLong ended = new AtomicLong();
        AtomicLong handled = new AtomicLong();
        CountDownLatch all = new CountDownLatch(1);
        var processor = ParallelStreamProcessor.createEosStreamProcessor(options);
        processor.subscribe(List.of(topic));
        processor.poll(context -> {
            begun.compareAndSet(0, System.nanoTime());
            try {
                Payment payment = mapper.readValue(context.value(), Payment.class);
                if (payment.userId() == null) {
                    throw new IllegalStateException("a record is no payment");
                }
                if (handlerMillis > 0) {
                    Thread.sleep(handlerMillis);
                }
            } catch (Exception failed) {
                throw new RuntimeException(failed);
            }
            if (handled.incrementAndGet() == messages) {
                ended.set(System.nanoTime());
                all.countDown();
            }
        });
        long before = -1;
        while (!all.await(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
            long now = handled.get();
            if (now == before) {
                System.err.println(now + " of " + messages + " records came, and nothing for 30 s");
                System.exit(1);
            }
            before = now;
        }
        System.out.printf(Locale.ROOT, "messages=%d seconds=%.6f%n", messages, (ended.get() - begun.get()) / 1e9);
        // Drained would mean the rest of the topic, too.
        processor.closeDontDrainFirst(Duration.ofSeconds(10));
        System.exit(0);
    }

    private static String required(Map<String, String> told, String name) {
        String value = told.get(name);
        if (value == null || value.isEmpty()) {
            throw new IllegalArgumentException("-" + name + " is missing");
        }
        return value;
    }

    private ParallelConsumer() {}
}
