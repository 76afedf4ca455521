//! Which words are a claim. Each pattern is narrow, and any word that makes a clause uncertain, negative, wished for or
//! somebody else's takes it out.

use std::sync::LazyLock;

use regex::Regex;

use super::Claim;
use super::sentences::Clause;

/// A whole sentence with one of these words tells of no fact.
const CONDITIONAL: &[&str] = &[
    "if", "unless", "whether", "once", "when", "whenever", "until", "assuming", "provided",
];

/// A clause with one of these words claims nothing that was done.
const HEDGES: &[&str] = &[
    "not",
    "never",
    "cannot",
    "none",
    "neither",
    "nor",
    "unable",
    "fail",
    "fails",
    "failed",
    "failing",
    "should",
    "would",
    "could",
    "can",
    "may",
    "might",
    "will",
    "shall",
    "must",
    "want",
    "wants",
    "need",
    "needs",
    "needed",
    "going",
    "try",
    "tried",
    "let",
    "please",
    "ensure",
    "ensures",
    "sure",
    "hope",
    "expect",
    "expected",
    "expects",
    "assume",
    "assumed",
    "likely",
    "probably",
    "presumably",
    "perhaps",
    "maybe",
    "appears",
    "seems",
    "supposed",
    "plan",
    "todo",
    "previously",
    "before",
    "earlier",
    "make",
    "makes",
    "making",
    "made",
    "say",
    "says",
    "said",
    "claims",
    "mentioned",
    "told",
    "according",
    "require",
    "requires",
    "example",
    "instead",
    "otherwise",
    "suggest",
    "recommend",
    "propose",
    "so that",
    "you",
    "someone",
    "tomorrow",
    "later",
    "next",
    "partially",
    "almost",
    "nearly",
    "only",
    "unrelated",
    "except",
    "hypothetically",
    "ideally",
    "goal",
    "intended",
    "meant",
    "designed",
    "supposedly",
];

/// What may follow where a claim ends.
const END: &str = r"(?:$|[,:)(–—]| (?:now|again|successfully|cleanly|locally|after|and|as before|in full|too|here|without (?:any )?(?:errors|warnings|problems))\b)";

macro_rules! pattern {
    ($name:ident, $($part:expr),+) => {
        static $name: LazyLock<Option<Regex>> = LazyLock::new(|| {
            // A pattern that is wrong claims nothing; a test compiles them all.
            Regex::new(&[r"(?i)", $($part),+].concat()).ok()
        });
    };
}

