//! Go's `big.Int`.

use std::fmt;
use std::str::FromStr;

use polywire_schema::{Kind, Schema, Type};
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// A whole number of any size: Go's `big.Int`, and `*big.Int`, of which an absent one is zero; use
/// `Option<BigInt>` to know them apart. In JSON it is decimal text, or a number as Go writes it.
///
/// It carries numbers and does not compute; take [`BigInt::magnitude`] to a type that does.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct BigInt {
    is_negative: bool,
    /// Most significant byte first, without leading zeros; empty for zero.
    magnitude: Box<[u8]>,
}

/// Text is no whole number in decimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a whole number in decimal")]
pub struct ParseBigIntError;

/// The longest number, in bytes, that serde reads or writes as text: the time this takes grows with
/// the square of the length.
const MAX_TEXT_BYTES: usize = 4 << 10;
/// As many decimal digits, and a sign.
const MAX_TEXT_DIGITS: usize = 9_865;
/// Decimal digits that are worked on at once.
const CHUNK_DIGITS: usize = 9;
const CHUNK: u64 = 1_000_000_000;

impl BigInt {
    /// From the sign and the bytes of the magnitude, the most significant first.
    #[must_use]
    pub fn from_magnitude(is_negative: bool, magnitude: &[u8]) -> Self {
        let zeros = magnitude.iter().take_while(|&&byte| byte == 0).count();
        let magnitude: Box<[u8]> = magnitude.get(zeros..).unwrap_or_default().into();
        Self { is_negative: is_negative && !magnitude.is_empty(), magnitude }
    }

    /// Whether it is below zero.
    #[must_use]
    pub const fn is_negative(&self) -> bool {
        self.is_negative
    }

    /// The bytes of the magnitude, the most significant first, without leading zeros.
    #[must_use]
    pub const fn magnitude(&self) -> &[u8] {
        &self.magnitude
    }

    /// The number, if it fits.
    #[must_use]
    pub fn to_i128(&self) -> Option<i128> {
        let magnitude = self.to_magnitude()?;
        if self.is_negative {
            0_i128.checked_sub_unsigned(magnitude)
        } else {
            i128::try_from(magnitude).ok()
        }
    }

    /// The number, if it fits.
    #[must_use]
    pub fn to_u128(&self) -> Option<u128> {
        if self.is_negative { None } else { self.to_magnitude() }
    }

    /// Reads what `big.Int.GobEncode` writes; nothing at all is zero.
    ///
    /// # Errors
    /// Go's own text, when the version is unknown.
    pub fn from_gob(bytes: &[u8]) -> Result<Self, String> {
        match bytes.split_first() {
            None => Ok(Self::default()),
            Some((head, magnitude)) if head >> 1 == 1 => {
                Ok(Self::from_magnitude(head & 1 == 1, magnitude))
            }
            Some((head, _)) => {
                Err(format!("Int.GobDecode: encoding version {} not supported", head >> 1))
            }
        }
    }

    /// Writes what `big.Int.GobDecode` reads.
    #[must_use]
    pub fn to_gob(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.magnitude.len().saturating_add(1));
        bytes.push(2 | u8::from(self.is_negative));
        bytes.extend_from_slice(&self.magnitude);
        bytes
    }

    /// Whether the number is too long for text that someone else asks for.
    pub(crate) const fn is_long(&self) -> bool {
        self.magnitude.len() > MAX_TEXT_BYTES
    }

    fn to_magnitude(&self) -> Option<u128> {
        let mut bytes = [0; 16];
        let start = bytes.len().checked_sub(self.magnitude.len())?;
        bytes.get_mut(start..)?.copy_from_slice(&self.magnitude);
        Some(u128::from_be_bytes(bytes))
    }

    /// The magnitude in words of 32 bits, the least significant first.
    fn words(&self) -> Vec<u32> {
        let word =
            |bytes: &[u8]| bytes.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte));
        self.magnitude.rchunks(4).map(word).collect()
    }

    fn from_words(is_negative: bool, words: &[u32]) -> Self {
        let bytes: Vec<u8> = words.iter().rev().flat_map(|word| word.to_be_bytes()).collect();
        Self::from_magnitude(is_negative, &bytes)
    }
}

macro_rules! from {
    ($($signed:ident $unsigned:ident),*) => {
        $(impl From<$signed> for BigInt {
            fn from(n: $signed) -> Self {
                Self::from_magnitude(n < 0, &n.unsigned_abs().to_be_bytes())
            }
        }

        impl From<$unsigned> for BigInt {
            fn from(n: $unsigned) -> Self {
                Self::from_magnitude(false, &n.to_be_bytes())
            }
        })*
    };
}

