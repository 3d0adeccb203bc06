//! Reads the time that payflow itself writes, `2026-01-02T03:04:05.678Z`, without a general parser.

use jiff::Timestamp;

/// An RFC 3339 time, by jiff's parser unless it has the usual form.
pub(super) fn read(text: &str) -> Result<Timestamp, jiff::Error> {
    usual(text.as_bytes()).map_or_else(|| text.parse(), Ok)
}

/// A time in UTC in the years 1970 to 9998, with up to nine digits of the second; `None` says nothing of it.
fn usual(text: &[u8]) -> Option<Timestamp> {
    let (date_and_time, rest) = text.split_first_chunk::<19>()?;
    let [y0, y1, y2, y3, b'-', o0, o1, b'-', d0, d1, b'T', h0, h1, b':', m0, m1, b':', s0, s1] =
        *date_and_time
    else {
        return None;
    };
    let year = number(&[y0, y1, y2, y3])?;
    let (month, day) = (number(&[o0, o1])?, number(&[d0, d1])?);
    let (hour, minute, second) = (number(&[h0, h1])?, number(&[m0, m1])?, number(&[s0, s1])?);
    let nanosecond = match rest {
        b"Z" => 0,
        [b'.', digits @ .., b'Z'] if matches!(digits.len(), 1..=9) => {
            number(digits)? * 10_i64.pow(9 - digits.len() as u32)
        }
        _ => return None,
    };
    let in_range = matches!(year, 1970..=9998)
        && matches!(month, 1..=12)
        && (1..=days_of(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    if !in_range {
        return None;
    }
    let seconds = days_since_1970(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    Timestamp::new(seconds, i32::try_from(nanosecond).ok()?).ok()
}

/// A time as jiff writes it, and in a shorter way if it is one of the years 1970 to 9998 and of a whole millisecond.
pub(super) fn text(time: Timestamp) -> String {
    const LATEST_DAY: i64 = days_since_1970(9998, 12, 31);
    let (seconds, nanosecond) = (time.as_second(), time.subsec_nanosecond());
    let (day, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    if !(0..=LATEST_DAY).contains(&day) || nanosecond % 1_000_000 != 0 || nanosecond < 0 {
        return time.to_string();
    }
    let (year, month, day) = date(day);
    let mut text = String::with_capacity(24);
    let mut put = |number: i64, digits: u32, behind: Option<char>| {
        let shown = (0..digits).rev().map(|place| number / 10_i64.pow(place) % 10);
        text.extend(shown.map(|digit| char::from(b'0' + digit as u8)));
        text.extend(behind);
    };
    put(year, 4, Some('-'));
    put(month, 2, Some('-'));
    put(day, 2, Some('T'));
    put(second / 3_600, 2, Some(':'));
    put(second / 60 % 60, 2, Some(':'));
    put(second % 60, 2, (nanosecond > 0).then_some('.'));
    // Zeros at the end are left out.
    match i64::from(nanosecond / 1_000_000) {
        0 => {}
        tenths if tenths % 100 == 0 => put(tenths / 100, 1, None),
        hundredths if hundredths % 10 == 0 => put(hundredths / 10, 2, None),
        thousandths => put(thousandths, 3, None),
    }
    text.push('Z');
    text
}

/// Year, month and day of a day from 1970 on.
const fn date(days: i64) -> (i64, i64, i64) {
    // Never too early, and too late by a few years at the most: a year has 365.2425 days on average.
    let mut year = 1970 + days * 10_000 / 3_652_425 + 1;
    while days_since_1970(year, 1, 1) > days {
        year -= 1;
    }
    let mut month = 12;
    while days_since_1970(year, month, 1) > days {
        month -= 1;
    }
    (year, month, days - days_since_1970(year, month, 1) + 1)
}

fn number(digits: &[u8]) -> Option<i64> {
    digits
        .iter()
        .try_fold(0, |value, digit| digit.is_ascii_digit().then(|| value * 10 + i64::from(digit - b'0')))
}

const fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

const fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Of a date in the Gregorian calendar from 1970 on.
const fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    // Days of the months before it, in a year that is none of 366 days.
    const BEFORE: [i64; 13] = [0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let before = year - 1;
    let leap_days = before / 4 - before / 100 + before / 400 - LEAP_DAYS_BEFORE_1970;
    let own = if month > 2 && is_leap(year) { 1 } else { 0 };
    (year - 1970) * 365 + leap_days + BEFORE[month as usize] + own + day - 1
}

const LEAP_DAYS_BEFORE_1970: i64 = 1969 / 4 - 1969 / 100 + 1969 / 400;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::*;

    fn agrees(text: &str) -> Result<(), TestCaseError> {
        if let Some(time) = usual(text.as_bytes()) {
            prop_assert_eq!(text.parse::<Timestamp>().ok(), Some(time), "{}", text);
        }
        Ok(())
    }

    #[test]
    fn each_day_up_to_2500_is_read_as_jiff_reads_it() {
        for day in 0..194_000 {
            let time = Timestamp::new(day * 86_400 + day % 86_400, 0).unwrap();
            assert_eq!(usual(time.to_string().as_bytes()), Some(time));
            assert_eq!(text(time), time.to_string());
        }
    }

    #[test]
    fn what_is_no_time_is_refused_and_other_forms_are_taken() {
        for refused in [
            "",
            "yesterday",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "2026-01-32T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:60:00Z",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00",
        ] {
            assert!(read(refused).is_err(), "{refused}");
        }
        for (other, same) in [
            ("2026-01-01t00:00:00z", "2026-01-01T00:00:00Z"),
            ("2026-01-01T01:00:00+01:00", "2026-01-01T00:00:00Z"),
            ("1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.500Z"),
        ] {
            assert_eq!(read(other).unwrap(), read(same).unwrap(), "{other}");
        }
    }

    proptest! {
        #[test]
        fn times_are_written_as_jiff_writes_them(millisecond in -2_000_000_000_000..=253_370_000_000_000_i64) {
            let time = Timestamp::from_millisecond(millisecond).unwrap();
            prop_assert_eq!(text(time), time.to_string());
            let tenth = Timestamp::from_millisecond(millisecond / 100 * 100).unwrap();
            prop_assert_eq!(text(tenth), tenth.to_string());
        }

        #[test]
        fn what_is_written_is_read_by_the_short_way(second in 0..253_000_000_000_i64, nanosecond in 0..1_000_000_000_i32, cut in 0..4_u32) {
            let nanosecond = nanosecond / 1_000_i32.pow(cut.min(3)) * 1_000_i32.pow(cut.min(3));
            let time = Timestamp::new(second, nanosecond).unwrap();
            prop_assert_eq!(usual(time.to_string().as_bytes()), Some(time));
            prop_assert_eq!(text(time), time.to_string());
        }

        #[test]
        fn agrees_on_digits_in_form(text in "[0-2][0-9]{3}-[0-1][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\\.[0-9]{0,10})?Z?") {
            agrees(&text)?;
        }

        #[test]
        fn agrees_with_a_few_bytes_changed(changes in prop::collection::vec((any::<Index>(), "[ -~]"), 1..4)) {
            let mut text = "2026-01-02T03:04:05.678Z".to_owned();
            for (at, with) in changes {
                let at = at.index(text.len());
                text.replace_range(at..=at, &with);
            }
            agrees(&text)?;
        }
    }
}
