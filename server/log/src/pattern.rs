//! What secrets look like: the forms that issuers give their tokens, and values that look random where secrets stand
//! (after `password=`, in a URL, after `Bearer`).
//!
//! Texts are searched as they are and as JSON writes them, so quotes may have backslashes before them. A name alone is
//! no secret, nor is a placeholder: what is taken out here, the model doesn't see either.

use std::collections::BTreeSet;
use std::sync::{LazyLock, OnceLock};

use regex::bytes::{RegexSet, RegexSetBuilder};
use regex::{Captures, Regex};

use crate::redact::REDACTED;

/// Groups `kept` and `after` stay; group `value` has to look random, group `password` must be no placeholder. A
/// word begins at a border of ASCII, or after an escape such as `\\n`, whose letter is no part of it. No repetition is
/// counted that needn't be, so that the search is one pass of an automaton.
const FORMS: &[&str] = &[
    // Cloud providers: AWS key ids, Google, DigitalOcean.
    r"(?<kept>\\[nrtbf]|(?-u:\b))(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?-u:\b)",
    r"(?<kept>\\[nrtbf]|(?-u:\b))AIza[A-Za-z0-9_-]{35}",
    r"(?<kept>\\[nrtbf]|(?-u:\b))ya29\.[A-Za-z0-9_-]{20,}",
    r"(?<kept>\\[nrtbf]|(?-u:\b))dop_v1_[a-f0-9]{64}",
    // Code hosts and package registries.
    r"(?<kept>\\[nrtbf]|(?-u:\b))gh[pousr]_[A-Za-z0-9]{30,}",
    r"(?<kept>\\[nrtbf]|(?-u:\b))github_pat_[A-Za-z0-9_]{22,}",
    r"(?<kept>\\[nrtbf]|(?-u:\b))gl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|oas|soat)-[A-Za-z0-9_.-]{20,}",
    r"(?<kept>\\[nrtbf]|(?-u:\b))npm_[A-Za-z0-9]{30,}",
    r"(?<kept>\\[nrtbf]|(?-u:\b))pypi-[A-Za-z0-9_-]{40,}",
    // Services.
    r"(?<kept>\\[nrtbf]|(?-u:\b))xox[a-z]-[A-Za-z0-9-]{10,}",
    r"(?<kept>\\[nrtbf]|(?-u:\b))xapp-[0-9]-[A-Za-z0-9-]{10,}",
    r"(?<kept>hooks\.slack\.com/services/)[A-Za-z0-9/]{20,}",
    r"(?<kept>\\[nrtbf]|(?-u:\b))[sr]k_(?:live|test)_[A-Za-z0-9]{16,}",
    r"(?<kept>\\[nrtbf]|(?-u:\b))whsec_[A-Za-z0-9+/=]{24,}",
    r"(?<kept>\\[nrtbf]|(?-u:\b))SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",
    r"(?<kept>\\[nrtbf]|(?-u:\b))SK[0-9a-f]{32}(?-u:\b)",
    r"(?<kept>\\[nrtbf]|(?-u:\b))shp[a-z]{2}_[a-fA-F0-9]{32}",
    // Models: Anthropic, OpenAI and who copied them, Hugging Face.
    r"(?<kept>\\[nrtbf]|(?-u:\b))sk-(?<value>[A-Za-z0-9_-]{20,})",
    r"(?<kept>\\[nrtbf]|(?-u:\b))hf_[A-Za-z0-9]{30,}",
    // JSON web tokens, private keys.
    r"(?<kept>\\[nrtbf]|(?-u:\b))eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",
    r"-----BEGIN (?:[A-Z0-9]{2,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----(?:[A-Za-z0-9+/=\s\\:,.-]{20,}?-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|(?:[\\nr\s]*[A-Za-z0-9+/=]{16,})+)",
    // Places: URLs, headers, signatures in URLs, names with a value.
    r#"(?<kept>[A-Za-z][A-Za-z0-9+.-]+://[^\s/:@"'\\]*:)(?<password>[^\s/@"'\\]{3,})(?<after>@)"#,
    r#"(?i)(?<kept>(?:\\[nrtbf]|(?-u:\b))bearer[\s"'\\:=]{1,6}|(?:\\[nrtbf]|(?-u:\b))authorization["'\\\s:=]{1,8}(?:basic|token|digest)\s+)(?<value>[A-Za-z0-9._~+/=-]{12,})"#,
    r"(?<kept>[?&](?i:sig|signature|access_token|api_key|apikey|key|token)=)(?<value>[A-Za-z0-9%+/=._~-]{16,})",
    r#"(?i)(?<kept>(?:password|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|account[_-]?key|auth[_-]?key|shared[_-]?key|private[_-]?key|credentials?)[a-z0-9_-]*[\\"']*\s*(?:=>|:=|=|:)\s*[\\"']*)(?<value>[^\s"'`\\,;&<>(){}\[\]]{8,})"#,
];

/// What is searched first: which forms are there at all? Of bytes, since the automaton is smaller then.
static SEARCH: LazyLock<RegexSet> = LazyLock::new(|| {
    let search = RegexSetBuilder::new(FORMS).unicode(false).build();
    // The forms are constants; a test sees that they are sound.
    search.unwrap_or_else(|_| RegexSet::empty())
});

