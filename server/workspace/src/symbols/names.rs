//! Every name once: a number stands for it everywhere else.

use std::hash::BuildHasher as _;

use hashbrown::{DefaultHashBuilder, HashTable};

/// The number of a name.
pub(super) type NameId = u32;

/// Names by number, and numbers by name. A name that nobody uses any more stays until the index is read again.
#[derive(Default)]
pub(super) struct Names {
    /// All of them, one after another.
    text: String,
    /// Where each ends.
    ends: Vec<u32>,
    numbers: HashTable<NameId>,
    hasher: DefaultHashBuilder,
}

impl Names {
    /// The number of a name, which it has from now on; `None` where there is no room for more.
    pub(super) fn intern(&mut self, name: &str) -> Option<NameId> {
        if let Some(id) = self.find(name) {
            return Some(id);
        }
        let id = NameId::try_from(self.ends.len()).ok()?;
        let end = u32::try_from(self.text.len() + name.len()).ok()?;
        self.text.push_str(name);
        self.ends.push(end);
        let (text, ends, hasher) = (&self.text, &self.ends, &self.hasher);
        let hash_of = |id: &NameId| hasher.hash_one(at(text, ends, *id).unwrap_or_default());
        self.numbers
            .insert_unique(hasher.hash_one(name), id, hash_of);
        Some(id)
    }

    pub(super) fn find(&self, name: &str) -> Option<NameId> {
        let same = |id: &NameId| self.get(*id) == Some(name);
        self.numbers.find(self.hasher.hash_one(name), same).copied()
    }

    pub(super) fn get(&self, id: NameId) -> Option<&str> {
        at(&self.text, &self.ends, id)
    }

    /// The names alone, in bytes.
    pub(super) fn text_bytes(&self) -> usize {
        self.text.len()
    }

    /// What is held beside the names, in bytes.
    pub(super) fn other_bytes(&self) -> usize {
        let spare = self.text.capacity() - self.text.len();
        spare + self.ends.capacity() * size_of::<u32>() + self.numbers.allocation_size()
    }
}

fn at<'t>(text: &'t str, ends: &[u32], id: NameId) -> Option<&'t str> {
    let id = id as usize;
    let start = match id.checked_sub(1) {
        Some(before) => *ends.get(before)? as usize,
        None => 0,
    };
    text.get(start..*ends.get(id)? as usize)
}

#[cfg(test)]
mod tests {
    use super::Names;

    #[test]
    fn a_name_has_one_number() {
        let mut names = Names::default();
        let words: Vec<String> = (0..2000).map(|n| format!("name{}", n % 700)).collect();
        for word in &words {
            let id = names.intern(word).unwrap();
            assert_eq!(names.get(id), Some(word.as_str()));
        }
        assert_eq!(names.ends.len(), 700);
        assert_eq!(names.find("name699"), Some(699));
        assert_eq!(names.find("name700"), None);
        assert_eq!(names.get(700), None);
    }
}
