use proptest::prelude::*;

use super::*;

fn currency(code: &str) -> Currency {
    Currency::parse(code).unwrap()
}

/// One currency for each exponent there is, 0 to 4.
fn any_currency() -> impl Strategy<Value = Currency> {
    prop::sample::select(vec!["JPY", "EUR", "BHD", "CLF", "UYW", "USD", "UGX"]).prop_map(currency)
}

#[test]
fn currencies_in_use_are_read_and_others_refused() {
    for (code, exponent) in
        [("JPY", 0), ("EUR", 2), ("VES", 2), ("VED", 2), ("BHD", 3), ("CLF", 4), ("UYW", 4)]
    {
        assert_eq!(currency(code).exponent(), exponent, "{code}");
        assert_eq!(currency(code).code(), code);
    }
    assert_eq!(Currency::parse("HRK"), Err(InvalidCurrency::Withdrawn));
    assert_eq!(Currency::parse("XAU"), Err(InvalidCurrency::NoMinorUnit));
    for code in ["", "eur", "EURO", "ZZZ", "E\u{301}R"] {
        assert_eq!(Currency::parse(code), Err(InvalidCurrency::Unlisted), "{code}");
    }
}

#[test]
fn the_list_of_currencies_does_not_change_unseen() {
    let letters = || (b'A'..=b'Z').map(char::from);
    let codes =
        letters().flat_map(|a| letters().flat_map(move |b| letters().map(move |c| format!("{a}{b}{c}"))));
    let taken: Vec<Currency> = codes.filter_map(|code| Currency::parse(&code).ok()).collect();
    let with = |exponent| {
        let codes =
            taken.iter().filter(|currency| currency.exponent() == exponent).map(|currency| currency.code());
        codes.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(with(0), "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF");
    assert_eq!(with(1), "");
    assert_eq!(with(3), "BHD IQD JOD KWD LYD OMR TND");
    assert_eq!(with(4), "CLF UYW");
    assert_eq!(taken.len(), 165);
}

#[test]
fn the_value_counts_and_not_the_spelling() {
    for token in ["10", "10.0", "10.000000", "1e1", "1E+1", "100e-1", "0.1e2", "0.00001e6"] {
        assert_eq!(Money::from_decimal(token, currency("EUR")).unwrap().minor(), 1_000, "{token}");
    }
}

#[test]
fn what_is_no_exact_amount_is_refused() {
    let euro = currency("EUR");
    let cases = [
        ("", InvalidAmount::NotANumber),
        ("-", InvalidAmount::NotANumber),
        ("01", InvalidAmount::NotANumber),
        (".5", InvalidAmount::NotANumber),
        ("5.", InvalidAmount::NotANumber),
        ("+5", InvalidAmount::NotANumber),
        ("1e", InvalidAmount::NotANumber),
        ("1e+", InvalidAmount::NotANumber),
        ("1e1.0", InvalidAmount::NotANumber),
        ("1_000", InvalidAmount::NotANumber),
        ("NaN", InvalidAmount::NotANumber),
        ("Infinity", InvalidAmount::NotANumber),
        ("0x10", InvalidAmount::NotANumber),
        ("\u{661}", InvalidAmount::NotANumber),
        ("10.001", InvalidAmount::TooPrecise),
        ("1e-3", InvalidAmount::TooPrecise),
        ("1e-400", InvalidAmount::TooPrecise),
        ("1e400", InvalidAmount::OutOfRange),
        ("1e99999999999999", InvalidAmount::OutOfRange),
        ("9223372036854775808", InvalidAmount::OutOfRange),
        ("92233720368547758.08", InvalidAmount::OutOfRange),
        ("10000000000000000000000000000000000000000", InvalidAmount::TooLong),
    ];
    for (token, reason) in cases {
        assert_eq!(Money::from_decimal(token, euro), Err(reason), "{token}");
    }
    assert_eq!(Money::from_decimal("1.5", currency("JPY")), Err(InvalidAmount::TooPrecise));
}

#[test]
fn zeros_do_not_overflow_and_zero_has_no_exponent() {
    assert_eq!(Money::from_decimal("0e99999", currency("EUR")).unwrap().minor(), 0);
    assert_eq!(Money::from_decimal("0.0000000000000000000000000000", currency("JPY")).unwrap().minor(), 0);
    assert_eq!(
        Money::from_decimal("1.00000000000000000000000000000000000000", currency("JPY")).unwrap().minor(),
        1
    );
    assert_eq!(Money::from_decimal("92233720368547758.07", currency("EUR")).unwrap().minor(), i64::MAX);
}

#[test]
fn doubles_are_taken_by_their_shortest_decimal() {
    let euro = currency("EUR");
    assert_eq!(Money::from_double(49.99, euro).unwrap().minor(), 4_999);
    assert_eq!(Money::from_double(0.1 + 0.2, euro), Err(InvalidAmount::TooPrecise));
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(Money::from_double(value, euro), Err(InvalidAmount::NotANumber));
    }
    assert_eq!(Money::from_double(1e300, euro), Err(InvalidAmount::OutOfRange));
}

