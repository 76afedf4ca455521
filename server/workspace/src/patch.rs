//! The patch text of `apply_patch`: what it says of which files.
//!
//! The form is that of OpenAI's models (`*** Begin Patch`, `*** Update File:`, `@@ context`, …). Parsing is strict: a patch
//! that was cut off, or that anything in is unclear of, is one error, and nothing here looks at a file.

/// One file of a patch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilePatch {
    /// As the patch names it.
    pub path: String,
    /// What becomes of it.
    pub change: FileChange,
}

/// What a patch does to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileChange {
    /// A new file with this text.
    Add(String),
    /// The file goes away.
    Delete,
    /// Its text changes, it gets another path, or both.
    Update {
        /// The other path.
        to: Option<String>,
        /// In the order of the text.
        hunks: Vec<PatchHunk>,
    },
}

/// Lines that become others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PatchHunk {
    /// Lines that stand above, each inside of what the one before it begins.
    pub anchors: Vec<String>,
    /// Context and removed lines, each with its break.
    pub old: String,
    /// Context and added lines.
    pub new: String,
    /// The lines are the last ones of the file.
    pub at_end: bool,
}

const BEGIN: &str = "*** Begin Patch";
const END: &str = "*** End Patch";
const END_OF_FILE: &str = "*** End of File";
const MOVE: &str = "*** Move to: ";

/// Parses a patch.
///
/// # Errors
/// What is wrong with it, by its line.
pub fn parse(patch: &str) -> Result<Vec<FilePatch>, String> {
    let lines: Vec<&str> = patch.trim().lines().collect();
    let [begin, body @ .., end] = lines.as_slice() else {
        return Err(format!(
            "the patch has to begin with `{BEGIN}` and end with `{END}`"
        ));
    };
    if begin.trim_end() != BEGIN {
        return Err(format!("the patch has to begin with `{BEGIN}`"));
    }
    if end.trim_end() != END {
        return Err(format!(
            "the patch has to end with `{END}`: it seems to be cut off, so nothing was changed"
        ));
    }
    let mut parser = Parser { lines: body, at: 0 };
    let mut files: Vec<FilePatch> = Vec::new();
    while let Some(file) = parser.file()? {
        files.push(file);
    }
    if files.is_empty() {
        return Err("the patch names no file: give `*** Update File: PATH`, `*** Add File: PATH` or `*** Delete File: PATH`".to_owned());
    }
    Ok(files)
}

struct Parser<'a> {
    lines: &'a [&'a str],
    at: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a str> {
        self.lines.get(self.at).copied()
    }

    fn next_if(&mut self, fits: impl Fn(&str) -> bool) -> Option<&'a str> {
        let line = self.peek().filter(|line| fits(line))?;
        self.at += 1;
        Some(line)
    }

    /// An error about the line that comes next; `*** Begin Patch` is line 1.
    fn error(&self, reason: &str) -> String {
        format!("line {} of the patch: {reason}", self.at + 2)
    }

    fn file(&mut self) -> Result<Option<FilePatch>, String> {
        while self.next_if(|line| line.trim().is_empty()).is_some() {}
        let Some(line) = self.peek() else {
            return Ok(None);
        };
        let named = |mark: &str| {
            line.strip_prefix(mark)
                .map(str::trim)
                .filter(|path| !path.is_empty())
        };
        type Body<'a> = fn(&mut Parser<'a>) -> Result<FileChange, String>;
        let kinds: [(&str, Body<'a>); 3] = [
            ("*** Update File: ", Parser::update),
            ("*** Add File: ", Parser::add),
            ("*** Delete File: ", |_| Ok(FileChange::Delete)),
        ];
        for (mark, body) in kinds {
            if let Some(path) = named(mark) {
                self.at += 1;
                let (path, change) = (path.to_owned(), body(self)?);
                return Ok(Some(FilePatch { path, change }));
            }
        }
        Err(self.error(
            "`*** Update File: PATH`, `*** Add File: PATH` or `*** Delete File: PATH` is expected",
        ))
    }

    fn add(&mut self) -> Result<FileChange, String> {
        let mut text = String::new();
        while let Some(line) = self.next_if(|line| !line.starts_with("***")) {
            let Some(line) = line.strip_prefix('+') else {
                self.at -= 1;
                return Err(self.error("each line of a new file begins with `+`"));
            };
            push_line(&mut text, line);
        }
        Ok(FileChange::Add(text))
    }

    fn update(&mut self) -> Result<FileChange, String> {
        let to = self
            .next_if(|line| line.starts_with(MOVE))
            .and_then(|line| line.strip_prefix(MOVE));
        let to = to.map(|to| to.trim().to_owned());
        let mut hunks = Vec::new();
        while self.peek().is_some_and(|line| !line.starts_with("***")) {
            hunks.push(self.hunk()?);
        }
        if hunks.is_empty() && to.is_none() {
            return Err(self.error("the file has no hunk: nothing would change"));
        }
        Ok(FileChange::Update { to, hunks })
    }

    fn hunk(&mut self) -> Result<PatchHunk, String> {
        let mut hunk = PatchHunk::default();
        while let Some(line) = self.next_if(|line| line.starts_with("@@")) {
            let anchor = line.trim_start_matches('@').trim();
            // Line numbers of a unified diff say nothing here.
            let has_numbers = anchor.starts_with('-') && anchor.contains("@@");
            if !anchor.is_empty() && !has_numbers {
                hunk.anchors.push(anchor.to_owned());
            }
        }
        let mut blank = 0;
        let mut changes = false;
        while let Some(line) =
            self.next_if(|line| !line.starts_with("***") && !line.starts_with("@@"))
        {
            // Editors and models drop the space of a blank line; the last ones only part it from what follows.
            if line.is_empty() {
                blank += 1;
                continue;
            }
            let (sign, body) = line.split_at_checked(1).unwrap_or_default();
            for _ in 0..std::mem::take(&mut blank) {
                hunk.keep("");
            }
            match sign {
                " " => hunk.keep(body),
                "-" => push_line(&mut hunk.old, body),
                "+" => push_line(&mut hunk.new, body),
                _ => {
                    self.at -= 1;
                    return Err(self.error("each line of a hunk begins with a space, `-` or `+`"));
                }
            }
            changes |= sign != " ";
        }
        hunk.at_end = self
            .next_if(|line| line.trim_end() == END_OF_FILE)
            .is_some();
        if !changes {
            return Err(self.error("the hunk before it neither adds nor removes a line"));
        }
        Ok(hunk)
    }
}

