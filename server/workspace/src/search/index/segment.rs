//! A part of the index in a file that never changes: which of its texts have which grams.
//!
//! Read at its places, never mapped: a file that shrinks is an error then, not a crash. It is checked as a whole when it
//! is opened; what is wrong with it later is an error as well.
//!
//! Postings, one list after another; the dictionary, 8 bytes a gram, sorted; the texts with their stamps; and at the end, of
//! fixed size, where all that begins, the version and a SHA-256 of everything before it. It can be made
//! smaller: of many small texts only every second, fourth or eighth gram is kept, by a hash.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read as _, Write};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::grams::Gram;
use crate::watch::Stamp;

/// Changes with the format, and with what is taken for a gram.
const VERSION: &[u8; 8] = b"ilgrams1";
/// Two places, the number of texts, the thinning, the version, the checksum.
const TAIL: usize = 4 * 8 + 8 + 32;
/// Of so many grams one is kept, at most: with fewer the index would be of no use.
const MAX_THINNING: u32 = 8;
/// Grams of the dictionary that are read at once.
const BLOCK: usize = 256;
/// Most texts in a segment: their numbers have 16 bits while it is made.
pub(super) const MAX_TEXTS: usize = 1 << 16;
/// Most pairs of gram and text in a segment; each takes 4 bytes of memory while it is made.
pub(super) const MAX_PAIRS: usize = 6 << 20;
/// Most bytes of the table of texts.
const MAX_TABLE: u64 = 256 << 20;

/// In a dictionary entry: the list is a bit for each text, not their numbers.
const IS_BITS: u64 = 1 << 39;
/// In a dictionary entry, below the gram: where its list begins.
const PLACE: u64 = IS_BITS - 1;

/// A text of a segment: as it was when it was indexed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) path: Arc<str>,
    pub(super) stamp: Stamp,
}

#[derive(Debug)]
pub(super) struct Segment {
    file: File,
    path: PathBuf,
    pub(super) texts: Vec<Text>,
    /// Where the postings end and the dictionary begins.
    dictionary: u64,
    grams: usize,
    /// One of so many grams is kept; a power of two.
    thinning: u32,
    /// What it takes on disk.
    pub(super) bytes: u64,
    /// The first gram of each block of the dictionary.
    fences: Vec<Gram>,
}

/// What a segment knows of a gram.
pub(super) enum Found {
    /// No text has it.
    Nowhere,
    /// These have it.
    Listed(List),
    /// It is not kept.
    Unknown,
}

/// Where the list of a gram is.
#[derive(Clone, Copy, Debug)]
pub(super) struct List {
    place: u64,
    pub(super) bytes: usize,
    is_bits: bool,
}

fn corrupt(what: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("a part of the search index has {what}"),
    )
}

impl Segment {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let size = file.metadata()?.len();
        let end = size
            .checked_sub(TAIL as u64)
            .ok_or_else(|| corrupt("no end"))?;
        let mut tail = [0; TAIL];
        file.read_exact_at(&mut tail, end)?;
        let (head, sum) = tail.split_at(TAIL - 32);
        let mut hash = Sha256::new();
        let mut reader = BufReader::with_capacity(1 << 16, &file).take(end);
        io::copy(&mut reader, &mut hash)?;
        hash.update(head);
        if !head.ends_with(VERSION) || hash.finalize().as_slice() != sum {
            return Err(corrupt("another version or checksum"));
        }
        let number = |at: usize| {
            let bytes = head.get(at..at + 8).and_then(|bytes| bytes.try_into().ok());
            bytes.map(u64::from_le_bytes).unwrap_or_default()
        };
        let (dictionary, table, count) = (number(0), number(8), number(16));
        let thinning = u32::try_from(number(24)).unwrap_or_default();
        if !thinning.is_power_of_two()
            || dictionary > table
            || table > end
            || end - table > MAX_TABLE
        {
            return Err(corrupt("impossible places"));
        }
        let mut bytes = vec![0; to_size(end - table)?];
        file.read_exact_at(&mut bytes, table)?;
        let texts = read_texts(&bytes, count).ok_or_else(|| corrupt("no list of its texts"))?;
        let mut segment = Self {
            file,
            path: path.to_owned(),
            texts,
            dictionary,
            grams: to_size((table - dictionary) / 8)?,
            thinning,
            bytes: size,
            fences: Vec::new(),
        };
        for block in 0..segment.grams.div_ceil(BLOCK) {
            let entries = segment.entries(block * BLOCK, 1)?;
            segment
                .fences
                .extend(entries.first().map(|entry| gram_of(*entry)));
        }
        Ok(segment)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the texts with this gram are listed.
    pub(super) fn find(&self, gram: Gram) -> io::Result<Found> {
        if !is_kept(gram, self.thinning) {
            return Ok(Found::Unknown);
        }
        let Some(block) = self
            .fences
            .partition_point(|first| *first <= gram)
            .checked_sub(1)
        else {
            return Ok(Found::Nowhere);
        };
        // With the first one of the next block: there the last list ends.
        let entries = self.entries(block * BLOCK, BLOCK + 1)?;
        let Ok(at) = entries.binary_search_by_key(&gram, |entry| gram_of(*entry)) else {
            return Ok(Found::Nowhere);
        };
        let entry = entries.get(at).copied().unwrap_or_default();
        let end = entries
            .get(at + 1)
            .map_or(self.dictionary, |next| next & PLACE);
        let place = entry & PLACE;
        let bytes = end.checked_sub(place).filter(|_| end <= self.dictionary);
        Ok(Found::Listed(List {
            place,
            bytes: to_size(bytes.ok_or_else(|| corrupt("impossible places"))?)?,
            is_bits: entry & IS_BITS != 0,
        }))
    }

