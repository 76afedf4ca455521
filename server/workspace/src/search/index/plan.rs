//! Which grams a text must have for a pattern to match in it.
//!
//! Only what is certain: a text without them has no match, a text with them may have none either.

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind};

use super::grams::{self, Gram};

/// More alternatives of a part are not followed up one by one.
const MAX_TEXTS: usize = 48;
/// More characters in a class are not followed up one by one.
const MAX_CLASS: usize = 12;
/// Copies of a repeated part that are looked at.
const MAX_COPIES: u32 = 4;
/// More grams than this cost more than they exclude.
const MAX_GRAMS: usize = 512;

/// What a text must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::search) enum Plan {
    /// Nothing: any text may match.
    Any,
    /// All of these.
    Grams(Vec<Gram>),
    And(Vec<Plan>),
    Or(Vec<Plan>),
}

impl Plan {
    /// The plan for a pattern that the matcher takes.
    pub(in crate::search) fn of(pattern: &str, ignore_case: bool) -> Self {
        let parsed = ParserBuilder::new()
            .utf8(false)
            .multi_line(true)
            .crlf(true)
            .case_insensitive(ignore_case)
            .build()
            .parse(pattern);
        let Ok(hir) = parsed else {
            return Self::Any;
        };
        let mut sequence = Sequence::new();
        sequence.add(&hir);
        let plan = sequence.end();
        if plan.size() > MAX_GRAMS {
            Self::Any
        } else {
            plan
        }
    }

    fn size(&self) -> usize {
        match self {
            Self::Any => 0,
            Self::Grams(grams) => grams.len(),
            Self::And(plans) | Self::Or(plans) => plans.iter().map(Self::size).sum(),
        }
    }

    /// What any of these texts has.
    fn of_texts(texts: &[Vec<u8>]) -> Self {
        Self::or(texts.iter().map(|text| match grams::of(text) {
            grams if grams.is_empty() => Self::Any,
            grams => Self::Grams(grams),
        }))
    }

    fn or(plans: impl Iterator<Item = Self>) -> Self {
        let plans: Vec<_> = plans.collect();
        if plans.contains(&Self::Any) {
            return Self::Any;
        }
        single(plans).unwrap_or_else(Self::Or)
    }

    fn and(mut plans: Vec<Self>) -> Self {
        plans.retain(|plan| *plan != Self::Any);
        if plans.is_empty() {
            return Self::Any;
        }
        single(plans).unwrap_or_else(Self::And)
    }
}

fn single(mut plans: Vec<Plan>) -> Result<Plan, Vec<Plan>> {
    match (plans.len(), plans.pop()) {
        (1, Some(plan)) => Ok(plan),
        (_, last) => {
            plans.extend(last);
            Err(plans)
        }
    }
}

/// Parts of a pattern that follow each other.
struct Sequence {
    /// The texts that may stand before this point, folded; cut to what can still become part of a gram.
    before: Vec<Vec<u8>>,
    /// What is certain already.
    plans: Vec<Plan>,
}

impl Sequence {
    fn new() -> Self {
        Self {
            before: vec![Vec::new()],
            plans: Vec::new(),
        }
    }

    fn add(&mut self, part: &Hir) {
        if let Some(texts) = texts(part) {
            return self.add_texts(&texts);
        }
        match part.kind() {
            HirKind::Capture(capture) => self.add(&capture.sub),
            HirKind::Concat(parts) => parts.iter().for_each(|part| self.add(part)),
            HirKind::Repetition(repeated) if repeated.min > 0 => {
                for _ in 0..repeated.min.min(MAX_COPIES) {
                    self.add(&repeated.sub);
                }
                self.interrupt(Plan::Any);
            }
            HirKind::Alternation(parts) => {
                let plan = |part| {
                    let mut sequence = Self::new();
                    sequence.add(part);
                    sequence.end()
                };
                self.interrupt(Plan::or(parts.iter().map(plan)));
            }
            _ => self.interrupt(Plan::Any),
        }
    }

    fn add_texts(&mut self, texts: &[Vec<u8>]) {
        if self.before.len().saturating_mul(texts.len()) > MAX_TEXTS {
            self.settle();
            for text in &mut self.before {
                text.drain(..text.len().saturating_sub(2));
            }
            self.before.sort_unstable();
            self.before.dedup();
        }
        if self.before.len().saturating_mul(texts.len()) > MAX_TEXTS {
            self.before = vec![Vec::new()];
        }
        self.before = crossed(&self.before, texts);
    }

    /// What is in `before` is certain.
    fn settle(&mut self) {
        self.plans.push(Plan::of_texts(&self.before));
    }

    /// Something stands here of which only this is known.
    fn interrupt(&mut self, plan: Plan) {
        self.settle();
        self.before = vec![Vec::new()];
        self.plans.push(plan);
    }

    fn end(mut self) -> Plan {
        self.settle();
        Plan::and(self.plans)
    }
}

