//! Signed notes (C2SP signed-note v1.0.0), with ed25519 (signature type 1) alone.
//!
//! A note: a text that ends with LF, an empty line, and lines `— <key name> <base64(key id ‖ signature)>`.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use ring::signature::{self, Ed25519KeyPair, KeyPair as _};

use crate::digest::Digest;

const ED25519: u8 = 1;
/// What a note may have at most. Ours has some 250 bytes; witnesses may add signatures.
pub(crate) const LONGEST: u64 = 64 << 10;

type KeyId = [u8; 4];

/// A name, and what checks the signatures that stand under it. As text a verifier key of the specification:
/// `<name>+<key id, hex>+<base64(1 ‖ public key)>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    name: String,
    key: [u8; 32],
}

impl PublicKey {
    fn id(&self) -> KeyId {
        let digest = Digest::of(&[self.name.as_bytes(), b"\n", &[ED25519], &self.key]);
        digest.as_bytes().first_chunk().copied().unwrap_or_default()
    }

    fn id_hex(&self) -> String {
        format!("{:08x}", u32::from_be_bytes(self.id()))
    }

    /// Is there a signature that claims to be this key's?
    pub(crate) fn is_named_in(&self, note: &str) -> bool {
        parts(note).is_ok_and(|(_, signatures)| {
            signatures
                .iter()
                .any(|(name, id, _)| *name == self.name && *id == self.id())
        })
    }

    /// The text of a note that this key has signed. The error says what is wrong with it.
    pub(crate) fn open<'a>(&self, note: &'a str) -> Result<&'a str, String> {
        let (text, signatures) = parts(note)?;
        let mut ours = signatures
            .iter()
            .filter(|(name, id, _)| *name == self.name && *id == self.id())
            .peekable();
        if ours.peek().is_none() {
            return Err(format!("it is not signed by {self}"));
        }
        let key = signature::UnparsedPublicKey::new(&signature::ED25519, &self.key);
        if ours.any(|(_, _, signature)| key.verify(text.as_bytes(), signature).is_err()) {
            return Err("its text is not what was signed".to_owned());
        }
        Ok(text)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}+{}", self.name, self.id_hex(), coded(&self.key))
    }
}

impl FromStr for PublicKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, id, key) = parse_key(text)?;
        let key = Self { name, key };
        if key.id_hex() == id {
            Ok(key)
        } else {
            Err("its key id is another key's".to_owned())
        }
    }
}

/// What signs notes. As text `PRIVATE+KEY+<name>+<key id, hex>+<base64(1 ‖ seed)>`, which other tools for signed
/// notes read as well.
pub(crate) struct SigningKey {
    pair: Ed25519KeyPair,
    public: PublicKey,
}

const PRIVATE: &str = "PRIVATE+KEY+";

impl SigningKey {
    pub(crate) fn new(name: String, seed: &[u8; 32]) -> Result<Self, String> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|error| error.to_string())?;
        let key = pair.public_key().as_ref().try_into();
        let key = key.map_err(|_| "its public half has another length".to_owned())?;
        Ok(Self {
            pair,
            public: PublicKey { name, key },
        })
    }

    /// Reads the text form.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let rest = text
            .strip_prefix(PRIVATE)
            .ok_or_else(|| format!("it doesn't begin with {PRIVATE}"))?;
        let (name, id, seed) = parse_key(rest)?;
        let key = Self::new(name, &seed)?;
        if key.public.id_hex() == id {
            Ok(key)
        } else {
            Err("its key id is another key's".to_owned())
        }
    }

    /// The text form of the key with this seed.
    pub(crate) fn text(&self, seed: &[u8; 32]) -> String {
        let PublicKey { name, .. } = &self.public;
        format!("{PRIVATE}{name}+{}+{}", self.public.id_hex(), coded(seed))
    }

    pub(crate) fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The signed note with this text, which ends with LF.
    pub(crate) fn sign(&self, text: &str) -> String {
        let signature = self.pair.sign(text.as_bytes());
        let blob = [&self.public.id(), signature.as_ref()].concat();
        format!("{text}\n— {} {}\n", self.public.name, BASE64.encode(blob))
    }
}

/// Type and key, as text.
fn coded(key: &[u8; 32]) -> String {
    BASE64.encode([&[ED25519], key.as_slice()].concat())
}