    /// The numbers of the texts in a list, ascending.
    pub(super) fn read(&self, list: List) -> io::Result<Vec<u32>> {
        let mut bytes = vec![0; list.bytes];
        self.file.read_exact_at(&mut bytes, list.place)?;
        let mut numbers = Vec::with_capacity(list.bytes);
        if list.is_bits {
            let set = |byte: u8| (0..8).filter(move |bit| byte & 1 << bit != 0);
            let all = bytes
                .iter()
                .zip(0_u32..)
                .flat_map(|(byte, at)| set(*byte).map(move |bit| at * 8 + bit));
            numbers.extend(all);
        } else {
            let (mut rest, mut next) = (bytes.as_slice(), 0_u32);
            while !rest.is_empty() {
                let gap = take_number(&mut rest).and_then(|gap| u32::try_from(gap).ok());
                let gap = gap.ok_or_else(|| corrupt("a list that can't be read"))?;
                let number = next.saturating_add(gap);
                numbers.push(number);
                next = number.saturating_add(1);
            }
        }
        if numbers
            .last()
            .is_some_and(|last| *last as usize >= self.texts.len())
        {
            return Err(corrupt("a list of texts that it doesn't have"));
        }
        Ok(numbers)
    }

    fn entries(&self, from: usize, count: usize) -> io::Result<Vec<u64>> {
        let count = count.min(self.grams.saturating_sub(from));
        let mut bytes = vec![0; count * 8];
        self.file
            .read_exact_at(&mut bytes, self.dictionary + from as u64 * 8)?;
        let entry = |bytes: &[u8]| bytes.try_into().map(u64::from_le_bytes).unwrap_or_default();
        Ok(bytes.chunks_exact(8).map(entry).collect())
    }
}

/// Some grams in `thinning`, always the same ones.
fn is_kept(gram: Gram, thinning: u32) -> bool {
    (gram.wrapping_mul(0x9E37_79B1) >> 24).is_multiple_of(thinning)
}

fn gram_of(entry: u64) -> Gram {
    (entry >> 40) as Gram
}

fn to_size(bytes: u64) -> io::Result<usize> {
    usize::try_from(bytes).map_err(|_| corrupt("impossible sizes"))
}

/// Makes a segment.
pub(super) struct Builder {
    texts: Vec<Text>,
    /// By the first byte of the gram; its others above the number of the text.
    pairs: Vec<Vec<u32>>,
    count: usize,
}

impl Builder {
    pub(super) fn new() -> Self {
        Self {
            texts: Vec::new(),
            pairs: vec![Vec::new(); 256],
            count: 0,
        }
    }

    pub(super) fn texts(&self) -> &[Text] {
        &self.texts
    }

    /// No more goes in.
    pub(super) fn is_full(&self) -> bool {
        self.texts.len() >= MAX_TEXTS || self.count >= MAX_PAIRS
    }

    /// Texts are added by path.
    pub(super) fn add(&mut self, text: Text, grams: &[Gram]) {
        let number = self.texts.len() as u32 & 0xFFFF;
        self.texts.push(text);
        self.count += grams.len();
        for gram in grams {
            if let Some(pairs) = self.pairs.get_mut((gram >> 16) as usize) {
                pairs.push(gram << 16 | number);
            }
        }
    }

