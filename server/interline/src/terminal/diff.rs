//! A proposal as a unified diff that `git apply` and `patch` take.

use std::fmt::Write as _;

use imara_diff::{
    Algorithm, BasicLineDiffPrinter, Diff as LineDiff, InternedInput, UnifiedDiffConfig,
};
use interline_agent::Diff;

use super::style::Style;
use super::visible;

/// All files, one after another.
pub(crate) fn unified(files: &[Diff], style: Style) -> String {
    let mut out = String::new();
    for file in files {
        write_file(&mut out, file, style);
    }
    out
}

fn write_file(out: &mut String, file: &Diff, style: Style) {
    let name = |side: char, text: &Option<String>| match text {
        Some(_) => format!("{side}/{}", file.path),
        None => "/dev/null".to_owned(),
    };
    for line in header(file, &name) {
        // Writing into a String fails never.
        let _ = writeln!(out, "{}", style.bold(&line));
    }
    if file.binary || file.before == file.after {
        return;
    }
    let before = file.before.as_deref().unwrap_or_default();
    let after = file.after.as_deref().unwrap_or_default();
    let input = InternedInput::new(before, after);
    let mut diff = LineDiff::compute(Algorithm::Histogram, &input);
    diff.postprocess_lines(&input);
    let printer = BasicLineDiffPrinter(&input.interner);
    let mut body = diff
        .unified_diff(&printer, UnifiedDiffConfig::default(), &input)
        .to_string();
    // An empty side starts at line 0 (POSIX diff, unified format); the library says 1.
    if before.is_empty() {
        body = body.replacen("@@ -1,0 ", "@@ -0,0 ", 1);
    }
    if after.is_empty() {
        body = body.replacen(" +1,0 @@", " +0,0 @@", 1);
    }
    let _ = writeln!(
        out,
        "{}",
        style.bold(&format!("--- {}", name('a', &file.before)))
    );
    let _ = writeln!(
        out,
        "{}",
        style.bold(&format!("+++ {}", name('b', &file.after)))
    );
    for line in body.split_inclusive('\n') {
        let (text, end) = line
            .strip_suffix('\n')
            .map_or((line, ""), |text| (text, "\n"));
        let painted = match text.as_bytes().first() {
            Some(b'+') => style.added(&visible(text)),
            Some(b'-') => style.removed(&visible(text)),
            Some(b'@') => style.place(text),
            _ => visible(text),
        };
        out.push_str(&painted);
        out.push_str(end);
        if end.is_empty() {
            out.push_str("\n\\ No newline at end of file\n");
        }
    }
}

/// What Git says of a file beside its text: <https://git-scm.com/docs/diff-format>.
fn header(file: &Diff, name: &dyn Fn(char, &Option<String>) -> String) -> Vec<String> {
    let path = &file.path;
    let mut lines = Vec::new();
    let mode = |executable| if executable { "100755" } else { "100644" };
    match (&file.before, &file.after, file.executable) {
        (None, Some(_), Some(executable)) => {
            lines.push(format!("new file mode {}", mode(executable)));
        }
        (_, _, Some(executable)) => {
            lines.push(format!("old mode {}", mode(!executable)));
            lines.push(format!("new mode {}", mode(executable)));
        }
        (_, _, None) => {}
    }
    if file.binary {
        let (before, after) = (name('a', &file.before), name('b', &file.after));
        lines.push(format!("Binary files {before} and {after} differ"));
    }
    if !lines.is_empty() {
        lines.insert(0, format!("diff --git a/{path} b/{path}"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use interline_workspace::path::WorkspacePath;

    use super::*;

    fn diff(before: Option<&str>, after: Option<&str>) -> String {
        let file = Diff {
            path: WorkspacePath::new("src/a.rs").unwrap(),
            before: before.map(str::to_owned),
            after: after.map(str::to_owned),
            binary: false,
            executable: None,
        };
        unified(&[file], Style::plain())
    }

    #[test]
    fn bytes_and_modes_as_git_shows_them() {
        let text = |text: &str| Some(text.to_owned());
        let shown = |before, after, binary, executable| {
            let path = WorkspacePath::new("x").unwrap();
            let file = Diff {
                path,
                before,
                after,
                binary,
                executable,
            };
            unified(&[file], Style::plain())
        };
        assert_eq!(
            shown(text("1 byte"), text("2 bytes"), true, None),
            "diff --git a/x b/x\nBinary files a/x and b/x differ\n"
        );
        assert_eq!(
            shown(None, text("2 bytes"), true, Some(true)),
            "diff --git a/x b/x\nnew file mode 100755\nBinary files /dev/null and b/x differ\n"
        );
        assert_eq!(
            shown(text("a\n"), text("a\n"), false, Some(false)),
            "diff --git a/x b/x\nold mode 100755\nnew mode 100644\n"
        );
        assert_eq!(
            shown(None, text("a\n"), false, Some(true)),
            "diff --git a/x b/x\nnew file mode 100755\n--- /dev/null\n+++ b/x\n@@ -0,0 +1,1 @@\n+a\n"
        );
    }

    #[test]
    fn new_changed_and_deleted_files() {
        assert_eq!(
            diff(None, Some("x\n")),
            "--- /dev/null\n+++ b/src/a.rs\n@@ -0,0 +1,1 @@\n+x\n"
        );
        assert_eq!(
            diff(Some("a\nb\nc\n"), Some("a\nB\nc\n")),
            "--- a/src/a.rs\n+++ b/src/a.rs\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n"
        );
        assert_eq!(
            diff(Some("x\n"), None),
            "--- a/src/a.rs\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-x\n"
        );
    }
}
