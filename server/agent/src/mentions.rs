//! What a request names by `@`: found in its text, and offered while it is typed.
//!
//! A mention is only a guess here: what turns out to name nothing stays the text that it is. So `@Override`, an address
//! or an npm scope are never harmed.

use interline_log::SessionId;
use interline_workspace::Workspace;
use interline_workspace::path::WorkspacePath;

/// Mentions of one request; more are an accident.
const MAX_MENTIONS: usize = 20;
/// Characters from which on symbols are offered: before, they would be any.
const MIN_SYMBOL: usize = 2;
/// Candidates of a completion.
const MAX_OFFERED: usize = 50;

/// The words that name no file and no symbol.
const WORDS: [(&str, &str); 3] = [
    ("selection", "what is selected"),
    ("diagnostics", "what is wrong in the file and elsewhere"),
    ("diff", "unsaved and proposed changes"),
];

/// A guess at what is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mention {
    Selection,
    Diagnostics,
    Diff,
    /// Anything else.
    Name {
        /// As it stands after the `@`, without lines.
        name: String,
        /// First and last, 1-based.
        lines: Option<(u32, u32)>,
    },
}

/// The mentions of a text, each once.
pub(crate) fn find(text: &str) -> Vec<Mention> {
    let mut found = Vec::new();
    let mut before = None;
    for (at, c) in text.char_indices() {
        let starts = before.is_none_or(|before: char| before.is_whitespace() || opens(before));
        before = Some(c);
        if c != '@' || !starts {
            continue;
        }
        let rest = text.get(at + 1..).unwrap_or_default();
        let Some(mention) = mention(rest) else {
            continue;
        };
        if !found.contains(&mention) {
            found.push(mention);
        }
        if found.len() == MAX_MENTIONS {
            break;
        }
    }
    found
}

fn opens(c: char) -> bool {
    matches!(c, '(' | '[' | '{' | '<' | '"' | '\'' | '`' | ',' | ';')
}

fn mention(rest: &str) -> Option<Mention> {
    let quoted = rest.strip_prefix('"').and_then(|rest| rest.split_once('"'));
    let word = match quoted {
        Some((name, _)) => name,
        None => trimmed(rest.split(ends_name).next().unwrap_or_default()),
    };
    Some(match word {
        "" => return None,
        "selection" => Mention::Selection,
        "diagnostics" => Mention::Diagnostics,
        "diff" => Mention::Diff,
        _ => {
            let (name, lines) = lines(word);
            Mention::Name {
                name: name.to_owned(),
                lines,
            }
        }
    })
}

/// What no name has without quotes around it.
fn ends_name(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '`' | '\'' | '<' | '>')
}

/// Without the punctuation of the sentence that it stands in. Brackets that it opened itself are its own.
fn trimmed(word: &str) -> &str {
    let mut word = word;
    loop {
        let unopened = |open, close| word.matches(close).count() > word.matches(open).count();
        let shorter = match word.chars().next_back() {
            Some(')') if unopened('(', ')') => word.strip_suffix(')'),
            Some(']') if unopened('[', ']') => word.strip_suffix(']'),
            Some('}') if unopened('{', '}') => word.strip_suffix('}'),
            Some(last @ ('.' | ',' | ';' | ':' | '!' | '?')) => word.strip_suffix(last),
            _ => None,
        };
        match shorter {
            Some(shorter) => word = shorter,
            None => return word,
        }
    }
}

/// `path:10` and `path:10-20`.
fn lines(word: &str) -> (&str, Option<(u32, u32)>) {
    let parsed = word.rsplit_once(':').and_then(|(name, lines)| {
        let (first, last) = lines.split_once('-').unwrap_or((lines, lines));
        let lines: (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        let sound = !name.is_empty() && lines.0 > 0 && lines.0 <= lines.1;
        sound.then_some((name, Some(lines)))
    });
    parsed.unwrap_or((word, None))
}

/// The last part of what can be the name of a symbol, such as `Name` or `module::Name`.
pub(crate) fn symbol(name: &str) -> Option<&str> {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | ':' | '.' | '#');
    let last = name.rsplit([':', '.', '#']).next()?;
    let starts = last.chars().next()?;
    (name.chars().all(plain) && !starts.is_numeric()).then_some(last)
}

/// One thing that can be put after the `@`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// All of it, without the `@`.
    pub text: String,
    /// What it is, in a few words.
    pub detail: &'static str,
}