#[test]
fn decimals_are_printed_as_shortest_doubles_are() {
    for (minor, code, text) in [
        (4_999, "EUR", "49.99"),
        (1_050, "EUR", "10.5"),
        (1_000, "EUR", "10"),
        (7, "JPY", "7"),
        (1, "CLF", "0.0001"),
    ] {
        assert_eq!(Money::new(minor, currency(code)).shortest_decimal(), text);
    }
    assert_eq!(Money::new(100, currency("JPY")).shortest_decimal(), "100");
    assert_eq!(Money::new(-5, currency("EUR")).to_string(), "-0.05 EUR");
    let least = Money::new(i64::MIN, currency("EUR"));
    assert_eq!(Money::from_decimal(&least.shortest_decimal(), currency("EUR")), Ok(least));
}

#[test]
fn arithmetic_is_checked_and_never_mixes_currencies() {
    let (euro, yen) = (currency("EUR"), currency("JPY"));
    assert_eq!(Money::new(1, euro).checked_add(Money::new(1, yen)), None);
    assert_eq!(Money::new(i64::MAX, euro).checked_add(Money::new(1, euro)), None);
    assert_eq!(Money::new(i64::MIN, euro).checked_sub(Money::new(1, euro)), None);
    assert_eq!(Money::new(i64::MAX, euro).checked_mul(2), None);
    assert_eq!(Money::new(3, euro).checked_sub(Money::new(5, euro)), Some(Money::new(-2, euro)));
}

proptest! {
    #[test]
    fn every_amount_survives_printing_and_reading(minor: i64, currency in any_currency()) {
        let money = Money::new(minor, currency);
        prop_assert_eq!(Money::from_decimal(&money.shortest_decimal(), currency), Ok(money));
    }

    #[test]
    fn doubles_are_read_as_their_shortest_form_is(
        minor in -10_000_000_000_000_000_i64..=10_000_000_000_000_000,
        exponent in 0..=6_i32,
        off in -2..=2_i64,
        any: f64,
        currency in any_currency(),
    ) {
        let near = f64::from_bits((minor as f64 / 10_f64.powi(exponent)).to_bits().wrapping_add_signed(off));
        for value in [near, any, -near].into_iter().filter(|value| value.is_finite()) {
            let shortest = Money::from_decimal(&format!("{value:e}"), currency);
            prop_assert_eq!(Money::from_double(value, currency), shortest, "{}", value);
        }
    }

    #[test]
    fn payable_amounts_survive_a_double(minor in 1..=1_000_000_000_000_000_i64, currency in any_currency()) {
        let money = Money::new(minor, currency);
        prop_assert_eq!(Money::from_double(money.to_double(), currency), Ok(money));
        prop_assert_eq!(money.to_double().to_string(), money.shortest_decimal());
    }

    #[test]
    fn any_text_is_read_or_refused_without_panic(text in "\\PC{0,60}", currency in any_currency()) {
        let _ = Money::from_decimal(&text, currency);
    }

    #[test]
    fn digits_are_never_rounded(whole in 0..1_000_000_u64, fraction in "[0-9]{1,8}", currency in any_currency()) {
        let digits = usize::from(currency.exponent());
        let significant = fraction.trim_end_matches('0').len();
        let read = Money::from_decimal(&format!("{whole}.{fraction}"), currency);
        if significant > digits {
            prop_assert_eq!(read, Err(InvalidAmount::TooPrecise));
        } else {
            let padded = format!("{fraction:0<digits$}");
            let expected: i64 = format!("{whole}{}", &padded[..digits]).parse().unwrap();
            prop_assert_eq!(read.map(Money::minor), Ok(expected));
        }
    }

    #[test]
    fn numbers_of_many_digits_and_exponents_agree_with_big_integers(digits in "[1-9][0-9]{0,17}", exponent in -8..6_i32, currency in any_currency()) {
        let coefficient: i128 = digits.parse().unwrap();
        let shift = exponent + i32::from(currency.exponent());
        let expected = if shift >= 0 {
            coefficient.checked_mul(10_i128.pow(shift as u32))
        } else {
            let unit = 10_i128.pow(shift.unsigned_abs());
            (coefficient % unit == 0).then_some(coefficient / unit)
        };
        let expected = expected.and_then(|minor| i64::try_from(minor).ok());
        prop_assert_eq!(Money::from_decimal(&format!("{digits}e{exponent}"), currency).ok().map(Money::minor), expected);
    }

    #[test]
    fn the_short_way_to_read_plain_digits_agrees(token in "-?[0-9]{0,10}\\.?[0-9]{0,10}(e[0-9])?", digits in 0..=4_u8) {
        if let Some(minor) = plain(&token, digits) {
            prop_assert_eq!(Decimal::parse(&token).and_then(|decimal| decimal.scaled(digits)), Ok(minor));
        }
    }

    #[test]
    fn usual_amounts_take_the_short_way(minor in 0..=999_999_999_999_999_i64, currency in any_currency()) {
        let text = Money::new(minor, currency).shortest_decimal();
        prop_assert_eq!(plain(&text, currency.exponent()), Some(minor));
    }
}
