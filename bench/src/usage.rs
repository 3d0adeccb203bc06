//! What this very process uses.

use std::fs;
use std::time::Duration;

use anyhow::Context;
use rustix::time::{ClockId, clock_gettime};

/// The processor time that this process has used so far, in its own code and in the kernel on its behalf.
pub(crate) fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    // The clock starts at zero, and nanoseconds stay below a second.
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// The processor time that a process has used so far, the kernel's on its behalf included, to 10 ms. One that has ended tells
/// it as long as nobody has waited for it.
///
/// # Errors
/// The process is gone, or this is no Linux.
pub(crate) fn processor_time_of(process: &str) -> anyhow::Result<Duration> {
    let path = format!("/proc/{process}/stat");
    let stat = fs::read_to_string(&path)
        .with_context(|| format!("{path} cannot be read: processor time is measured on Linux alone"))?;
    processor_time_in(&stat).with_context(|| format!("{path} holds no processor time: {stat}"))
}

/// The most memory that was resident at once, in MiB, of this process (`self`) or of another.
///
/// # Errors
/// The process is gone, or this is no Linux.
pub(crate) fn peak_resident_mib(process: &str) -> anyhow::Result<f64> {
    let path = format!("/proc/{process}/status");
    let status = fs::read_to_string(&path)
        .with_context(|| format!("{path} cannot be read: memory is measured on Linux alone"))?;
    peak_mib(&status).with_context(|| format!("{path} holds no peak:\n{status}"))
}

/// `VmHWM:   12345 kB` of proc(5).
fn peak_mib(status: &str) -> Option<f64> {
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = peak.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib / 1_024.0)
}

/// `utime` and `stime` of proc(5): the 14th and 15th word, in ticks of 10 ms wherever Linux runs today.
fn processor_time_in(stat: &str) -> Option<Duration> {
    // The 2nd word is the program's name in parentheses, and may hold anything.
    let (_, from_third) = stat.rsplit_once(") ")?;
    let mut words = from_third.split_whitespace().skip(11);
    let mut ticks = || words.next()?.parse::<u64>().ok();
    let ticks = ticks()? + ticks()?;
    Some(Duration::from_millis(10 * ticks))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_grows_with_work() {
        let before = processor_time();
        let mut work = 0_u64;
        while processor_time() == before {
            work = std::hint::black_box(work + 1);
        }
        assert!(processor_time() > before);
    }

    #[test]
    fn peak_is_read() {
        assert_eq!(peak_mib("Name:\tbench\nVmPeak:\t  999 kB\nVmHWM:\t    2048 kB\n"), Some(2.0));
        assert!(peak_resident_mib("self").unwrap() > 0.1);
    }

    #[test]
    fn what_holds_no_peak_is_none() {
        for status in ["", "VmHWM:\n", "VmHWM: many kB", "VmHWM: 12"] {
            assert_eq!(peak_mib(status), None, "{status}");
        }
    }

    #[test]
    fn processor_time_is_that_of_user_and_kernel() {
        let stat = "42 (payflow ) bench) S 1 42 42 0 -1 4194560 900 0 0 0 123 45 6 7 20 0 3 0 100";
        assert_eq!(processor_time_in(stat), Some(Duration::from_millis(1_680)));
    }

    #[test]
    fn what_is_no_stat_is_none() {
        for stat in ["", "42 (bench) S 1", "42 (b) S 1 2 3 4 5 6 7 8 9 10 user kernel 0"] {
            assert_eq!(processor_time_in(stat), None, "{stat}");
        }
    }
}
