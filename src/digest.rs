//! Typed BLAKE3 digests, and the one byte encoding that is hashed.
//!
//! What is true here:
//! - A digest's type says what was hashed: a [`ContentHash`] can't be compared with a [`Key`].
//! - Every field that enters a hash goes through [`Encoder`]: `tag` (length as u64 little endian, bytes), then the value. Texts and
//!   bytes carry their length as u64 little endian before them, numbers are 8 bytes little endian, lists carry their count. So no two
//!   different sequences of fields give the same bytes. A test pins one known hash per type: changing this encoding is a new
//!   catalog schema.
//! - The content hash of a plain, not executable file is the BLAKE3 of its bytes, as `b3sum` prints it.

use std::fmt;

macro_rules! digest_type {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub [u8; 32]);

        impl $name {
            /// The digest as 64 lower-case hexadecimal digits.
            pub fn to_hex(&self) -> String {
                blake3::Hash::from(self.0).to_hex().to_string()
            }

            /// The first 12 hexadecimal digits, for people.
            pub fn short(&self) -> String {
                self.to_hex()[..12].to_string()
            }

            /// Reads 64 hexadecimal digits.
            pub fn from_hex(text: &str) -> Option<Self> {
                blake3::Hash::from_hex(text).ok().map(|h| Self(*h.as_bytes()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.to_hex())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.short())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str(&self.to_hex())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = String::deserialize(d)?;
                Self::from_hex(&text).ok_or_else(|| serde::de::Error::custom("expected 64 hexadecimal digits"))
            }
        }
    };
}

digest_type!(
    /// What a snapshot's bytes are: a file's bytes and its executable bit, or a folder's tree.
    ContentHash
);
digest_type!(
    /// What a snapshot was made under. Equal keys mean interchangeable results.
    Key
);
digest_type!(
    /// The part of a key that is known before any input is: recipe, params, env, tools, variables, outputs and the inputs' names.
    FixedHash
);
digest_type!(
    /// What a formula's head asks of its inputs: patterns, windows, sets and choices. It decides which parts a job reads, and is in no key.
    Shape
);
digest_type!(
    /// What a recipe means: its kind, canonical text, code files, params, environment names and tools.
    Fingerprint
);

/// Feeds fields to BLAKE3 in the encoding this module's header states.
#[derive(Default)]
pub struct Encoder(blake3::Hasher);

impl Encoder {
    pub fn new(domain: &str) -> Self {
        let mut encoder = Self(blake3::Hasher::new());
        encoder.bytes(domain.as_bytes());
        encoder
    }

    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
        self
    }

    pub fn text(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    pub fn number(&mut self, number: u64) -> &mut Self {
        self.0.update(&number.to_le_bytes());
        self
    }

    pub fn finish(&self) -> [u8; 32] {
        *self.0.finalize().as_bytes()
    }
}

/// The content hash of a plain file's bytes.
pub fn of_bytes(bytes: &[u8]) -> ContentHash {
    ContentHash(*blake3::hash(bytes).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_hashes_pin_the_encoding() {
        assert_eq!(of_bytes(b"abc").to_hex(), "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85");
        let mut e = Encoder::new("key");
        e.text("a").number(1).bytes(b"");
        let spelled = b"\x03\0\0\0\0\0\0\0key\x01\0\0\0\0\0\0\0a\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
        assert_eq!(e.finish(), of_bytes(spelled).0);
    }

    #[test]
    fn hex_is_read_back() {
        let hash = of_bytes(b"x");
        assert_eq!(ContentHash::from_hex(&hash.to_hex()), Some(hash));
        assert_eq!(ContentHash::from_hex("zz"), None);
    }
}