impl PatchHunk {
    fn keep(&mut self, line: &str) {
        push_line(&mut self.old, line);
        push_line(&mut self.new, line);
    }
}

fn push_line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update(body: &str) -> Result<Vec<PatchHunk>, String> {
        let files = parse(&format!(
            "*** Begin Patch\n*** Update File: a\n{body}\n*** End Patch"
        ))?;
        match files.into_iter().next() {
            Some(FilePatch {
                change: FileChange::Update { hunks, .. },
                ..
            }) => Ok(hunks),
            other => panic!("{other:?}"),
        }
    }

    fn hunk(anchors: &[&str], old: &str, new: &str) -> PatchHunk {
        PatchHunk {
            anchors: anchors.iter().map(|&line| line.to_owned()).collect(),
            old: old.to_owned(),
            new: new.to_owned(),
            at_end: false,
        }
    }

    #[test]
    fn a_patch_says_what_becomes_of_files() {
        let patch = "\n*** Begin Patch\r\n*** Add File: new/a.txt\n+one\n+\n*** Update File: b\n*** Move to: c\n@@ fn x\n \
                     keep\n-old\n+new\n*** Delete File: d \n*** Update File: e\n*** Move to: f\n*** End Patch\n";
        let files = parse(patch).unwrap();
        let of = |path: &str| {
            files
                .iter()
                .find(|file| file.path == path)
                .unwrap()
                .change
                .clone()
        };
        assert_eq!(files.len(), 4);
        assert_eq!(of("new/a.txt"), FileChange::Add("one\n\n".to_owned()));
        let hunks = vec![hunk(&["fn x"], "keep\nold\n", "keep\nnew\n")];
        assert_eq!(
            of("b"),
            FileChange::Update {
                to: Some("c".to_owned()),
                hunks
            }
        );
        assert_eq!(of("d"), FileChange::Delete);
        assert_eq!(
            of("e"),
            FileChange::Update {
                to: Some("f".to_owned()),
                hunks: Vec::new()
            }
        );
    }

    #[test]
    fn hunks_begin_at_their_anchors_or_without_one() {
        let hunks =
            update("-a\n+b\n@@\n c\n\n+d\n\n@@ class X\n@@   def y(self):\n-e\n*** End of File")
                .unwrap();
        let last = PatchHunk {
            at_end: true,
            ..hunk(&["class X", "def y(self):"], "e\n", "")
        };
        assert_eq!(
            hunks,
            [
                hunk(&[], "a\n", "b\n"),
                hunk(&[], "c\n\n", "c\n\nd\n"),
                last
            ]
        );
        assert_eq!(
            update("@@ -1,2 +1,2 @@ fn x\n-a\n").unwrap(),
            [hunk(&[], "a\n", "")]
        );
    }

    #[test]
    fn whatever_is_unclear_is_one_error() {
        for (patch, reason) in [
            ("", "has to begin"),
            ("--- a\n+++ b\n@@ -1 +1 @@\n-a\n+b", "has to begin"),
            ("*** Begin Patch\n*** Update File: a\n-a\n+b", "cut off"),
            ("*** Begin Patch\n*** End Patch", "names no file"),
            (
                "*** Begin Patch\n*** Update File: \n-a\n*** End Patch",
                "line 2 of the patch: `*** Update",
            ),
            (
                "*** Begin Patch\nwhat\n*** End Patch",
                "line 2 of the patch",
            ),
            (
                "*** Begin Patch\n*** Update File: a\n*** End Patch",
                "has no hunk",
            ),
            (
                "*** Begin Patch\n*** Update File: a\n a\n*** End Patch",
                "neither adds nor removes",
            ),
            (
                "*** Begin Patch\n*** Update File: a\n-a\nb\n*** End Patch",
                "line 4 of the patch: each line of a hunk",
            ),
            (
                "*** Begin Patch\n*** Update File: a\n-a\n𝄞\n*** End Patch",
                "line 4 of the patch: each line of a hunk",
            ),
            (
                "*** Begin Patch\n*** Add File: a\n+a\nb\n*** End Patch",
                "line 4 of the patch: each line of a new file",
            ),
            (
                "*** Begin Patch\n*** Delete File: a\n-a\n*** End Patch",
                "line 3 of the patch",
            ),
        ] {
            let error = parse(patch).unwrap_err();
            assert!(error.contains(reason), "{patch:?}: {error}");
        }
    }
}
