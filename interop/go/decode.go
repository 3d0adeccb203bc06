package main

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"payflow/interop/contract"
)

// decodeStrict reads a payment in hexadecimal from each line, as the services do that know three fields and refuse any
// other, and tells what it understood: userId, bits of the amount, method, and how Go writes the same again.
func decodeStrict(from io.Reader, to io.Writer) error {
	return eachLine(from, to, func(value []byte, out io.Writer) error {
		understood, err := decodeJSON(value)
		if err != nil {
			return err
		}
		again, err := understood.json()
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(out, "%x\t%016x\t%x\t%x\n",
			understood.UserID, math.Float64bits(understood.Amount), understood.Method, again)
		return err
	})
}

// decodeMessages is the same for the protobuf form. What Go writes again holds the fields it does not know.
func decodeMessages(from io.Reader, to io.Writer) error {
	return eachLine(from, to, func(value []byte, out io.Writer) error {
		understood := &contract.PaymentRequest{}
		if err := proto.Unmarshal(value, understood); err != nil {
			return err
		}
		again, err := proto.Marshal(understood)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(out, "%x\t%016x\t%x\t%x\n",
			understood.UserId, math.Float64bits(understood.Amount), understood.Method, again)
		return err
	})
}

// decodeJSON decodes twice, by encoding/json and by ProtoJSON, both strictly; they must understand the same.
func decodeJSON(value []byte) (payment, error) {
	var plain payment
	decoder := json.NewDecoder(bytes.NewReader(value))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&plain); err != nil {
		return payment{}, fmt.Errorf("encoding/json: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return payment{}, errors.New("encoding/json: more than one value")
	}
	var message contract.PaymentRequest
	if err := protojson.Unmarshal(value, &message); err != nil {
		return payment{}, fmt.Errorf("protojson: %w", err)
	}
	if same := (payment{message.UserId, message.Amount, message.Method}); same != plain {
		return payment{}, fmt.Errorf("encoding/json and protojson differ: %+v, %+v", plain, same)
	}
	return plain, nil
}

// eachLine ends at the first line that is refused, and names it.
func eachLine(from io.Reader, to io.Writer, decode func([]byte, io.Writer) error) error {
	out := bufio.NewWriter(to)
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, lineBytesMax)
	for number := 1; lines.Scan(); number++ {
		value, err := hex.DecodeString(lines.Text())
		if err == nil {
			err = decode(value, out)
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", number, errors.Join(err, out.Flush()))
		}
	}
	return errors.Join(lines.Err(), out.Flush())
}

// A record of 1 MB in hexadecimal fits.
const lineBytesMax = 4 << 20
