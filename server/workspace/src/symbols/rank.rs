//! Which files matter: `PageRank` over who names what another declares, personalised on the open files.

use hashbrown::HashMap;

use super::kind::Kind;
use super::names::NameId;
use super::record::Record;
use super::store::Store;
use crate::syntax::Language;

/// A name that more files declare tells nothing of which one is meant.
const DECLARERS: usize = 8;
/// The weight of a name that says little.
const COMMON: f64 = 0.1;
const DAMPING: f64 = 0.85;
const ROUNDS: usize = 20;

/// Files by rank, and how much their names are used.
pub(super) struct Ranked<'s> {
    /// Highest first.
    pub(super) files: Vec<(&'s str, &'s Record)>,
    /// In how many other files a name stands; of names that could be anybody's a tenth.
    pub(super) uses: HashMap<NameId, f64>,
}

/// Ranks files of programs; `open` are the paths that the user has open.
pub(super) fn rank<'s>(store: &'s Store, open: &[String]) -> Ranked<'s> {
    let records = store.records();
    let mut files: Vec<(&str, &Record)> = records
        .filter(|(path, _)| Language::of(path).is_some_and(|language| !is_data(language)))
        .collect();
    files.sort_unstable_by_key(|(path, _)| *path);
    let declarers = declarers(&files);
    let uses = uses(store, &files, &declarers);
    let edges: Vec<Vec<(usize, f64)>> = (files.iter().enumerate())
        .map(|(file, (_, record))| edges_of(store, (file, record), &declarers, &uses))
        .collect();
    let start = start(&files, open);
    let ranks = iterate(&edges, &start);
    let mut order: Vec<(f64, (&str, &Record))> = ranks.into_iter().zip(files).collect();
    order.sort_by(|(a, (a_path, _)), (b, (b_path, _))| b.total_cmp(a).then(a_path.cmp(b_path)));
    Ranked {
        files: order.into_iter().map(|(_, file)| file).collect(),
        uses,
    }
}

fn is_data(language: Language) -> bool {
    matches!(
        language,
        Language::Markdown | Language::Json | Language::Toml | Language::Yaml
    )
}

/// Is this what a map shows?
pub(super) fn is_shown(kind: Kind) -> bool {
    kind.weight() <= 2
}

/// The files that declare a name, each once.
fn declarers(files: &[(&str, &Record)]) -> HashMap<NameId, Vec<usize>> {
    let mut declarers: HashMap<NameId, Vec<usize>> = HashMap::new();
    for (file, (_, record)) in files.iter().enumerate() {
        for entry in record.symbols().filter(|entry| is_shown(entry.kind)) {
            let of_name = declarers.entry(entry.name).or_default();
            if of_name.last() != Some(&file) {
                of_name.push(file);
            }
        }
    }
    declarers
}

/// How much each name is used in files that don't declare it.
fn uses(
    store: &Store,
    files: &[(&str, &Record)],
    declarers: &HashMap<NameId, Vec<usize>>,
) -> HashMap<NameId, f64> {
    let mut uses = HashMap::new();
    for (file, (_, record)) in files.iter().enumerate() {
        for name in record.names() {
            let by = declarers.get(&name);
            if by.is_some_and(|by| by.len() <= DECLARERS && !by.contains(&file)) {
                let of_name = store.names.get(name).unwrap_or_default();
                let one = if is_distinctive(of_name) { 1.0 } else { COMMON };
                *uses.entry(name).or_default() += one;
            }
        }
    }
    uses
}

/// `len` and `File` are likely another's; `RepoMap` and `repo_map` are not.
fn is_distinctive(name: &str) -> bool {
    let mixed =
        name.chars().any(char::is_lowercase) && name.chars().skip(1).any(char::is_uppercase);
    name.len() > 6 && (mixed || name.trim_matches('_').contains('_'))
        || name.len() > 8 && name.starts_with(char::is_uppercase)
}

/// The files that declare what a file names, with weights.
fn edges_of(
    store: &Store,
    (file, record): (usize, &Record),
    declarers: &HashMap<NameId, Vec<usize>>,
    uses: &HashMap<NameId, f64>,
) -> Vec<(usize, f64)> {
    let mut edges = Vec::new();
    for name in record.names() {
        let (Some(by), Some(uses)) = (declarers.get(&name), uses.get(&name)) else {
            continue;
        };
        if by.contains(&file) {
            continue;
        }
        // What everybody names binds two files less than what few name.
        let many = f64::from(u32::try_from(by.len()).unwrap_or(u32::MAX));
        let weight = if is_distinctive(store.names.get(name).unwrap_or_default()) {
            1.0
        } else {
            COMMON
        };
        let weight = weight / (many * uses.max(1.0).sqrt());
        edges.extend(by.iter().map(|to| (*to, weight)));
    }
    edges.sort_by_key(|(to, _)| *to);
    edges.dedup_by(|(to, weight), (kept, sum)| {
        let same = to == kept;
        if same {
            *sum += *weight;
        }
        same
    });
    let all: f64 = edges.iter().map(|(_, weight)| weight).sum();
    for (_, weight) in &mut edges {
        *weight /= all;
    }
    edges
}

/// Where a reader starts: half of the time at an open file, else anywhere.
fn start(files: &[(&str, &Record)], open: &[String]) -> Vec<f64> {
    let is_open = |path: &str| open.iter().any(|open| open == path);
    let opened = files.iter().filter(|(path, _)| is_open(path)).count();
    let share =
        |of: usize, part: f64| part / f64::from(u32::try_from(of.max(1)).unwrap_or(u32::MAX));
    let anywhere = share(files.len(), if opened == 0 { 1.0 } else { 0.5 });
    let files = files.iter();
    files
        .map(|(path, _)| {
            anywhere
                + if is_open(path) {
                    share(opened, 0.5)
                } else {
                    0.0
                }
        })
        .collect()
}

fn iterate(edges: &[Vec<(usize, f64)>], start: &[f64]) -> Vec<f64> {
    let mut ranks = start.to_vec();
    for _ in 0..ROUNDS {
        // Whoever names nobody starts again.
        let stuck: f64 = (ranks.iter().zip(edges))
            .filter(|(_, edges)| edges.is_empty())
            .map(|(rank, _)| rank)
            .sum();
        let again = 1.0 - DAMPING + DAMPING * stuck;
        let mut next: Vec<f64> = start.iter().map(|start| start * again).collect();
        for (rank, edges) in ranks.iter().zip(edges) {
            for (to, weight) in edges {
                if let Some(next) = next.get_mut(*to) {
                    *next += DAMPING * rank * weight;
                }
            }
        }
        ranks = next;
    }
    ranks
}