/// Each form by itself, made when it is first needed.
static EACH: [OnceLock<Option<Regex>>; FORMS.len()] = [const { OnceLock::new() }; FORMS.len()];

fn form(at: usize) -> Option<&'static Regex> {
    let make = || FORMS.get(at).and_then(|form| Regex::new(form).ok());
    EACH.get(at)?.get_or_init(make).as_ref()
}

/// Could the text have a secret?
pub(crate) fn is_suspect(text: &str) -> bool {
    SEARCH.is_match(text.as_bytes())
}

/// The text without its secrets; `None` if it has none.
pub(crate) fn clean(text: &str) -> Option<String> {
    let mut cleaned = None;
    for form in SEARCH.matches(text.as_bytes()).iter().filter_map(form) {
        let now = cleaned.as_deref().unwrap_or(text);
        let next = form.replace_all(now, replaced).into_owned();
        if next != now {
            cleaned = Some(next);
        }
    }
    cleaned
}

/// Is a member of this name a secret by its look? The name must say so: a text with a secret in it is none.
pub(crate) fn is_secret_member(name: &str, value: &str) -> bool {
    const RANDOM: &str = "q9w8e7r6t5y4";
    value.len() >= 8 && looks_random(value) && clean(&format!("{name}={RANDOM}")).is_some()
}

fn replaced(found: &Captures<'_>) -> String {
    let group = |name| found.name(name).map_or("", |group| group.as_str());
    let whole = found.get(0).map_or("", |whole| whole.as_str());
    let is_none = found
        .name("value")
        .is_some_and(|value| !looks_random(value.as_str()))
        || found
            .name("password")
            .is_some_and(|value| is_placeholder(value.as_str()));
    if is_none {
        return whole.to_owned();
    }
    format!("{}{REDACTED}{}", group("kept"), group("after"))
}

/// Letters and digits, of many kinds, and not like an identifier.
fn looks_random(value: &str) -> bool {
    let has = |kind: fn(&u8) -> bool| value.bytes().any(|byte| kind(&byte));
    has(u8::is_ascii_digit)
        && has(u8::is_ascii_alphabetic)
        && value.bytes().collect::<BTreeSet<_>>().len() >= 6
        && !is_placeholder(value)
        && !is_identifier(value)
}

/// What stands for a secret, such as `$TOKEN`, `<password>` or `password`.
fn is_placeholder(value: &str) -> bool {
    const WORDS: [&str; 12] = [
        "password", "passwd", "pass", "pwd", "secret", "token", "user", "postgres", "root",
        "example", "test", "xxx",
    ];
    value.starts_with(['$', '{', '<', '%', '*', '['])
        || WORDS.contains(&value.to_ascii_lowercase().as_str())
}

/// Words of lower case joined by `_` or `.`, such as `config.db2_password`, and paths of Rust.
fn is_identifier(value: &str) -> bool {
    let mut words = value
        .trim_end_matches(['.', '_'])
        .split(['_', '.'])
        .peekable();
    let joined = value.contains(['_', '.']);
    value.contains("::")
        || joined
            && words.all(|word| {
                word.starts_with(|first: char| first.is_ascii_lowercase())
                    && word
                        .bytes()
                        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
            })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_are_sound() {
        assert_eq!(SEARCH.len(), FORMS.len());
        assert!((0..FORMS.len()).all(|at| form(at).is_some()));
    }

    #[test]
    fn what_stays_says_where_a_secret_stood() {
        for (text, cleaned) in [
            (
                "DB_PASSWORD=s3cr3t-Pa55word\nX=1",
                "DB_PASSWORD=[redacted]\nX=1",
            ),
            (
                "postgres://app:hunter22@db:5432/x",
                "postgres://app:[redacted]@db:5432/x",
            ),
            (
                "Authorization: Bearer abc123DEF456ghi",
                "Authorization: Bearer [redacted]",
            ),
            (
                r#"{\"api_key\": \"q9w8e7r6t5y4u3\"}"#,
                r#"{\"api_key\": \"[redacted]\"}"#,
            ),
        ] {
            assert_eq!(clean(text).as_deref(), Some(cleaned));
            assert!(is_suspect(text));
        }
    }

    #[test]
    fn a_member_is_a_secret_by_its_name_not_by_what_else_is_in_it() {
        assert!(is_secret_member("password", "correct horse 9"));
        assert!(is_secret_member("API_KEY", "q9w8e7r6t5y4u3"));
        assert!(!is_secret_member(
            "content",
            "PATH=/bin\nDB_PASSWORD=s3cr3t-Pa55word\n"
        ));
    }

    #[test]
    fn code_and_placeholders_are_no_secrets() {
        for text in [
            "let token = parse_token2(input);",
            "password: config.db2_password,",
            "let secret = Secret::new2(value);",
            "max_tokens = 2000000",
            "postgres://postgres:postgres@localhost/test",
            "https://user:$TOKEN@example.com",
            "api_key_env = \"ANTHROPIC_API_KEY\"",
            "tokenizer: cl100k_base",
            "-----BEGIN PRIVATE KEY-----",
            "checksum = \"a4689e6c2294d81e88dc6261c768b63bc4fcdb852be6d1352498b114f61383b7\"",
            "sk-toggleable__label-arrow-before",
            "eyJhbGciOiJIUzI1NiJ9 alone is no token",
        ] {
            assert_eq!(clean(text), None, "{text}");
        }
    }
}