    /// What its texts take, in bytes.
    pub(super) fn size(&self) -> u64 {
        self.texts.iter().map(|text| text.stamp.size).sum()
    }

    /// Writes it, and opens it. `None`: it can't be made of at most so many bytes.
    pub(super) fn finish(mut self, path: &Path, most: u64) -> io::Result<Option<Segment>> {
        for pairs in &mut self.pairs {
            pairs.sort_unstable();
        }
        let draft = path.with_extension("draft");
        let mut thinning = 1;
        while self.write(&draft, thinning)? > most {
            thinning *= 2;
            if thinning > MAX_THINNING {
                std::fs::remove_file(&draft)?;
                return Ok(None);
            }
        }
        drop(self);
        std::fs::rename(&draft, path)?;
        Segment::open(path).map(Some)
    }

    /// Returns how many bytes it takes.
    fn write(&self, path: &Path, thinning: u32) -> io::Result<u64> {
        let mut out = Hashed {
            out: BufWriter::with_capacity(1 << 16, File::create(path)?),
            hash: Sha256::new(),
        };
        let (mut place, mut dictionary) = (0_u64, Vec::new());
        for (first, pairs) in (0_u32..).zip(&self.pairs) {
            for of_gram in pairs.chunk_by(|a, b| a >> 16 == b >> 16) {
                let gram = first << 16 | of_gram.first().map_or(0, |pair| pair >> 16);
                if !is_kept(gram, thinning) {
                    continue;
                }
                let (list, is_bits) = encode(of_gram, self.texts.len());
                out.write_all(&list)?;
                let flag = if is_bits { IS_BITS } else { 0 };
                dictionary.push(u64::from(gram) << 40 | flag | place);
                place += list.len() as u64;
            }
        }
        for entry in &dictionary {
            out.write_all(&entry.to_le_bytes())?;
        }
        for text in &self.texts {
            write_text(&mut out, text)?;
        }
        let table = place + dictionary.len() as u64 * 8;
        for number in [place, table, self.texts.len() as u64, u64::from(thinning)] {
            out.write_all(&number.to_le_bytes())?;
        }
        out.write_all(VERSION)?;
        let Hashed { mut out, hash } = out;
        out.write_all(&hash.finalize())?;
        out.flush()?;
        Ok(out.get_ref().metadata()?.len())
    }
}

struct Hashed<W> {
    out: W,
    hash: Sha256,
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hash.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The list of the texts of these pairs, and whether it is bits: what is shorter.
fn encode(pairs: &[u32], texts: usize) -> (Vec<u8>, bool) {
    let numbers = pairs.iter().map(|pair| pair & 0xFFFF);
    let size = texts.div_ceil(8);
    if pairs.len() >= size {
        let mut bits = vec![0_u8; size];
        for number in numbers {
            if let Some(byte) = bits.get_mut(number as usize / 8) {
                *byte |= 1 << (number % 8);
            }
        }
        return (bits, true);
    }
    let (mut list, mut next) = (Vec::with_capacity(pairs.len()), 0);
    for number in numbers {
        put_number(&mut list, u64::from(number - next));
        next = number + 1;
    }
    (list, false)
}

/// Seven bits in a byte, the lowest first; the top bit says that more follow.
fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn take_number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn write_text(out: &mut impl Write, text: &Text) -> io::Result<()> {
    let mut head = Vec::new();
    let stamp = text.stamp;
    for number in [text.path.len() as u64, stamp.size, stamp.inode] {
        put_number(&mut head, number);
    }
    out.write_all(&head)?;
    out.write_all(&stamp.modified.to_le_bytes())?;
    out.write_all(&stamp.changed.to_le_bytes())?;
    out.write_all(text.path.as_bytes())
}

fn read_texts(mut bytes: &[u8], count: u64) -> Option<Vec<Text>> {
    let mut texts = Vec::new();
    for _ in 0..count {
        let mut number = || take_number(&mut bytes);
        let (length, size, inode) = (usize::try_from(number()?).ok()?, number()?, number()?);
        let mut time = || {
            let (time, rest) = bytes.split_first_chunk()?;
            bytes = rest;
            Some(i64::from_le_bytes(*time))
        };
        let (modified, changed) = (time()?, time()?);
        let (path, rest) = bytes.split_at_checked(length)?;
        bytes = rest;
        let stamp = Stamp {
            modified,
            changed,
            size,
            inode,
            shared: false,
        };
        texts.push(Text {
            path: std::str::from_utf8(path).ok()?.into(),
            stamp,
        });
    }
    (bytes.is_empty() && texts.len() <= MAX_TEXTS).then_some(texts)
}
