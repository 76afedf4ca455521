//! What the index holds of one file, as bytes: the same in memory and on disk, decoded by whoever looks.
//!
//! The bytes may come from a damaged file: what does not decode ends the list, and a number may have no name.

use super::extract::Found;
use super::kind::Kind;
use super::names::{NameId, Names};

/// Symbols and names of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Record(Box<[u8]>);

/// A symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: NameId,
    pub(super) kind: Kind,
    /// 0-based.
    pub(super) line: u32,
    /// In UTF-16 code units.
    pub(super) column: u32,
    pub(super) container: Option<NameId>,
}

impl Record {
    /// `None` where there is no room for more names.
    pub(super) fn new(found: &Found<'_>, names: &mut Names) -> Option<Self> {
        let mut entries = Vec::with_capacity(found.symbols.len());
        for symbol in &found.symbols {
            entries.push(Entry {
                name: names.intern(symbol.name)?,
                kind: symbol.kind,
                line: symbol.line,
                column: symbol.column,
                container: match symbol.container {
                    "" => None,
                    container => Some(names.intern(container)?),
                },
            });
        }
        let ids: Option<Vec<NameId>> = found.names.iter().map(|name| names.intern(name)).collect();
        Some(Self::encode(entries.into_iter(), ids?))
    }

    fn encode(entries: impl Iterator<Item = Entry>, mut names: Vec<NameId>) -> Self {
        let mut symbols = Vec::new();
        let mut line = 0_u32;
        for entry in entries {
            write(&mut symbols, entry.name);
            symbols.push(entry.kind as u8);
            // In the order of the text but for names that a declaration has further down.
            write(&mut symbols, zigzag(entry.line.wrapping_sub(line)));
            write(&mut symbols, entry.column);
            write(
                &mut symbols,
                entry.container.map_or(0, |id| id.saturating_add(1)),
            );
            line = entry.line;
        }
        names.sort_unstable();
        names.dedup();
        let mut bytes = Vec::with_capacity(symbols.len() + names.len() * 2 + 4);
        write(&mut bytes, u32::try_from(symbols.len()).unwrap_or(0));
        bytes.append(&mut symbols);
        let mut last = 0;
        for name in names {
            write(&mut bytes, name - last);
            last = name;
        }
        Self(bytes.into_boxed_slice())
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn parts(&self) -> (&[u8], &[u8]) {
        let mut rest = &*self.0;
        let length = read(&mut rest).map_or(0, |length| length as usize);
        rest.split_at_checked(length).unwrap_or_default()
    }

    /// In the order of the text.
    pub(super) fn symbols(&self) -> impl Iterator<Item = Entry> + '_ {
        let mut rest = self.parts().0;
        let mut line = 0_u32;
        std::iter::from_fn(move || {
            let name = read(&mut rest)?;
            let (kind, after) = rest.split_first()?;
            rest = after;
            line = line.wrapping_add(unzigzag(read(&mut rest)?));
            Some(Entry {
                name,
                kind: Kind::from_number(*kind)?,
                line,
                column: read(&mut rest)?,
                container: read(&mut rest)?.checked_sub(1),
            })
        })
    }

    /// Every name that stands in the file as an identifier, by number.
    pub(super) fn names(&self) -> impl Iterator<Item = NameId> + '_ {
        let mut rest = self.parts().1;
        let mut last: NameId = 0;
        std::iter::from_fn(move || {
            last = last.wrapping_add(read(&mut rest)?);
            Some(last)
        })
    }

    /// The same with other numbers; what has none is left out.
    pub(super) fn renumbered(&self, mut number: impl FnMut(NameId) -> Option<NameId>) -> Self {
        let mut entries = Vec::new();
        for mut entry in self.symbols() {
            let Some(name) = number(entry.name) else {
                continue;
            };
            entry.name = name;
            entry.container = entry.container.and_then(&mut number);
            entries.push(entry);
        }
        let names = self.names().filter_map(number).collect();
        Self::encode(entries.into_iter(), names)
    }
}

/// Seven bits a byte, lowest first; the highest bit says that more follow.
pub(super) fn write(bytes: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        bytes.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
}

pub(super) fn read(bytes: &mut &[u8]) -> Option<u32> {
    let mut number = 0;
    for shift in (0..32).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u32::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// Small differences are small numbers, whichever way they go.
fn zigzag(number: u32) -> u32 {
    let sign = if number >> 31 == 1 { u32::MAX } else { 0 };
    (number << 1) ^ sign
}

fn unzigzag(number: u32) -> u32 {
    (number >> 1) ^ (number & 1).wrapping_neg()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry() -> impl Strategy<Value = Entry> {
        let kind = (0_u8..18).prop_map(|number| Kind::from_number(number).unwrap());
        let container = prop::option::of(0..u32::MAX - 1);
        (any::<u32>(), kind, any::<u32>(), any::<u32>(), container).prop_map(
            |(name, kind, line, column, container)| Entry {
                name,
                kind,
                line,
                column,
                container,
            },
        )
    }

    proptest! {
        #[test]
        fn a_record_is_read_as_it_was_written(
            entries in prop::collection::vec(entry(), 0..20),
            mut names in prop::collection::vec(any::<u32>(), 0..40),
        ) {
            let record = Record::encode(entries.iter().copied(), names.clone());
            names.sort_unstable();
            names.dedup();
            prop_assert_eq!(record.symbols().collect::<Vec<_>>(), entries);
            prop_assert_eq!(record.names().collect::<Vec<_>>(), names);
        }

        #[test]
        fn any_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let record = Record::from_bytes(&bytes);
            prop_assert!(record.symbols().count() + record.names().count() <= bytes.len());
        }
    }
}
