import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.StringJoiner;

import org.apache.kafka.clients.producer.internals.BuiltInPartitioner;

/**
 * Writes the partition that Kafka's Java producer chooses for each key in the first column of a table.
 *
 * <p>The class it asks is the one that KafkaProducer itself uses for a record with a key.
 */
public class Partitions {
    private static final int[] COUNTS = {1, 2, 3, 6, 8, 12, 50};

    public static void main(String[] arguments) throws Exception {
        System.out.println("# key\tJava of " + joined(COUNTS) + " partitions");
        for (String line : Files.readAllLines(Path.of(arguments[0]))) {
            if (line.startsWith("#")) {
                continue;
            }
            String key = line.substring(0, line.indexOf('\t'));
            byte[] bytes = HexFormat.of().parseHex(key);
            int[] chosen = new int[COUNTS.length];
            for (int i = 0; i < COUNTS.length; i++) {
                chosen[i] = BuiltInPartitioner.partitionForKey(bytes, COUNTS[i]);
            }
            System.out.println(key + "\t" + joined(chosen));
        }
    }

    private static String joined(int[] numbers) {
        StringJoiner joiner = new StringJoiner(" ");
        for (int number : numbers) {
            joiner.add(Integer.toString(number));
        }
        return joiner.toString();
    }
}
