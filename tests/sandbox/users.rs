//! Root is not who most users are: all tests again, as an ordinary one with files of their own.

use std::os::unix::fs::{PermissionsExt as _, chown};

use crate::place::{Place, code};

const NOBODY: u32 = 65_534;

/// In a folder of root's; of one that is another's a copy is made.
#[tokio::test]
async fn files_of_another_user_can_be_replaced_in_the_shadow() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let place = Place::new();
    let theirs = place.path("workspace/file.txt");
    chown(&theirs, Some(NOBODY), Some(NOBODY)).unwrap();
    let script = "sed -i s/real/new/ file.txt && stat -c %u file.txt && mv file.txt other.txt && cat other.txt && rm *";
    let ended = place.bash(script).await;
    assert_eq!(
        (ended.stdout.as_str(), ended.stderr.as_str(), code(&ended)),
        ("0\nnew\n", "", Some(0))
    );
    assert_eq!(place.read("workspace/file.txt"), "real\n");
}

#[test]
fn all_of_it_works_as_an_ordinary_user() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    chown(home.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let tests = std::env::current_exe().unwrap();
    #[expect(clippy::disallowed_methods, reason = "the same tests as another user")]
    let mut again = std::process::Command::new("setpriv");
    again.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]);
    again
        .arg(&tests)
        .args(["--skip", "all_of_it_works_as_an_ordinary_user"]);
    again
        .current_dir("/")
        .env_clear()
        .env("PATH", "/usr/bin:/bin");
    again.env("HOME", home.path()).env("TMPDIR", home.path());
    let output = again.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert!(said.contains(" passed; 0 failed; 0 ignored"), "{said}");
}
