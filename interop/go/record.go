package main

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"io"
	"math"
)

// recordPayments writes the table of payments: what went in, and the bytes that came out.
func recordPayments(to io.Writer) error {
	out := bufio.NewWriter(to)
	fmt.Fprintln(out, "# case\tuserId\tamount\tmethod\tminor units of 0, 2, 3 and 4 decimals\tprotobuf\tjson")
	for _, c := range paymentCases() {
		value, err := c.json()
		if err != nil {
			value = []byte(absent)
		}
		message := absent
		if encoded, err := c.protobuf(); err == nil {
			message = hex.EncodeToString(encoded)
		}
		fmt.Fprintf(out, "%s\t%x\t%016x\t%x\t%s %s %s %s\t%s\t%s\n",
			c.name, c.UserID, math.Float64bits(c.Amount), c.Method,
			minorUnits(c.Amount, 0), minorUnits(c.Amount, 2), minorUnits(c.Amount, 3), minorUnits(c.Amount, 4),
			message, value)
	}
	return out.Flush()
}

// recordMessages writes the table of protobuf messages that are no plain payment.
func recordMessages(to io.Writer) error {
	cases, err := messageCases()
	if err != nil {
		return err
	}
	out := bufio.NewWriter(to)
	fmt.Fprintln(out, "# message\tcase\tprotobuf")
	for _, c := range cases {
		fmt.Fprintf(out, "%s\t%s\t%x\n", c.message, c.name, c.bytes)
	}
	return out.Flush()
}
