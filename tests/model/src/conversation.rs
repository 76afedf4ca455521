//! Which conversation a request belongs to, and whether its past is as it was.
//!
//! A request carries no conversation's name, so the past itself must tell: a request goes on with the conversation
//! whose latest request is its beginning.

use crate::check::{Check, Findings};
use crate::wire::{View, Wire};

/// The latest request of a conversation.
struct Conversation {
    wire: Wire,
    view: View,
    /// Its answer failed by script, so the same request may come again.
    failed: bool,
}

#[derive(Default)]
pub(crate) struct Conversations(Vec<Conversation>);

impl Conversations {
    /// The request's conversation: a known one, or a new one with the next number.
    pub(crate) fn place(&self, wire: Wire, view: &View, found: &mut Findings) -> usize {
        let new = self.0.len();
        let mine = || {
            self.0
                .iter()
                .enumerate()
                .rev()
                .filter(|(_, known)| known.wire == wire)
        };
        let whole = mine()
            .filter(|(_, known)| view.items.starts_with(&known.view.items))
            .max_by_key(|(_, known)| known.view.items.len());
        if let Some((index, known)) = whole {
            let again =
                known.view.items.len() == view.items.len() && !view.replied && !known.failed;
            if again {
                return new;
            }
            frame(&known.view, view, found);
            return index;
        }
        let Some((shared, index, known)) = mine()
            .map(|(index, known)| (shared(&known.view.items, &view.items), index, known))
            .max_by_key(|(shared, ..)| *shared)
            .filter(|_| view.replied)
        else {
            return new;
        };
        if known.view.model != view.model {
            return new;
        }
        let was = known
            .view
            .items
            .get(shared)
            .map_or("nothing", |item| clip(item));
        let is = view.items.get(shared).map_or("nothing", |item| clip(item));
        found.add(
            Check::Prefix,
            format!(
                "history changed after {shared} of {} blocks: was {was}, is {is}",
                known.view.items.len()
            ),
        );
        index
    }

    /// Makes this request the latest of its conversation.
    pub(crate) fn advance(&mut self, index: usize, wire: Wire, view: View, failed: bool) {
        let latest = Conversation { wire, view, failed };
        match self.0.get_mut(index) {
            Some(known) => *known = latest,
            None => self.0.push(latest),
        }
    }
}

/// Tools and system come before the messages, so they may change as little. Another model starts another cache.
fn frame(was: &View, is: &View, found: &mut Findings) {
    if was.model == is.model {
        found.require(
            same_tools(was, is),
            Check::Prefix,
            "the tools changed within the conversation",
        );
        found.require(
            was.system == is.system,
            Check::Prefix,
            "the system prompt changed within the conversation",
        );
    }
}

/// Byte for byte, but for a breakpoint that came or went.
fn same_tools(was: &View, is: &View) -> bool {
    let marked = |view: &View| view.raw_tools.contains("cache_control");
    was.raw_tools == is.raw_tools || (was.tools == is.tools && marked(was) != marked(is))
}

fn shared(a: &[String], b: &[String]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

fn clip(text: &str) -> &str {
    let end = text
        .char_indices()
        .nth(300)
        .map_or(text.len(), |(at, _)| at);
    text.get(..end).unwrap_or(text)
}
