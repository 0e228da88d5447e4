//! Moments in time, and who tells it.

use crate::text::serde_as_text;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A moment: whole microseconds since 1970-01-01T00:00:00Z, until the end of the year 9999.
///
/// Read and written as RFC 3339, always in UTC.
///
/// ```
/// use es_runtime::Timestamp;
///
/// let at: Timestamp = "2016-10-08T13:54:00+02:00".parse()?;
/// assert_eq!(at.to_string(), "2016-10-08T11:54:00.000000Z");
/// # Ok::<(), es_runtime::InvalidTimestamp>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);
    /// 9999-12-31T23:59:59.999999Z, the last moment RFC 3339 can write.
    pub const MAX: Self = Self(253_402_300_799_999_999);

    /// The moment `micros` microseconds after [`EPOCH`](Self::EPOCH), or nothing after [`MAX`](Self::MAX).
    pub const fn from_micros(micros: u64) -> Option<Self> {
        if micros <= Self::MAX.0 { Some(Self(micros)) } else { None }
    }

    /// Microseconds since [`EPOCH`](Self::EPOCH).
    pub const fn as_micros(self) -> u64 {
        self.0
    }
}

/// Times before 1970 or after 9999 become the nearest that can be told.
impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let micros = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
        u64::try_from(micros).ok().and_then(Self::from_micros).unwrap_or(Self::MAX)
    }
}

impl From<Timestamp> for SystemTime {
    fn from(timestamp: Timestamp) -> Self {
        UNIX_EPOCH + Duration::from_micros(timestamp.0)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_rfc3339_micros((*self).into()).fmt(f)
    }
}

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        let invalid = || InvalidTimestamp(text.chars().take(64).collect());
        let (local, offset) = split_offset(text).ok_or_else(invalid)?;
        let time = humantime::parse_rfc3339(&format!("{local}Z")).map_err(|_| invalid())?;
        let micros = i64::try_from(Self::from(time).0).map_err(|_| invalid())?;
        let utc = u64::try_from(micros - offset * 1_000_000).map_err(|_| invalid())?;
        Self::from_micros(utc).ok_or_else(invalid)
    }
}

/// Splits `2016-10-08T13:54:00-03:00` into the local time and its offset from UTC in seconds.
fn split_offset(text: &str) -> Option<(&str, i64)> {
    if let Some(local) = text.strip_suffix(['Z', 'z']) {
        return Some((local, 0));
    }
    let (local, offset) = text.split_at_checked(text.len().checked_sub(6)?)?;
    let sign = match offset.as_bytes()[0] {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = offset[1..].split_once(':')?;
    let number = |digits: &str, below| {
        let all_digits = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit());
        digits.parse::<i64>().ok().filter(|n| all_digits && *n < below)
    };
    Some((local, sign * (number(hours, 24)? * 3600 + number(minutes, 60)? * 60)))
}

/// This is not a moment from 1970 to 9999 as RFC 3339 writes it. A retry does not help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a time from 1970 to 9999 such as `2016-10-08T13:54:00Z`")]
pub struct InvalidTimestamp(String);

serde_as_text!(Timestamp);

/// Who tells the time.
///
/// A store asks its clock for `recorded_at` and, unless the caller knows better, for `occurred_at`.
/// Any function that answers with a [`Timestamp`] is a clock.
pub trait Clock: Send + Sync + 'static {
    /// The time now. It may jump: nothing about order depends on it.
    fn now(&self) -> Timestamp;
}

impl<T: Clock + ?Sized> Clock for Arc<T> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }
}

impl<F: Fn() -> Timestamp + Send + Sync + 'static> Clock for F {
    fn now(&self) -> Timestamp {
        self()
    }
}

/// The clock of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        SystemTime::now().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_taken_to_utc() {
        let utc = |text: &str| text.parse::<Timestamp>().map(|at| at.to_string());
        assert_eq!(utc("2020-02-29T00:30:00.25+01:00").as_deref(), Ok("2020-02-28T23:30:00.250000Z"));
        assert_eq!(utc("1970-01-01T00:00:00z").as_deref(), Ok("1970-01-01T00:00:00.000000Z"));
        assert_eq!(utc("9999-12-31T23:59:59.999999Z").as_deref(), Ok("9999-12-31T23:59:59.999999Z"));
    }

    #[test]
    fn what_is_not_a_time_is_refused() {
        for text in [
            "",
            "Z",
            "now",
            "2016-10-08",
            "2016-13-08T13:54:00Z",
            "2016-10-08T13:54:00",
            "2016-10-08T13:54:00+0200",
            "2016-10-08T13:54:00+-2:00",
            "1969-12-31T23:59:59Z",
            "1970-01-01T00:00:00+01:00",
            "9999-12-31T23:59:59-01:00",
            "日本語日本語",
        ] {
            assert_eq!(text.parse::<Timestamp>(), Err(InvalidTimestamp(text.into())));
        }
    }

    #[test]
    fn times_out_of_range_become_the_nearest() {
        assert_eq!(Timestamp::from(UNIX_EPOCH - Duration::from_secs(1)), Timestamp::EPOCH);
        assert_eq!(Timestamp::from(UNIX_EPOCH + Duration::from_secs(300_000_000_000)), Timestamp::MAX);
        assert_eq!(Timestamp::MAX.to_string(), "9999-12-31T23:59:59.999999Z");
    }
}