pattern!(
    TESTS_PASS,
    r"\b(?:tests?|test suite|test cases?|specs|suite)\b(?: suite)?(?: \([^)]*\))?(?: (?:in|of|for) (?:the )?`?[\w./-]+`?)?",
    r"(?: (?:now|all|still|have|has|also|are|is|both))* (?:pass|passes|passed|passing|succeed|succeeds|succeeded|green)",
    END
);
pattern!(
    TESTS_RAN,
    r"(?:\bi(?:'ve| have)?(?: (?:also|then|now|just))? (?:re-?)?(?:ran|executed)|\bi(?:'ve| have)(?: (?:also|then|now|just))? run|^(?:re-?)?ran)",
    r" (?:all )?(?:of )?(?:the |your |its |these )?(?:\w+ ){0,2}(?:tests?|test suite)\b"
);
pattern!(
    RAN,
    r"(?:\bi(?:'ve| have)?(?: (?:also|then|now|just))? (?:re-?)?(?:ran|executed)|\bi(?:'ve| have)(?: (?:also|then|now|just))? run|^(?:re-?)?ran) `(\d+)`"
);
pattern!(
    SUCCEEDS,
    r"`(\d+)`(?: (?:now|also|still|then|both))* (?:passes|passed|succeeds|succeeded|is green|is clean|completes successfully|completed successfully|runs clean|runs cleanly)",
    END
);
pattern!(
    TOUCHED,
    r"(?:\bi(?:'ve| have)?(?: (?:also|then|now|just))? |^(?:also )?)(created|added|wrote|updated|modified|changed|edited|rewrote|refactored|fixed|deleted|removed|extended|adjusted)",
    r" (?:(?:the|a|an|this|these|both) )?(?:(?:new|whole|unused|old|file|files|module) )*(`\d+`(?:(?:, and |, | and |,)`\d+`)*)",
    r"(?:$|[:)(–—]| (?:accordingly|as well|too)\b)"
);
pattern!(
    TOUCHED_IN,
    r"(?:\bi(?:'ve| have)?(?: (?:also|then|now|just))? |^(?:also )?)(?:updated|modified|changed|edited|fixed|refactored|rewrote|implemented)",
    r"\b[^`]* in (`\d+`(?:(?:, and |, | and |,)`\d+`)*)(?:$|[:)(–—])"
);
pattern!(
    GIT,
    r"\bi(?:'ve| have)?(?: (?:also|then|now|just))? (committed|pushed) (?:the|these|this|all|my|it|everything)\b"
);
pattern!(
    BUILDS,
    r"\b(?:it|code|project|crate|workspace|package|program|everything|all)(?: (?:now|also|still))* (?:compiles|builds|type-?checks|type checks)",
    END
);
pattern!(
    BUILD_PASSES,
    r"\b(?:the )?(?:build|type check|typecheck|linter|compiler)(?: (?:now|also|still))* (?:passes|passed|succeeds|succeeded|is green|is clean|is happy)",
    END
);
pattern!(
    NO_ERRORS,
    r"(?:^(?:and )?(?:there are |there is )?(?:now )?|\b(?:compiles|builds|checks|type-?checks) with )(?:no|zero|0)((?: (?:more|new|remaining|further|compile|compiler|compilation|type|lint|build|clippy|other))*) (?:errors|warnings|problems|diagnostics)(?: (?:or|and) (?:errors|warnings|problems))?(?: (?:remain|are left|left|remaining|now|anymore))?$"
);

/// File names by these endings only: much that has a point in it is no file.
const EXTENSIONS: &[&str] = &[
    "rs", "ts", "tsx", "jsx", "mjs", "cjs", "js", "py", "go", "c", "h", "cc", "cpp", "hpp", "java",
    "kt", "lua", "rb", "cs", "php", "sh", "md", "json", "toml", "yaml", "yml", "html", "css",
    "scss", "txt", "sql", "swift", "vue", "svelte", "lock",
];

/// What commands begin with where nothing else says that a code is one.
const PROGRAMS: &[&str] = &[
    "cargo",
    "npm",
    "npx",
    "yarn",
    "pnpm",
    "bun",
    "deno",
    "go",
    "make",
    "pytest",
    "python",
    "python3",
    "tsc",
    "ruff",
    "mypy",
    "eslint",
    "ctest",
    "cmake",
    "gradle",
    "./gradlew",
    "mvn",
    "dotnet",
    "bundle",
    "rake",
    "just",
    "tox",
    "jest",
    "vitest",
    "bash",
    "sh",
    "git",
    "rspec",
    "phpunit",
];

pub(super) fn claims(clause: &Clause) -> Vec<Claim> {
    let words = clause.words.as_str();
    if is_uncertain(clause) {
        return Vec::new();
    }
    let mut found = Vec::new();
    let says_no = has(words, "no") || has(words, "without");
    if !says_no {
        if is(&TESTS_PASS, words) {
            let all = ["all", "every", "whole", "full", "entire"]
                .iter()
                .any(|word| has(words, word));
            found.push(Claim::TestsPass { all });
        } else if is(&TESTS_RAN, words) {
            found.push(Claim::TestsRan);
        }
        found.extend(ran(clause));
        found.extend(touched(clause));
        if let Some(done) = captured(&GIT, words) {
            let pushed = done.eq_ignore_ascii_case("pushed");
            found.push(Claim::Git(if pushed { "git push" } else { "git commit" }));
        }
    }
    if let Some(kind) = captured(&NO_ERRORS, words) {
        let no_errors = Some(has(kind, "new"));
        found.push(Claim::Checked { no_errors });
    } else if is(&BUILDS, words) || is(&BUILD_PASSES, words) {
        found.push(Claim::Checked { no_errors: None });
    }
    found
}

