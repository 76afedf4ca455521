//! A workspace, its shadow, and commands in it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use interline_log::{Attachments, CallId, SessionId, TurnId};
use interline_workspace::Workspace;
use interline_workspace::path::WorkspacePath;
use interline_workspace::proposal::{Hunk, HunkState, Origin, Outcome, Proposed, Replacement};
use interline_workspace::shadow::{Change, Changes, Layers, Limits, Place, Shadow, Taken};

pub(crate) struct Desk {
    folder: tempfile::TempDir,
    pub(crate) workspace: Arc<Workspace>,
    pub(crate) shadow: Shadow,
    pub(crate) session: SessionId,
}

impl Desk {
    /// `None`, with the reason printed, where the system can't mount overlays in a namespace of the user's.
    pub(crate) fn new(files: &[(&str, &str)]) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        std::fs::create_dir(&root).unwrap();
        let desk = Self {
            workspace: Workspace::open(&root).unwrap(),
            shadow: Shadow::new(&folder.path().join("shadow")),
            session: SessionId::new(),
            folder,
        };
        desk.keep_attachments(&desk.workspace);
        for (path, text) in files {
            desk.write(path, text);
        }
        desk.can_mount().then_some(desk)
    }

    /// The same with a copy for a shadow, which works everywhere.
    pub(crate) fn copied(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        std::fs::create_dir(&root).unwrap();
        let desk = Self {
            workspace: Workspace::open(&root).unwrap(),
            shadow: Shadow::copied(&folder.path().join("shadow")),
            session: SessionId::new(),
            folder,
        };
        desk.keep_attachments(&desk.workspace);
        for (path, text) in files {
            desk.write(path, text);
        }
        desk
    }

    fn keep_attachments(&self, workspace: &Workspace) {
        let session = self.folder.path().join("session");
        workspace.keep_attachments(self.session, Attachments::of(&session));
    }

    /// The same folder after a restart, without what is only in the log.
    pub(crate) fn restarted(&self) -> Arc<Workspace> {
        let workspace = Workspace::open(self.root()).unwrap();
        self.keep_attachments(&workspace);
        workspace
    }

    #[expect(clippy::print_stdout, reason = "a test that is skipped says why")]
    fn can_mount(&self) -> bool {
        let probe = self.folder.path().join("probe");
        let layers = ["lower", "upper", "work", "at"].map(|name| probe.join(name));
        for folder in &layers {
            std::fs::create_dir_all(folder).unwrap();
        }
        let [lower, upper, work, at] = layers;
        let layers = Layers {
            lower: vec![lower],
            upper,
            work,
            at,
        };
        let (works, said) = mounted(&layers, "true");
        if !works {
            println!("skipped: overlays can't be mounted here: {said}");
        }
        works
    }

    /// As another process has it.
    pub(crate) fn shadow_anew(&self) -> Shadow {
        Shadow::copied(&self.folder.path().join("shadow"))
    }

    /// What somebody does in the real folder.
    pub(crate) fn on_disk(&self, script: &str) {
        let (works, said) = within(self.root(), script);
        assert!(works, "{script}: {said}");
    }

    pub(crate) fn limited(mut self, limits: Limits) -> Self {
        self.shadow = self.shadow.with_limits(limits);
        self
    }

    pub(crate) fn root(&self) -> &Path {
        self.workspace.root()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    pub(crate) fn upper(&self, name: &str) -> PathBuf {
        self.folder.path().join("shadow/upper").join(name)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the test is the user who writes files"
    )]
    pub(crate) fn write(&self, name: &str, text: &str) {
        let file = self.file(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.file(name)).unwrap()
    }

    fn uri(&self, name: &str) -> String {
        format!("file://{}", self.file(name).display())
    }

    pub(crate) fn open(&self, name: &str, text: &str) {
        let file = self.file(name);
        self.workspace
            .did_open(&self.uri(name), Some(&file), "text", 1, text);
    }

    pub(crate) fn close(&self, name: &str) {
        self.workspace.did_close(&self.uri(name));
    }

    pub(crate) fn origin(&self) -> Origin {
        Origin {
            session: self.session,
            turn: TurnId::new(),
            call: CallId::new(),
        }
    }

    pub(crate) fn propose(&self, name: &str, what: Proposed) -> Outcome {
        let path = WorkspacePath::new(name).unwrap();
        self.workspace.propose(self.origin(), &path, what).unwrap()
    }

    /// The same, where it may be impossible.
    pub(crate) fn try_propose(&self, name: &str, what: Proposed) {
        let path = WorkspacePath::new(name).unwrap();
        let _ = self.workspace.propose(self.origin(), &path, what);
    }

    pub(crate) fn edit(&self, name: &str, old: &str, new: &str) {
        let edit = Replacement {
            old: old.to_owned(),
            new: new.to_owned(),
            count: 1,
        };
        self.propose(name, Proposed::Replace(vec![edit]));
    }

    /// Runs a command in the shadow: what it printed, and what it changed.
    pub(crate) fn run(&self, script: &str) -> (String, Changes) {
        self.run_while(script, || ())
    }

    /// The same; `meanwhile` happens after the command and before what it changed is read back.
    pub(crate) fn run_while(&self, script: &str, meanwhile: impl FnOnce()) -> (String, Changes) {
        let mut entered = self.shadow.enter(&self.workspace, self.session).unwrap();
        let (works, said) = match entered.place() {
            Place::Layers(layers) => mounted(layers, script),
            Place::Copy(copied) => within(&copied.at, script),
        };
        assert!(works, "{script}: {said}");
        meanwhile();
        let changes = entered.changes().unwrap();
        (said, changes)
    }

    /// Runs a command and proposes what it changed; returns what there is to know besides.
    pub(crate) fn take(&self, script: &str) -> Vec<String> {
        self.take_while(script, || ())
    }

    pub(crate) fn take_while(&self, script: &str, meanwhile: impl FnOnce()) -> Vec<String> {
        let (_, changes) = self.run_while(script, meanwhile);
        changes.propose(&self.workspace, self.origin()).notices
    }

    /// The same, with what is to be logged.
    pub(crate) fn taken(&self, script: &str) -> Taken {
        let (_, changes) = self.run(script);
        changes.propose(&self.workspace, self.origin())
    }

    /// Takes all back, on disk; how many hunks can't be.
    pub(crate) fn undo_all(&self) -> usize {
        let (landings, stuck) = self.workspace.undo(self.session, None);
        for landing in landings {
            let landed = self.workspace.land_on_disk(&landing);
            self.workspace.landed(&landing, landed.is_ok());
        }
        stuck.len()
    }

    pub(crate) fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        std::fs::read(self.file(name)).ok()
    }

    pub(crate) fn mode(&self, name: &str) -> u32 {
        use std::os::unix::fs::PermissionsExt as _;
        let metadata = self.file(name).metadata().unwrap();
        metadata.permissions().mode() & 0o777
    }

    pub(crate) fn hunks(&self) -> Vec<Hunk> {
        let files = self.workspace.hunks();
        files.into_iter().flat_map(|file| file.hunks).collect()
    }

    pub(crate) fn states(&self) -> Vec<HunkState> {
        self.hunks().iter().map(|hunk| hunk.state).collect()
    }

    /// Accepts all, on disk.
    pub(crate) fn accept_all(&self) {
        let ids: Vec<_> = self.hunks().iter().map(|hunk| hunk.id).collect();
        if ids.is_empty() {
            return;
        }
        for landing in self.workspace.accept(&ids).unwrap() {
            let landed = self.workspace.land_on_disk(&landing);
            self.workspace.landed(&landing, landed.is_ok());
        }
    }

    pub(crate) fn reject_all(&self) {
        let ids: Vec<_> = self.hunks().iter().map(|hunk| hunk.id).collect();
        self.workspace.reject(&ids);
    }

    pub(crate) fn says(&self, script: &str) -> String {
        self.run(script).0
    }
}

