//! Hosts and addresses among the words of a command.

use crate::facts::{Effect, Facts};

/// More hosts than a person would read in a prompt.
const MAX_HOSTS: usize = 256;

/// Addresses at which clouds hand out the keys of a machine, however they are written.
const METADATA: [&str; 10] = [
    "169.254.169.254",
    "169.254.170.2",
    "metadata.google.internal",
    "100.100.100.200",
    "fd00:ec2::254",
    "2852039166",
    "0xa9fea9fe",
    "0xa9.0xfe.0xa9.0xfe",
    "0251.0376.0251.0376",
    "169.254.43518",
];

/// The host part of something like a URL, with everything that is odd about it.
fn host_in_url(arg: &str) -> Option<&str> {
    let (_, rest) = arg.split_once("://")?;
    rest.split(['/', '?', '#']).next()
}

/// The host of `evil.com/x` and `git@evil.com:x`, as programs of the network take it.
pub(crate) fn bare_host(arg: &str) -> Option<String> {
    let host = arg.split(['/', ':']).next()?;
    let host = host.rsplit('@').next()?;
    let plain = host
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-');
    let is_host =
        plain && host.contains('.') && host.starts_with(|c: char| c.is_ascii_alphanumeric());
    is_host.then(|| host.to_ascii_lowercase())
}

/// Hosts of the addresses among the words, whatever program gets them.
pub(crate) fn note_addresses(words: &[String], facts: &mut Facts) {
    for word in words {
        let word = word.to_ascii_lowercase();
        if METADATA.iter().any(|address| word.contains(address)) {
            facts.danger("metadata-address");
        }
        if word.contains(".sock") || word.contains("/dev/tcp/") || word.contains("/dev/udp/") {
            note_socket(&word, facts);
        }
    }
    for authority in words.iter().filter_map(|word| host_in_url(word)) {
        note_host(authority, facts);
        facts.effect(Effect::Network);
    }
}

fn note_host(authority: &str, facts: &mut Facts) {
    if authority.contains(['@', '\\', '%', '[']) {
        facts.doubt("odd-address");
    }
    add_host(host_in_authority(authority), facts);
}

fn host_in_authority(authority: &str) -> String {
    let host = authority.rsplit('@').next().unwrap_or(authority);
    host.split(':').next().unwrap_or(host).to_ascii_lowercase()
}

/// The hosts that a command names by whole addresses. Other words with a dot only look like hosts.
pub(crate) fn hosts_in_urls(facts: &Facts) -> Vec<String> {
    let words = facts.argv.iter().chain(&facts.inside).flatten();
    words
        .filter_map(|word| host_in_url(word))
        .map(host_in_authority)
        .collect()
}

pub(crate) fn add_host(host: String, facts: &mut Facts) {
    if host.is_empty() || facts.hosts.contains(&host) {
        return;
    }
    if facts.hosts.len() < MAX_HOSTS {
        facts.hosts.push(host);
    } else {
        facts.doubt("too-many-hosts");
    }
}

fn note_socket(word: &str, facts: &mut Facts) {
    if word.contains("/dev/tcp/") || word.contains("/dev/udp/") {
        facts.effect(Effect::Network);
    }
    let rules = [
        "docker.sock",
        "podman.sock",
        "containerd.sock",
        "crio.sock",
        "agent.sock",
        "/run/",
    ];
    if word.contains(".sock") && rules.iter().any(|name| word.contains(name)) {
        facts.danger("local-socket");
    }
}