fn ran(clause: &Clause) -> Option<Claim> {
    let code = |pattern| {
        clause
            .codes
            .get(captured(pattern, &clause.words)?.parse::<usize>().ok()?)
    };
    if let Some(command) = code(&RAN) {
        let succeeded = is(&SUCCEEDS, &clause.words);
        return Some(Claim::Ran {
            command: command.clone(),
            succeeded,
        });
    }
    let command = code(&SUCCEEDS)?;
    let first = command.split_whitespace().next()?;
    PROGRAMS.contains(&first).then(|| Claim::Ran {
        command: command.clone(),
        succeeded: true,
    })
}

fn touched(clause: &Clause) -> Option<Claim> {
    let direct = TOUCHED.as_ref()?.captures(&clause.words);
    let (verb, list) = match &direct {
        Some(found) => (found.get(1)?.as_str(), found.get(2)?.as_str()),
        None => ("changed", captured(&TOUCHED_IN, &clause.words)?),
    };
    let numbers = list
        .split('`')
        .filter_map(|part| part.parse::<usize>().ok());
    let names = numbers.filter_map(|number| clause.codes.get(number));
    let paths: Vec<String> = names.filter_map(|name| path(name)).collect();
    let deleted = ["deleted", "removed"]
        .iter()
        .any(|word| verb.eq_ignore_ascii_case(word));
    (!paths.is_empty()).then_some(Claim::Touched { paths, deleted })
}

/// A path in the workspace, without the line behind it.
fn path(code: &str) -> Option<String> {
    let name = code.trim().trim_start_matches("./");
    let name = name.split(':').next()?;
    let plain = |c: char| c.is_alphanumeric() || "/._-+@".contains(c);
    let (stem, extension) = name.rsplit_once('.')?;
    // `Node.js` is no file.
    let product = extension == "js" && !name.contains('/') && stem.starts_with(char::is_uppercase);
    let usable = !stem.is_empty() && !name.starts_with('/') && name.chars().all(plain) && !product;
    (usable && EXTENSIONS.contains(&extension)).then(|| name.to_owned())
}

fn is_uncertain(clause: &Clause) -> bool {
    let sentence = &clause.sentence;
    sentence.trim_end().ends_with('?')
        || CONDITIONAL.iter().any(|word| has(sentence, word))
        || clause.words.contains("n't")
        || clause.words.contains("'ll")
        || clause.words.contains('…')
        || HEDGES.iter().any(|word| has(&clause.words, word))
}

/// Is the word there, by itself?
fn has(text: &str, word: &str) -> bool {
    let text = text.to_lowercase();
    let part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, found)| {
        let before = text.get(..at).and_then(|text| text.chars().next_back());
        let after = text
            .get(at + found.len()..)
            .and_then(|text| text.chars().next());
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}

fn is(pattern: &LazyLock<Option<Regex>>, text: &str) -> bool {
    pattern
        .as_ref()
        .is_some_and(|pattern| pattern.is_match(text))
}

fn captured<'a>(pattern: &LazyLock<Option<Regex>>, text: &'a str) -> Option<&'a str> {
    let captures = pattern.as_ref()?.captures(text)?;
    captures.get(1).map(|found| found.as_str())
}

#[cfg(test)]
#[test]
fn each_pattern_is_one() {
    for pattern in [
        &TESTS_PASS,
        &TESTS_RAN,
        &RAN,
        &SUCCEEDS,
        &TOUCHED,
        &TOUCHED_IN,
        &GIT,
        &BUILDS,
        &BUILD_PASSES,
        &NO_ERRORS,
    ] {
        assert!(pattern.is_some());
    }
}
