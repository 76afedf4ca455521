//! Three bytes in a row: what texts are indexed by.
//!
//! ASCII letters are folded to lower case, so that one index serves both ways of searching. None spans lines: no match
//! does either.

/// Three bytes, the first one on top.
pub(super) type Gram = u32;

/// Bits in the table of grams that were seen.
const GRAMS: usize = 1 << 24;

/// Collects the grams of one text after another.
pub(super) struct Collector {
    seen: Vec<u64>,
    grams: Vec<Gram>,
}

impl Collector {
    pub(super) fn new() -> Self {
        Self {
            seen: vec![0; GRAMS / 64],
            grams: Vec::new(),
        }
    }

    /// Each gram of the text once, in no order.
    pub(super) fn grams(&mut self, text: &[u8]) -> &[Gram] {
        for gram in self.grams.drain(..) {
            if let Some(word) = self.seen.get_mut(gram as usize / 64) {
                *word = 0;
            }
        }
        for line in text.split(|byte| *byte == b'\n') {
            let mut window = 0;
            for (at, byte) in line.iter().enumerate() {
                window = pushed(window, *byte);
                let bit = 1 << (window % 64);
                if at >= 2
                    && let Some(word) = self.seen.get_mut(window as usize / 64)
                    && *word & bit == 0
                {
                    *word |= bit;
                    self.grams.push(window);
                }
            }
        }
        &self.grams
    }
}

/// The grams of a few bytes, in order.
pub(super) fn of(text: &[u8]) -> Vec<Gram> {
    let gram = |bytes: &[u8]| bytes.iter().fold(0, |window, byte| pushed(window, *byte));
    text.windows(3).map(gram).collect()
}

fn pushed(window: Gram, byte: u8) -> Gram {
    (window << 8 | Gram::from(byte.to_ascii_lowercase())) & 0xFF_FFFF
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grams_are_folded_and_stay_in_their_line() {
        let mut collector = Collector::new();
        let mut grams = |text: &str| {
            let mut grams = collector.grams(text.as_bytes()).to_vec();
            grams.sort_unstable();
            grams
        };
        assert_eq!(
            grams("ABCabc"),
            [of(b"abc"), of(b"bca"), of(b"cab")].concat()
        );
        assert_eq!(grams("ab\ncd\n\nxyz"), of(b"xyz"));
        assert_eq!(grams("é!"), of("é!".as_bytes()));
        assert_eq!(grams(""), [0; 0]);
    }
}