/// What a mention that begins like this can become: words, open files by name, entries of the folder, symbols that are
/// indexed already. Reads one folder. A name with a space is in quotes, as it has to be written.
pub(crate) fn complete(workspace: &Workspace, session: SessionId, begun: &str) -> Vec<Completion> {
    let (begun, quoted) = match begun.strip_prefix('"') {
        Some(begun) => (begun, true),
        None => (begun, false),
    };
    let words = WORDS
        .iter()
        .filter(|(word, _)| !quoted && word.starts_with(begun));
    let mut all: Vec<_> = words
        .map(|(word, detail)| Completion {
            text: (*word).to_owned(),
            detail,
        })
        .collect();
    let mut add = |text: String, detail| {
        let text = if quoted || text.contains(ends_name) {
            format!("\"{text}\"")
        } else {
            text
        };
        if !all.iter().any(|known: &Completion| known.text == text) {
            all.push(Completion { text, detail });
        }
    };
    let mut open = workspace.documents();
    open.sort_by(|one, other| one.path.cmp(&other.path));
    for path in open.iter().filter_map(|document| document.path.as_ref()) {
        let name = path.as_str().rsplit('/').next().unwrap_or_default();
        if name.starts_with(begun) || path.as_str().starts_with(begun) {
            add(path.to_string(), "open file");
        }
    }
    let folder = begun.rsplit_once('/').map_or("", |(folder, _)| folder);
    if let Ok(folder) = WorkspacePath::new(folder) {
        for entry in workspace.list(session, &folder).unwrap_or_default() {
            if !entry.path.as_str().starts_with(begun) {
                continue;
            }
            if entry.folder {
                add(format!("{}/", entry.path), "folder");
            } else {
                add(entry.path.to_string(), "file");
            }
        }
    }
    if begun.chars().count() >= MIN_SYMBOL {
        // What is not indexed yet is, when it is asked for again.
        workspace.index_symbols();
        for symbol in workspace.known_symbols(begun, MAX_OFFERED) {
            add(symbol.name, "symbol");
        }
    }
    all.truncate(MAX_OFFERED);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        let shown = |mention| match mention {
            Mention::Name { name, lines: None } => name,
            Mention::Name {
                name,
                lines: Some((first, last)),
            } => format!("{name}|{first}-{last}"),
            word => format!("{word:?}"),
        };
        find(text).into_iter().map(shown).collect()
    }

    #[test]
    fn mentions_are_found_in_sentences() {
        for (text, found) in [
            ("look at @src/a.rs.", vec!["src/a.rs"]),
            (
                "(@src/a.rs:10-20), @b.c:7!",
                vec!["src/a.rs|10-20", "b.c|7-7"],
            ),
            ("@app/[id]/page.tsx [@x]", vec!["app/[id]/page.tsx", "x"]),
            (
                "@\"my file.txt\" and `@Vec::push`",
                vec!["my file.txt", "Vec::push"],
            ),
            (
                "fix @diagnostics in @selection, see @diff",
                vec!["Diagnostics", "Selection", "Diff"],
            ),
            ("@a @a @ @\n@.", vec!["a"]),
            ("mail me@example.org, a@b", vec![]),
            ("@types/node @Override", vec!["types/node", "Override"]),
            ("@a:0 @a:9-3 @a:x", vec!["a:0", "a:9-3", "a:x"]),
            ("@\"open", vec![]),
        ] {
            assert_eq!(names(text), found, "{text}");
        }
        let many: String = (0..100).map(|n| format!("@f{n} ")).collect();
        assert_eq!(find(&many).len(), MAX_MENTIONS);
    }

    #[test]
    fn symbols_look_like_names() {
        assert_eq!(symbol("module::Name"), Some("Name"));
        assert_eq!(symbol("Foo.bar"), Some("bar"));
        assert_eq!(symbol("größe"), Some("größe"));
        for other in ["types/node", "3d", "a-b", "", "a::"] {
            assert_eq!(symbol(other), None, "{other}");
        }
    }

    #[test]
    fn completion_goes_down_folder_by_folder() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("src/deep")).unwrap();
        std::fs::File::create(root.path().join("src/main.rs")).unwrap();
        let workspace = Workspace::open(root.path()).unwrap();
        let file = workspace.root().join("src/deep/made.rs");
        workspace.did_open("file:///made.rs", Some(&file), "rust", 1, "");
        let offered = |begun: &str| {
            let all = complete(&workspace, SessionId::new(), begun);
            all.into_iter().map(|it| it.text).collect::<Vec<_>>()
        };
        assert_eq!(offered("s"), ["selection", "src/deep/made.rs", "src/"]);
        assert_eq!(offered("src/m"), ["src/main.rs"]);
        assert_eq!(offered("ma"), ["src/deep/made.rs"]);
        assert_eq!(offered("src/deep/"), ["src/deep/made.rs"]);
        assert!(offered("../").is_empty());
        assert!(offered("nothing").is_empty());
        std::fs::File::create(root.path().join("src/two words.md")).unwrap();
        assert_eq!(offered("src/t"), ["\"src/two words.md\""]);
        assert_eq!(offered("\"src/two w"), ["\"src/two words.md\""]);
        assert_eq!(names("see @\"src/two words.md\""), ["src/two words.md"]);
        let change = interline_workspace::document::Change {
            range: None,
            text: "fn nothing_else() {}\n".to_owned(),
        };
        workspace
            .did_change("file:///made.rs", 2, &[change])
            .unwrap();
        assert!(workspace.symbols_complete(std::time::Duration::from_secs(60)));
        assert_eq!(offered("nothing"), ["nothing_else"]);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_looked_through(text in "[@a-z:\"()\\[\\]0-9. \u{e9}\n-]{0,60}") {
            for mention in find(&text) {
                if let Mention::Name { name, .. } = mention {
                    proptest::prop_assert!(text.contains(&name) && !name.is_empty());
                }
            }
        }
    }
}
