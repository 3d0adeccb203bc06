//! Reads and writes the time as payflow itself has it, `2026-01-02T03:04:05.678Z`, without a general parser or printer.

use std::borrow::Cow;

use jiff::Timestamp;

/// An RFC 3339 time, by jiff's parser unless it has the usual form.
pub(super) fn read(text: &str) -> Result<Timestamp, jiff::Error> {
    usual(text.as_bytes()).map_or_else(|| text.parse(), Ok)
}

/// A time in UTC in the years 1970 to 9998, with up to nine digits of the second; `None` says nothing of it.
pub(super) fn usual(text: &[u8]) -> Option<Timestamp> {
    let (date_and_time, rest) = text.split_first_chunk::<19>()?;
    let [y0, y1, y2, y3, b'-', o0, o1, b'-', d0, d1, b'T', h0, h1, b':', m0, m1, b':', s0, s1] =
        *date_and_time
    else {
        return None;
    };
    let all = [y0, y1, y2, y3, o0, o1, d0, d1, h0, h1, m0, m1, s0, s1];
    // No early end: so it takes a test less for each.
    if !all.iter().fold(true, |all, byte| all & byte.is_ascii_digit()) {
        return None;
    }
    let two = |tens, ones| 10 * i64::from(tens - b'0') + i64::from(ones - b'0');
    let (year, month, day) = (100 * two(y0, y1) + two(y2, y3), two(o0, o1), two(d0, d1));
    let (hour, minute, second) = (two(h0, h1), two(m0, m1), two(s0, s1));
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

/// Room for a time of the usual form.
pub(super) type Room = [u8; 24];

/// A time as jiff writes it: into `room`, unless it does not have the usual form.
pub(super) fn text(time: Timestamp, room: &mut Room) -> Cow<'_, [u8]> {
    usual_text(time, room).map_or_else(|| Cow::Owned(time.to_string().into_bytes()), Cow::Borrowed)
}

/// A time as jiff writes it, if it is one of the years 1970 to 9998 and of a whole millisecond; `None` says nothing of it.
fn usual_text(time: Timestamp, room: &mut Room) -> Option<&[u8]> {
    let (seconds, nanosecond) = (u64::try_from(time.as_second()).ok()?, time.subsec_nanosecond());
    let day = u32::try_from(seconds / 86_400).ok().filter(|day| *day <= LATEST_DAY)?;
    if nanosecond < 0 || nanosecond % 1_000_000 != 0 {
        return None;
    }
    let second = (seconds % 86_400) as u32;
    let millisecond = (nanosecond / 1_000_000) as u32;
    let (year, month, day) = date(day);
    let ([y0, y1], [y2, y3]) = (digits(year / 100), digits(year % 100));
    let ([o0, o1], [d0, d1]) = (digits(month), digits(day));
    let ([h0, h1], [m0, m1], [s0, s1]) =
        (digits(second / 3_600), digits(second / 60 % 60), digits(second % 60));
    let ([_, t0], [t1, t2]) = (digits(millisecond / 100), digits(millisecond % 100));
    *room = [
        y0, y1, y2, y3, b'-', o0, o1, b'-', d0, d1, b'T', h0, h1, b':', m0, m1, b':', s0, s1, b'.', t0, t1,
        t2, b'Z',
    ];
    // Zeros at the end are left out, and the point with them if nothing else follows it.
    let length = match millisecond {
        0 => 20,
        tenths if tenths % 100 == 0 => 22,
        hundredths if hundredths % 10 == 0 => 23,
        _ => 24,
    };
    let written = room.get_mut(..length)?;
    *written.last_mut()? = b'Z';
    Some(written)
}

/// The last of the year 9998.
const LATEST_DAY: u32 = days_since_1970(9998, 12, 31) as u32;

/// Two digits of a number below 100.
const fn digits(number: u32) -> [u8; 2] {
    [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8]
}

/// Year, month and day of a day from 1970 on, in the Gregorian calendar.
const fn date(day: u32) -> (u32, u32, u32) {
    // Counted from 1 March of the year 0: the day that may be missing is the last of a year then, and of four centuries.
    let day = day + 719_468;
    let (era, day) = (day / 146_097, day % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    // From March on, five months have 153 days, again and again.
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, later) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + later, month, day)
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

    fn written(time: Timestamp) -> Option<String> {
        usual_text(time, &mut Room::default()).map(|text| String::from_utf8(text.to_vec()).unwrap())
    }

    fn agrees_in_writing(time: Timestamp) -> Result<(), TestCaseError> {
        let mut room = Room::default();
        prop_assert_eq!(text(time, &mut room).into_owned(), time.to_string().into_bytes());
        Ok(())
    }

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
            assert_eq!(written(time), Some(time.to_string()));
        }
    }

    #[test]
    fn what_is_not_usual_is_left_to_jiff() {
        let last = "9998-12-31T23:59:59.999Z".parse::<Timestamp>().unwrap();
        assert_eq!(written(last).as_deref(), Some("9998-12-31T23:59:59.999Z"));
        for time in [
            last + std::time::Duration::from_millis(1),
            Timestamp::new(-1, 0).unwrap(),
            Timestamp::new(0, 1).unwrap(),
        ] {
            assert_eq!(written(time), None, "{time}");
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
            for cut in [1, 10, 100, 1_000] {
                let time = Timestamp::from_millisecond(millisecond / cut * cut).unwrap();
                agrees_in_writing(time)?;
                prop_assert_eq!(written(time).is_some(), time.as_millisecond() >= 0);
            }
        }

        #[test]
        fn what_is_written_is_read_by_the_short_way(second in 0..253_000_000_000_i64, nanosecond in 0..1_000_000_000_i32, cut in 0..4_u32) {
            let nanosecond = nanosecond / 1_000_i32.pow(cut.min(3)) * 1_000_i32.pow(cut.min(3));
            let time = Timestamp::new(second, nanosecond).unwrap();
            prop_assert_eq!(usual(time.to_string().as_bytes()), Some(time));
            agrees_in_writing(time)?;
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
