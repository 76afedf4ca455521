//! The Merkle tree of RFC 6962 §2.1 over the lines of a log, as it grows: only its frontier is kept.

use crate::digest::Digest;

/// The leaf of one line, without its LF.
pub(crate) fn leaf(line: &[u8]) -> Digest {
    Digest::of(&[&[0], line])
}

fn node(left: &Digest, right: &Digest) -> Digest {
    Digest::of(&[&[1], left.as_bytes(), right.as_bytes()])
}

/// The roots of the perfect subtrees that the leaves so far make up, the largest first: one for each bit that is set
/// in their number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Frontier {
    size: u64,
    peaks: Vec<Digest>,
}

impl Frontier {
    /// How many leaves there are.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf.
    pub(crate) fn push(&mut self, leaf: Digest) {
        let mut root = leaf;
        // Each bit that the new number carries over joins two subtrees of one height.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                root = node(&left, &root);
            }
        }
        self.peaks.push(root);
        self.size += 1;
    }

    /// The tree's root.
    pub(crate) fn root(&self) -> Digest {
        let smallest_first = self.peaks.iter().rev().copied();
        smallest_first
            .reduce(|right, left| node(&left, &right))
            .unwrap_or_else(|| Digest::of(&[]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The inputs and roots of the reference implementation of certificate transparency
    /// (`merkletree/merkle_tree_test.cc`), which other implementations test themselves against too.
    const LEAVES: [&[u8]; 8] = [
        b"",
        b"\0",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    const ROOTS: [&str; 9] = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    #[test]
    fn the_roots_are_those_of_the_reference() {
        let mut frontier = Frontier::default();
        assert_eq!(frontier.root().to_string(), ROOTS[0]);
        for (line, root) in LEAVES.iter().zip(&ROOTS[1..]) {
            frontier.push(leaf(line));
            assert_eq!(frontier.root().to_string(), *root);
        }
    }

    /// RFC 6962 §2.1, word for word.
    fn mth(leaves: &[Digest]) -> Digest {
        match leaves {
            [] => Digest::of(&[]),
            [only] => *only,
            _ => {
                let split = leaves.len().next_power_of_two() / 2;
                let (left, right) = leaves.split_at(split);
                node(&mth(left), &mth(right))
            }
        }
    }

    proptest! {
        #[test]
        fn growing_gives_the_tree_of_the_definition(count in 0..300_u32) {
            let leaves: Vec<_> = (0..count).map(|n| leaf(&n.to_le_bytes())).collect();
            let mut frontier = Frontier::default();
            leaves.iter().for_each(|leaf| frontier.push(*leaf));
            prop_assert_eq!(frontier.root(), mth(&leaves));
            prop_assert_eq!(frontier.peaks.len() as u32, count.count_ones());
        }
    }
}