/// `<name>+<key id>+<base64(1 ‖ key)>`.
fn parse_key(text: &str) -> Result<(String, String, [u8; 32]), String> {
    let mut words = text.trim_end().splitn(3, '+');
    let (Some(name), Some(id), Some(key)) = (words.next(), words.next(), words.next()) else {
        return Err("it is no key of the form `name+id+base64`".to_owned());
    };
    if name.is_empty() || name.contains(|char: char| char.is_whitespace() || char.is_control()) {
        return Err("its name is empty or has spaces".to_owned());
    }
    let bytes = BASE64
        .decode(key)
        .map_err(|error| format!("it is no base64 ({error})"))?;
    match bytes.split_first() {
        Some((&ED25519, key)) => {
            let key = key
                .try_into()
                .map_err(|_| "it doesn't have 32 bytes".to_owned())?;
            Ok((name.to_owned(), id.to_owned(), key))
        }
        _ => Err("it is no ed25519 key".to_owned()),
    }
}

type Signature<'a> = (&'a str, KeyId, Vec<u8>);

/// Text and signatures.
fn parts(note: &str) -> Result<(&str, Vec<Signature<'_>>), String> {
    if note.len() as u64 > LONGEST {
        return Err("it is too long for a note".to_owned());
    }
    if note.contains(|char: char| char < ' ' && char != '\n') {
        return Err("it has control characters".to_owned());
    }
    let unsigned = || "it is no signed note".to_owned();
    let end = note.rfind("\n\n").ok_or_else(unsigned)?;
    let (text, signatures) = note.split_at_checked(end + 1).ok_or_else(unsigned)?;
    let signatures = signatures
        .strip_prefix('\n')
        .and_then(|lines| lines.strip_suffix('\n'))
        .ok_or_else(unsigned)?;
    let signatures = signatures.split('\n').map(|line| {
        let (name, blob) = line.strip_prefix("— ")?.split_once(' ')?;
        let blob = BASE64.decode(blob).ok()?;
        let (id, signature) = blob.split_first_chunk()?;
        Some((name, *id, signature.to_vec()))
    });
    let signatures = signatures.collect::<Option<_>>().ok_or_else(unsigned)?;
    Ok((text, signatures))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example in the documentation of Go's `golang.org/x/mod/sumdb/note`, the first implementation.
    const PRIVATE_KEY: &str =
        "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    const PUBLIC_KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const TEXT: &str = "If you think cryptography is the answer to your problem,\n\
                        then you don't know what your problem is.\n";
    const SIGNATURE: &str = "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    #[test]
    fn we_sign_as_go_does() {
        let key = SigningKey::parse(PRIVATE_KEY).unwrap();
        assert_eq!(key.public().to_string(), PUBLIC_KEY);
        assert_eq!(key.sign(TEXT), format!("{TEXT}\n{SIGNATURE}"));
    }

    #[test]
    fn a_note_opens_with_its_key_and_no_other() {
        let key: PublicKey = PUBLIC_KEY.parse().unwrap();
        let note = format!("{TEXT}\n{SIGNATURE}");
        assert_eq!(key.open(&note).unwrap(), TEXT);
        let other = SigningKey::new("other".into(), &[7; 32]).unwrap();
        let error = other.public().open(&note).unwrap_err();
        assert!(error.contains("not signed by other+"), "{error}");
        // Signatures of others are no matter.
        let theirs = other.sign(TEXT);
        let (_, line) = theirs.rsplit_once("\n\n").unwrap();
        assert_eq!(key.open(&format!("{note}{line}")).unwrap(), TEXT);
        // The same name and id, but not the same key.
        let forged = PublicKey {
            key: [9; 32],
            ..key.clone()
        };
        assert!(forged.open(&note).is_err());
    }

    #[test]
    fn no_byte_of_a_note_can_change() {
        let key: PublicKey = PUBLIC_KEY.parse().unwrap();
        let note = format!("{TEXT}\n{SIGNATURE}");
        for at in 0..note.len() {
            let mut bytes = note.clone().into_bytes();
            bytes[at] ^= 1;
            if let Ok(altered) = String::from_utf8(bytes) {
                assert!(key.open(&altered).is_err(), "byte {at}");
            }
            assert!(
                key.open(note.get(..at).unwrap_or_default()).is_err(),
                "cut at {at}"
            );
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in [
            "",
            "a+b",
            "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "PeterNeumann+c74f20a3+AhpcAA==",
            "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq",
        ] {
            text.parse::<PublicKey>().unwrap_err();
            assert!(SigningKey::parse(&format!("{PRIVATE}{text}")).is_err());
        }
    }
}