from!(i32 u32, i64 u64, i128 u128);

impl fmt::Display for BigInt {
    /// In decimal. Takes time that grows with the square of the length.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = self.words();
        let mut chunks = Vec::new();
        while !words.is_empty() {
            let rest = divide(&mut words);
            chunks.push(rest);
            while words.last() == Some(&0) {
                words.pop();
            }
        }
        let mut text = chunks.pop().unwrap_or(0).to_string();
        for chunk in chunks.iter().rev() {
            text.push_str(&format!("{chunk:09}"));
        }
        f.pad_integral(!self.is_negative, "", &text)
    }
}

/// Divides by [`CHUNK`]; the remainder is the result.
fn divide(words: &mut [u32]) -> u64 {
    let mut rest = 0_u64;
    for word in words.iter_mut().rev() {
        let dividend = rest << 32 | u64::from(*word);
        *word = u32::try_from(dividend.div_euclid(CHUNK)).unwrap_or(u32::MAX);
        rest = dividend.rem_euclid(CHUNK);
    }
    rest
}

/// Multiplies, and adds a number below the factor, which is at most [`CHUNK`].
fn multiply(words: &mut Vec<u32>, factor: u64, add: u64) {
    let mut carry = add;
    for word in words.iter_mut() {
        // A product of numbers below 2^32, and a carry below 2^32, fit 64 bits.
        let product = u64::from(*word).wrapping_mul(factor).wrapping_add(carry);
        let [a, b, c, d, low @ ..] = product.to_be_bytes();
        *word = u32::from_be_bytes(low);
        carry = u64::from(u32::from_be_bytes([a, b, c, d]));
    }
    if let Ok(carry) = u32::try_from(carry)
        && carry > 0
    {
        words.push(carry);
    }
}

impl fmt::Debug for BigInt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_long() {
            write!(f, "BigInt({} bytes)", self.magnitude.len())
        } else {
            fmt::Display::fmt(self, f)
        }
    }
}

impl FromStr for BigInt {
    type Err = ParseBigIntError;

    /// Reads decimal digits after an optional sign. Takes time that grows with the square of the
    /// length.
    fn from_str(text: &str) -> Result<Self, ParseBigIntError> {
        let (is_negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(ParseBigIntError);
        }
        let mut words = Vec::new();
        for chunk in digits.as_bytes().chunks(CHUNK_DIGITS) {
            let step = |(factor, value): (u64, u64), digit: &u8| {
                let digit = u64::from(digit.wrapping_sub(b'0'));
                (factor.wrapping_mul(10), value.wrapping_mul(10).wrapping_add(digit))
            };
            let (factor, value) = chunk.iter().fold((1, 0), step);
            multiply(&mut words, factor, value);
        }
        Ok(Self::from_words(is_negative, &words))
    }
}

impl Schema for BigInt {
    const TYPE: &'static Type = &Type::new::<Self>(Kind::BigInt);
}

impl Serialize for BigInt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return serializer.serialize_bytes(&self.to_gob());
        }
        if self.is_long() {
            return Err(serde::ser::Error::custom(TOO_LONG));
        }
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for BigInt {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            deserializer.deserialize_any(NumberVisitor)
        } else {
            deserializer.deserialize_byte_buf(NumberVisitor)
        }
    }
}

const TOO_LONG: &str = "a big integer of more than 4,096 bytes has no form as text";

struct NumberVisitor;

impl Visitor<'_> for NumberVisitor {
    type Value = BigInt;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number")
    }

    fn visit_i64<E: de::Error>(self, n: i64) -> Result<BigInt, E> {
        Ok(n.into())
    }

    fn visit_u64<E: de::Error>(self, n: u64) -> Result<BigInt, E> {
        Ok(n.into())
    }

    fn visit_i128<E: de::Error>(self, n: i128) -> Result<BigInt, E> {
        Ok(n.into())
    }

    fn visit_u128<E: de::Error>(self, n: u128) -> Result<BigInt, E> {
        Ok(n.into())
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<BigInt, E> {
        if text.len() > MAX_TEXT_DIGITS {
            return Err(E::custom(TOO_LONG));
        }
        text.parse().map_err(E::custom)
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<BigInt, E> {
        BigInt::from_gob(bytes).map_err(E::custom)
    }
}
