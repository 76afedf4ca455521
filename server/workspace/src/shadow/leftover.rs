//! Shadows that nobody works in: how much of the disk one takes, and deleting it whole, whatever commands left there.

use std::io;
use std::path::Path;

use super::size::Size;
use super::tree::{Folder, Trash};

/// Bytes of the disk that a folder of ours takes; what can't be looked at counts for nothing. Walks all of it.
#[must_use]
pub fn bytes_of(folder: &Path) -> u64 {
    Size::of(folder, None, u64::MAX).bytes()
}

/// Deletes a folder of ours with all that is in it, locked folders included. No link is followed. Where it is cut
/// short the rest is deleted by calling it again.
///
/// # Errors
/// What the system says; a folder with an absurd number of entries.
pub fn delete(folder: &Path) -> io::Result<()> {
    Trash::new(Folder::open(folder)?).empty()?;
    std::fs::remove_dir(folder)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "fixtures are files")]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_folder_goes_with_all_that_is_in_it_and_nothing_else() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("folder");
        let (locked, outside) = (folder.join("a/locked/0"), place.path().join("outside"));
        std::fs::create_dir_all(&locked).unwrap();
        std::fs::create_dir(&outside).unwrap();
        for file in [locked.join("f"), folder.join("0"), outside.join("f")] {
            std::fs::write(file, vec![b'x'; 100_000]).unwrap();
        }
        symlink(&outside, folder.join("link")).unwrap();
        assert!(bytes_of(&folder) >= 200_000);
        for folder in [locked.as_path(), &folder.join("a/locked")] {
            std::fs::set_permissions(folder, PermissionsExt::from_mode(0o000)).unwrap();
        }
        delete(&folder).unwrap();
        assert!(!folder.exists());
        assert!(outside.join("f").exists());
    }
}
