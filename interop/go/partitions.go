package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"

	"github.com/IBM/sarama"
	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kgo"
)

// partitionCounts are the sizes of topic for which a key's partition is told.
var partitionCounts = []int{1, 2, 3, 6, 8, 12, 50}

// partitioner is a client's own choice of a partition for a key.
type partitioner struct {
	name      string
	partition func(key []byte, count int) (int, error)
}

// partitioners are the clients' own. The first two are FNV-1a as it is used beside payflow's fnv1a_random. The next two
// are FNV-1a as well, and clear the sign of the hash before the modulo instead of after it. The rest are Java's murmur2.
func partitioners() []partitioner {
	return []partitioner{
		{"kafka-go Hash", balancer(&kafka.Hash{})},
		{"sarama Hash", saramaPartitioner(sarama.NewHashPartitioner)},
		{"kafka-go ReferenceHash", balancer(&kafka.ReferenceHash{})},
		{"sarama ReferenceHash", saramaPartitioner(sarama.NewReferenceHashPartitioner)},
		{"franz-go StickyKey", stickyKey},
		{"kafka-go Murmur2", balancer(kafka.Murmur2Balancer{Consistent: true})},
		{"sarama Murmur2", saramaPartitioner(sarama.NewMurmur2Partitioner)},
	}
}

func balancer(balancer kafka.Balancer) func([]byte, int) (int, error) {
	return func(key []byte, count int) (int, error) {
		partitions := make([]int, count)
		for i := range partitions {
			partitions[i] = i
		}
		return balancer.Balance(kafka.Message{Key: key}, partitions...), nil
	}
}

func saramaPartitioner(constructor sarama.PartitionerConstructor) func([]byte, int) (int, error) {
	partitioner := constructor("payment-topic")
	return func(key []byte, count int) (int, error) {
		message := &sarama.ProducerMessage{Topic: "payment-topic", Key: sarama.ByteEncoder(key)}
		partition, err := partitioner.Partition(message, int32(count))
		return int(partition), err
	}
}

func stickyKey(key []byte, count int) (int, error) {
	topic := kgo.StickyKeyPartitioner(nil).ForTopic("payment-topic")
	return topic.Partition(&kgo.Record{Key: key}, count), nil
}

// recordPartitions writes a line for each key: for each partitioner, the partition by each of partitionCounts.
func recordPartitions(to io.Writer) error {
	out := bufio.NewWriter(to)
	fmt.Fprint(out, "# key")
	for _, p := range partitioners() {
		fmt.Fprintf(out, "\t%s of %s partitions", p.name, joined(partitionCounts))
	}
	fmt.Fprintln(out)
	for _, key := range keys() {
		fmt.Fprintf(out, "%x", key)
		for _, p := range partitioners() {
			var chosen []int
			for _, count := range partitionCounts {
				partition, err := p.partition(key, count)
				if err != nil {
					return fmt.Errorf("%s: %w", p.name, err)
				}
				chosen = append(chosen, partition)
			}
			fmt.Fprintf(out, "\t%s", joined(chosen))
		}
		fmt.Fprintln(out)
	}
	return out.Flush()
}

// keys are the same at each call. The first are those that a person would try first.
func keys() [][]byte {
	var keys [][]byte
	for _, text := range []string{
		"", "u", "u0", "u00", "u001", "u002", "u003", "u0001", "payer-1", "ann@example.org", " ", "\x00", "\xff",
		"\x00\x00\x00\x00", "\xff\xff\xff\xff", "\x80\x81\x82\x83\x84\x85\x86\x87", "null", "01945b1e-7c5d-7c3e-9a2b-0123456789ab",
		"Ren\u00e9", "Rene\u0301", "\u540d\u524d", "\u0645\u0633\u062a\u062e\u062f\u0645", "\U0001f4b6", "<b>&\"'</b>",
		// Its FNV-1a is 0x80000000: the one hash whose sign cannot be changed.
		"u0zuoacv",
	} {
		keys = append(keys, []byte(text))
	}
	for _, length := range []int{127, 128, 129, 255} {
		keys = append(keys, []byte(strings.Repeat("k", length)))
	}
	for number := 4; number <= 60; number++ {
		keys = append(keys, fmt.Appendf(nil, "u%03d", number))
	}
	// Any bytes, three keys of each length: murmur2 reads four at a time, and what is left over in another way.
	var seed [32]byte
	random := rand.NewChaCha8(seed)
	for length := 1; length <= 40; length++ {
		for range 3 {
			keys = append(keys, randomBytes(random, length))
		}
	}
	return keys
}

func randomBytes(random *rand.ChaCha8, length int) []byte {
	var bytes []byte
	for len(bytes) < length {
		bytes = binary.LittleEndian.AppendUint64(bytes, random.Uint64())
	}
	return bytes[:length]
}

func joined(numbers []int) string {
	return strings.Trim(fmt.Sprint(numbers), "[]")
}
