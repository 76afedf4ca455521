//! Letters that are not quite those of the text.

/// The same numbers in each run (splitmix64, Steele et al. 2014).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new() -> Self {
        Self(42)
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % n as u64).unwrap()
    }
}

/// How a character is altered.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Alteration {
    /// Into any printable one.
    Any,
    /// Into one of the same text.
    OfTheText,
    /// White space into other white space.
    White,
}

impl Alteration {
    pub(crate) const ALL: [Self; 3] = [Self::Any, Self::OfTheText, Self::White];

    /// `text` with one character altered; `None` where there is none to alter.
    pub(crate) fn of(self, text: &str, random: &mut Random) -> Option<String> {
        let mut chars: Vec<char> = text.chars().collect();
        let fits = |c: &char| !matches!(self, Self::White) || c.is_whitespace();
        let places: Vec<usize> = (0..chars.len()).filter(|i| fits(&chars[*i])).collect();
        let at = *places.get(random.below(places.len().max(1)))?;
        let was = chars[at];
        let other = (0..100).find_map(|_| {
            let c = match self {
                Self::Any => char::from(b' ' + u8::try_from(random.below(95)).unwrap()),
                Self::OfTheText => chars[random.below(chars.len())],
                Self::White => [' ', '\t', '\n'][random.below(3)],
            };
            (c != was).then_some(c)
        });
        chars[at] = other?;
        Some(chars.into_iter().collect())
    }
}
