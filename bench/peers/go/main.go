// The program that payflow is measured beside: what its users would write with Go's Kafka clients.
//
// Each command but gin drains a topic of JSON payments, decodes each value into a struct, commits each second or more
// often, and ends with the line "messages=N seconds=S", from the first record to the last.
package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// settings are what each command is told.
type settings struct {
	brokers  string
	topic    string
	group    string
	messages int64
	handler  time.Duration
	inFlight int
}

func (s *settings) addresses() []string { return strings.Split(s.brokers, ",") }

var commands = map[string]func(settings) error{
	"franz-keyed": franzKeyed,
	"franz-plain": franzPlain,
	"kafka-go":    kafkaGo,
	"watermill":   watermillSubscriber,
	"gin":         ginServer,
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	names := make([]string, 0, len(commands))
	for name := range commands {
		names = append(names, name)
	}
	slices.Sort(names)
	if len(arguments) == 0 || commands[arguments[0]] == nil {
		return fmt.Errorf("the first argument is one of %s", strings.Join(names, ", "))
	}
	var told settings
	flags := flag.NewFlagSet(arguments[0], flag.ContinueOnError)
	flags.StringVar(&told.brokers, "brokers", "", "bootstrap brokers, separated by commas")
	flags.StringVar(&told.topic, "topic", "", "the topic")
	flags.StringVar(&told.group, "group", "", "the consumer group, which reads from the beginning if it is new")
	flags.Int64Var(&told.messages, "messages", 0, "how many records to drain")
	flags.IntVar(&told.inFlight, "in-flight", 64, "how many handlers run at once, where the command lets them be bounded")
	handlerMillis := flags.Int("handler-ms", 0, "how long the handler of a record waits, in milliseconds")
	if err := flags.Parse(arguments[1:]); err != nil {
		return err
	}
	told.handler = time.Duration(*handlerMillis) * time.Millisecond
	if told.brokers == "" || told.topic == "" {
		return fmt.Errorf("%s: -brokers or -topic is missing", arguments[0])
	}
	if arguments[0] != "gin" && (told.group == "" || told.messages < 1 || told.inFlight < 1) {
		return fmt.Errorf("%s: -group, -messages or -in-flight is missing or not above zero", arguments[0])
	}
	return commands[arguments[0]](told)
}