fn crossed(before: &[Vec<u8>], after: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let all = before
        .iter()
        .flat_map(|a| after.iter().map(move |b| [&**a, &**b].concat()));
    let mut all: Vec<_> = all.collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// All texts that a part matches, folded, where they are few.
fn texts(part: &Hir) -> Option<Vec<Vec<u8>>> {
    let few = |texts: Vec<Vec<u8>>| (texts.len() <= MAX_TEXTS).then_some(texts);
    match part.kind() {
        HirKind::Empty | HirKind::Look(_) => Some(vec![Vec::new()]),
        HirKind::Literal(literal) => Some(vec![literal.0.to_ascii_lowercase()]),
        HirKind::Class(class) => characters(class),
        HirKind::Capture(capture) => texts(&capture.sub),
        HirKind::Repetition(repeated) => match (repeated.min, repeated.max) {
            (0, Some(1)) => {
                let mut texts = texts(&repeated.sub)?;
                texts.push(Vec::new());
                few(texts)
            }
            _ => None,
        },
        HirKind::Concat(parts) => {
            let mut all = vec![Vec::new()];
            for part in parts {
                let texts = texts(part)?;
                if all.len().saturating_mul(texts.len()) > MAX_TEXTS {
                    return None;
                }
                all = crossed(&all, &texts);
            }
            Some(all)
        }
        HirKind::Alternation(parts) => {
            let mut all = Vec::new();
            for part in parts {
                all.extend(texts(part)?);
                if all.len() > MAX_TEXTS {
                    return None;
                }
            }
            Some(all)
        }
    }
}

fn characters(class: &Class) -> Option<Vec<Vec<u8>>> {
    let mut texts: Vec<Vec<u8>> = match class {
        Class::Unicode(class) => {
            let count: usize = class
                .iter()
                .map(regex_syntax::hir::ClassUnicodeRange::len)
                .sum();
            if count > MAX_CLASS {
                return None;
            }
            let all = class.iter().flat_map(|range| range.start()..=range.end());
            all.map(|c| c.to_string().to_ascii_lowercase().into_bytes())
                .collect()
        }
        Class::Bytes(class) => {
            let count: usize = class
                .iter()
                .map(regex_syntax::hir::ClassBytesRange::len)
                .sum();
            if count > MAX_CLASS {
                return None;
            }
            let all = class.iter().flat_map(|range| range.start()..=range.end());
            all.map(|byte| vec![byte.to_ascii_lowercase()]).collect()
        }
    };
    texts.sort_unstable();
    texts.dedup();
    Some(texts)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::grams::Collector;
    use super::*;

    fn of(text: &str) -> Plan {
        Plan::Grams(grams::of(text.as_bytes()))
    }

    #[test]
    fn patterns_have_plans() {
        let plan = |pattern| Plan::of(pattern, false);
        assert_eq!(plan("Needle"), of("needle"));
        assert_eq!(plan(r"\bneedle\b$"), of("needle"));
        assert_eq!(plan("ab"), Plan::Any);
        assert_eq!(
            plan("(abc|def)ghi"),
            Plan::Or(vec![of("abcghi"), of("defghi")])
        );
        assert_eq!(plan(r"abc\s+def"), Plan::And(vec![of("abc"), of("def")]));
        assert_eq!(plan("abc|de"), Plan::Any);
        assert_eq!(plan("colou?r"), Plan::Or(vec![of("color"), of("colour")]));
        assert_eq!(plan("x*abc.*"), of("abc"));
        assert_eq!(plan("(?:abc){2,}"), of("abcabc"));
        assert_eq!(plan(r"\w+|abc"), Plan::Any);
        assert_eq!(plan("("), Plan::Any);
        // The long s and the Kelvin sign match as well.
        assert_eq!(Plan::of("FN X", true), of("fn x"));
        assert!(matches!(Plan::of("ask", true), Plan::Or(all) if all.len() == 4));
    }

    /// Does a text with these grams have what is needed?
    fn has(plan: &Plan, grams: &[Gram]) -> bool {
        match plan {
            Plan::Any => true,
            Plan::Grams(all) => all.iter().all(|gram| grams.contains(gram)),
            Plan::And(plans) => plans.iter().all(|plan| has(plan, grams)),
            Plan::Or(plans) => plans.iter().any(|plan| has(plan, grams)),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_matches_has_the_grams(pattern in "[a-cK]{0,3}(\\([ab]{1,4}\\|[a-cs]{0,5}\\)[?+*]?|\\[a-d\\][a-c]{3}|[a-cé]{3,5}|\\.|s\\{2,3\\}){1,4}[a-cÉ]{0,3}", text in "[a-dksKSéÉ\u{212A}ſ ]{0,24}", ignore_case in any::<bool>()) {
            let regex = regex::RegexBuilder::new(&pattern).case_insensitive(ignore_case).build().unwrap();
            if regex.is_match(&text) {
                let mut collector = Collector::new();
                prop_assert!(has(&Plan::of(&pattern, ignore_case), collector.grams(text.as_bytes())));
            }
        }

        #[test]
        fn generated_matches_have_the_grams((pattern, text) in prop::sample::select(vec!["(foo|ba[rz]+)qu?x{1,3}", "a(b|c|dd)*e{3}fg", "[xyz]{3}(alpha|beta)\\d", "(a|b|c|d)(e|f|g|h)(i|j|k|l)mnop"]).prop_flat_map(|pattern| (Just(pattern), prop::string::string_regex(pattern).unwrap()))) {
            let mut collector = Collector::new();
            prop_assert!(has(&Plan::of(pattern, false), collector.grams(text.as_bytes())));
        }
    }
}
