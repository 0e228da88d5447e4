//! Text in constants: what a const check needs to compare names and to say what is wrong.

/// Serializes a type as the text that it displays, and reads it back by `FromStr`.
macro_rules! serde_as_text {
    ($($name:ty),*) => { $(
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )* };
}
pub(crate) use serde_as_text;

/// `a == b`, in a constant.
pub(crate) const fn is_same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

/// The longest sentence a const check can say.
const LONGEST: usize = 2048;

/// Stops the compilation (or, at run time, panics) with the parts put together.
///
/// Const panics take a single `&str`, and `format!` is not const, so the bytes are joined here.
#[track_caller]
pub(crate) const fn fail(parts: &[&str]) -> ! {
    let mut text = [0; LONGEST];
    let mut len = 0;
    let mut part = 0;
    while part < parts.len() {
        let bytes = parts[part].as_bytes();
        let mut i = 0;
        while i < bytes.len() && len < LONGEST {
            text[len] = bytes[i];
            len += 1;
            i += 1;
        }
        part += 1;
    }
    match core::str::from_utf8(text.split_at(len).0) {
        Ok(sentence) => panic!("{}", sentence),
        Err(_) => panic!("two names are the same, and too long to show"),
    }
}

/// A number as text, in a constant.
pub(crate) struct Digits {
    bytes: [u8; 10],
    start: usize,
}

impl Digits {
    pub(crate) const fn of(mut number: u32) -> Self {
        let mut bytes = [b'0'; 10];
        let mut start = bytes.len() - 1;
        loop {
            bytes[start] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                return Self { bytes, start };
            }
            start -= 1;
        }
    }

    pub(crate) const fn as_str(&self) -> &str {
        match core::str::from_utf8(self.bytes.split_at(self.start).1) {
            Ok(digits) => digits,
            Err(_) => "?",
        }
    }
}

/// A 64-bit FNV-1a hash, built up in a constant: the same on every machine and in every build.
#[derive(Clone, Copy)]
pub(crate) struct Hash(u64);

impl Hash {
    pub(crate) const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    /// Of `text` alone, without its end: what is kept or agreed on by several programs.
    pub(crate) const fn of(text: &str) -> u64 {
        Self::new().bytes(text).finish()
    }

    /// Adds `text` and its end, so that `"ab", "c"` and `"a", "bc"` differ.
    pub(crate) const fn text(self, text: &str) -> Self {
        self.bytes(text).byte(0xff)
    }

    const fn bytes(mut self, text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut i = 0;
        while i < bytes.len() {
            self = self.byte(bytes[i]);
            i += 1;
        }
        self
    }

    pub(crate) const fn long(self, number: u64) -> Self {
        self.number(number as u32).number((number >> 32) as u32)
    }

    pub(crate) const fn number(mut self, number: u32) -> Self {
        let bytes = number.to_le_bytes();
        let mut i = 0;
        while i < bytes.len() {
            self = self.byte(bytes[i]);
            i += 1;
        }
        self
    }

    pub(crate) const fn finish(self) -> u64 {
        self.0
    }

    const fn byte(self, byte: u8) -> Self {
        Self((self.0 ^ byte as u64).wrapping_mul(0x0000_0100_0000_01b3))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_written() {
        for number in [0, 7, 10, 65_535, u32::MAX] {
            assert_eq!(Digits::of(number).as_str(), number.to_string());
        }
    }

    #[test]
    fn names_are_the_same_only_when_equal() {
        assert!(is_same("order.placed", "order.placed"));
        assert!(!is_same("order.placed", "order.place"));
        assert!(!is_same("order.place", "order.placed"));
        assert!(!is_same("a", "b"));
    }

    #[test]
    fn a_hash_knows_where_a_text_ends() {
        let one = Hash::new().text("ab").text("c").finish();
        let other = Hash::new().text("a").text("bc").finish();
        assert_ne!(one, other);
    }
}