/// Runs a script in the mounted layers; whether it succeeded, and what it printed.
#[expect(
    clippy::disallowed_methods,
    reason = "the test stands for the sandbox that mounts the layers"
)]
pub(crate) fn mounted(layers: &Layers, script: &str) -> (bool, String) {
    let lower: Vec<String> = layers
        .lower
        .iter()
        .map(|lower| lower.display().to_string())
        .collect();
    let setup = r#"mount -t overlay overlay -o "lowerdir=$1,upperdir=$2,workdir=$3,userxattr" "$4" && cd "$4" && exec sh -euc "$5" 2>&1"#;
    let output = Command::new("unshare")
        .args(["-Urm", "sh", "-c", setup, "sh"])
        .arg(lower.join(":"))
        .args([&layers.upper, &layers.work, &layers.at])
        .arg(script)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&said).trim_end().to_owned(),
    )
}

/// Runs a script in a folder; whether it succeeded, and what it printed.
#[expect(
    clippy::disallowed_methods,
    reason = "the test stands for the sandbox that runs commands in the copy"
)]
fn within(folder: &Path, script: &str) -> (bool, String) {
    let output = Command::new("sh")
        .args(["-euc", "exec 2>&1; eval \"$1\"", "sh", script])
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    (output.status.success(), said.trim_end().to_owned())
}

/// One line a change.
pub(crate) fn shown(changes: &Changes) -> String {
    let mut lines: Vec<String> = changes
        .changes
        .iter()
        .map(|change| match change {
            Change::Text { path, old, new } => format!("{path}: {old:?} -> {new:?}"),
            Change::Renamed { from, to, .. } => format!("{from} => {to}"),
            Change::Binary { path, new, .. } => {
                format!("{path}: {:?} bytes", new.as_ref().map(|blob| blob.bytes))
            }
            Change::Executable { path, executable } => format!("{path}: executable {executable}"),
        })
        .collect();
    lines.extend(changes.notes.iter().map(|note| format!("! {note}")));
    lines.join("\n")
}
