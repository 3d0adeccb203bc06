package main

import (
	"bytes"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"payflow/interop/contract"
)

// messageCase is a protobuf message that is no plain payment.
type messageCase struct {
	message, name string
	bytes         []byte
}

func messageCases() ([]messageCase, error) {
	cases := unusualPayments()
	for _, n := range notifications {
		message, err := proto.Marshal(&contract.Notification{UserId: n.user, Message: n.message})
		if err != nil {
			return nil, err
		}
		cases = append(cases, messageCase{"Notification", n.name, message})
	}
	return cases, nil
}

// unusualPayments are as valid as the usual form, and no encoder of three fields makes them.
func unusualPayments() []messageCase {
	user := textField(1, "u001")
	amount := protowire.AppendFixed64(protowire.AppendTag(nil, 2, protowire.Fixed64Type), math.Float64bits(49.99))
	method := textField(3, "paypal")
	payment := func(name string, fields ...[]byte) messageCase {
		return messageCase{"PaymentRequest", name, bytes.Join(fields, nil)}
	}
	return []messageCase{
		payment("fields from behind", method, amount, user),
		payment("an unknown field between", user, textField(1000, "later"), amount, method),
		payment("a field twice, of which the last holds", textField(1, "u000"), user, amount, method),
	}
}

func textField(number protowire.Number, text string) []byte {
	return protowire.AppendString(protowire.AppendTag(nil, number, protowire.BytesType), text)
}

var notifications = []struct{ name, user, message string }{
	{"plain", "u001", "Payment of 49.99 by paypal received"},
	{"beyond ASCII", "\u540d\u524d", "Zahlung \u00fcber 49,99 \u20ac"},
	{"empty", "", ""},
}
