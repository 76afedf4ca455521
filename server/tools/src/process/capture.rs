//! Keeps the head and the tail of an output that may be endless.

use std::collections::VecDeque;

/// Bytes from both ends of a stream; what is between them is only counted.
#[derive(Debug)]
pub(crate) struct Capture {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    head_limit: usize,
    tail_limit: usize,
    left_out: u64,
}

impl Capture {
    pub(crate) fn new(head_limit: usize, tail_limit: usize) -> Self {
        Self {
            head: Vec::new(),
            tail: VecDeque::new(),
            head_limit,
            tail_limit,
            left_out: 0,
        }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let room = self.head_limit - self.head.len();
        let (head, rest) = bytes.split_at(room.min(bytes.len()));
        self.head.extend_from_slice(head);
        self.tail.extend(rest);
        let over = self.tail.len().saturating_sub(self.tail_limit);
        self.tail.drain(..over);
        self.left_out += over as u64;
    }

    /// Nothing was left out.
    pub(crate) fn is_whole(&self) -> bool {
        self.left_out == 0
    }

    /// As text, with a line that says how much is missing in between.
    pub(crate) fn text(&self) -> String {
        let (front, back) = self.tail.as_slices();
        if self.is_whole() {
            let bytes = [self.head.as_slice(), front, back].concat();
            return String::from_utf8_lossy(&bytes).into_owned();
        }
        let head = String::from_utf8_lossy(&self.head);
        let tail = [front, back].concat();
        let tail = String::from_utf8_lossy(&tail);
        // A character that was cut in two would show as a replacement.
        let head = head.trim_end_matches('\u{fffd}').trim_end_matches('\n');
        let tail = tail.trim_start_matches('\u{fffd}').trim_start_matches('\n');
        format!("{head}\n(… {} bytes left out …)\n{tail}", self.left_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captured(chunks: &[&str]) -> String {
        let mut capture = Capture::new(4, 4);
        chunks
            .iter()
            .for_each(|chunk| capture.push(chunk.as_bytes()));
        capture.text()
    }

    #[test]
    fn both_ends_are_kept_however_the_bytes_come() {
        assert_eq!(captured(&["ab", "cd", "efgh"]), "abcdefgh");
        let cut = "abcd\n(… 3 bytes left out …)\nhijk";
        assert_eq!(captured(&["abcdefghijk"]), cut);
        assert_eq!(captured(&["abcdef", "g", "hijk"]), cut);
    }

    #[test]
    fn characters_are_not_cut_in_two() {
        assert_eq!(
            captured(&["abcé", "xxxx", "égh"]),
            "abc\n(… 5 bytes left out …)\négh"
        );
        assert_eq!(captured(&["é", "é"]), "éé");
    }
}
