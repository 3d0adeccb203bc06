package main

import (
	"encoding/json"
	"math"
	"math/big"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	"payflow/interop/contract"
)

// payment is what the services write to payment-topic, in this order of fields.
type payment struct {
	UserID string  `json:"userId"`
	Amount float64 `json:"amount"`
	Method string  `json:"method"`
}

// paymentCase is one payment, and what it is there for.
type paymentCase struct {
	name string
	payment
}

func (p payment) json() ([]byte, error) { return json.Marshal(p) }

func (p payment) protobuf() ([]byte, error) {
	return proto.Marshal(&contract.PaymentRequest{UserId: p.UserID, Amount: p.Amount, Method: p.Method})
}

// minorUnits is the amount in units of 10^-digits, or absent where that is no whole number.
//
// It is exact, and computed by nothing that the recorded bytes go through: from the shortest decimal of the double.
func minorUnits(amount float64, digits int) string {
	value, ok := new(big.Rat).SetString(strconv.FormatFloat(amount, 'f', -1, 64))
	if !ok {
		return absent
	}
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil)
	value.Mul(value, new(big.Rat).SetInt(unit))
	if !value.IsInt() {
		return absent
	}
	return value.Num().String()
}

// paymentCases are in the order in which they are recorded.
func paymentCases() []paymentCase {
	var cases []paymentCase
	add := func(name, user string, amount float64, method string) {
		cases = append(cases, paymentCase{name, payment{user, amount, method}})
	}
	for _, text := range amounts {
		amount, err := strconv.ParseFloat(text, 64)
		if err != nil {
			panic(err)
		}
		add("amount "+text, "u001", amount, "paypal")
	}
	for _, user := range users {
		add("user "+user.name, user.text, 49.99, "paypal")
	}
	for _, method := range methods {
		add("method "+method.name, "u001", 49.99, method.text)
	}
	// Amounts that JSON cannot say, and protobuf can.
	add("amount NaN", "u001", math.NaN(), "paypal")
	add("amount +Inf", "u001", math.Inf(1), "paypal")
	add("amount -Inf", "u001", math.Inf(-1), "paypal")
	return cases
}

// The text of a float64 each. What encoding/json writes for it may differ, which is the point.
var amounts = []string{
	// What people pay.
	"49.99", "10", "10.5", "1", "0.1", "0.5", "0.01", "0.02", "0.03", "0.07", "0.29", "0.57", "0.58", "1.1", "1.15",
	"2.675", "4.35", "8.2", "9.95", "19.99", "33.33", "99.99", "100", "1000.1", "1234.56", "4999", "16.08", "1.005",
	// Three and four decimals, and the smallest of each.
	"0.001", "1.234", "0.0001", "0.0123", "38000.1234",
	// Whole numbers that some encoders write with an exponent.
	"100000000", "1000000000000", "123456789012",
	// Around the largest amount that payflow takes: 10^15 minor units.
	"9999999999999.98", "9999999999999.99", "10000000000000", "10000000000000.01", "999999999999.999",
	"99999999999.9999", "999999999999999", "1000000000000000", "1000000000000001",
	// Where a double no longer holds every minor unit, or every whole number.
	"90071992547409.91", "90071992547409.93", "9007199254740991", "9007199254740993", "9223372036854775807",
	// Where encoding/json changes to an exponent: from 1e21 on, and below 1e-6.
	"999999999999999868928", "1e21", "1.5e300", "1.7976931348623157e308", "0.000001", "0.00000099", "1e-7", "5e-324",
	// Sums that are no decimal: 0.1 + 0.2, and 1.1 * 3.
	"0.30000000000000004", "3.3000000000000003",
	// Never a payment.
	"0", "-0", "-0.01", "-49.99",
}

type text struct{ name, text string }

var users = []text{
	{"with signs of HTML", "<b>&\"'</b>"},
	{"with a backslash", `domain\user`},
	{"with a solidus", "a/b"},
	{"with spaces", " a b "},
	{"with an at sign", "ann@example.org"},
	{"in Latin, composed", "Ren\u00e9"},
	{"in Latin, decomposed", "Rene\u0301"},
	{"in Japanese", "\u540d\u524d"},
	{"in Arabic", "\u0645\u0633\u062a\u062e\u062f\u0645"},
	{"beyond the basic plane", "\U0001f4b6"},
	{"with a joiner", "\U0001f469\u200d\U0001f4bb"},
	{"with line separators", "a\u2028b\u2029c"},
	{"with a no-break space", "a\u00a0b"},
	{"with a byte order mark", "\ufeffu001"},
	{"with the replacement character", "u\ufffd1"},
	{"with a noncharacter", "u\uffff"},
	{"of 128 bytes", strings.Repeat("0123456789abcdef", 8)},
	{"of 128 bytes in 64 characters", strings.Repeat("\u00e9", 64)},
	{"that looks like an escape", `\u003c`},
	// Refused by payflow.
	{"that is empty", ""},
	{"of 129 bytes", strings.Repeat("x", 129)},
	{"with a NUL", "u\x00"},
	{"with a tab", "u\t1"},
	{"with a line feed", "u\n1"},
	{"with a carriage return", "u\r1"},
	{"with a backspace and a form feed", "\b\f"},
	{"with an escape character", "u\x1b[0m"},
	{"with a delete character", "u\x7f"},
	{"with a C1 control", "u\u0085"},
	// Go strings hold any bytes: encoding/json replaces what is not UTF-8, and protobuf refuses it.
	{"that is not UTF-8", "u\xff1"},
}

var methods = []text{
	{"in every letter that is taken", "Card_3-d.s"},
	{"of 64 characters", strings.Repeat("abcdefgh", 8)},
	// Refused by payflow.
	{"that is empty", ""},
	{"of 65 characters", strings.Repeat("x", 65)},
	{"with a space", "pay pal"},
	{"beyond ASCII", "p\u00e4ypal"},
	{"with signs of HTML", "<paypal>"},
	{"with a NUL", "pay\x00pal"},
}
