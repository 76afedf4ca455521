//! The texts of a segment that can have a match: sets of numbers, by a plan.

use std::io;

use super::plan::Plan;
use super::segment::{Found, List, Segment};

/// Lists are not read any more for so few texts: to search them is faster.
const FEW: usize = 1;

/// The texts of a segment that have what is needed, ascending; `None`: all.
pub(super) fn matching(segment: &Segment, plan: &Plan) -> io::Result<Option<Vec<u32>>> {
    Ok(match plan {
        Plan::Any => None,
        Plan::Grams(grams) => {
            let mut lists = Vec::new();
            for gram in grams {
                match segment.find(*gram)? {
                    Found::Listed(list) => lists.push(list),
                    Found::Nowhere => return Ok(Some(Vec::new())),
                    Found::Unknown => {}
                }
            }
            in_all(segment, lists)?
        }
        Plan::And(plans) => {
            let mut all: Option<Vec<u32>> = None;
            for plan in plans {
                all = match (all, matching(segment, plan)?) {
                    (Some(a), Some(b)) => Some(both(&a, &b)),
                    (a, b) => a.or(b),
                };
                if all.as_ref().is_some_and(Vec::is_empty) {
                    break;
                }
            }
            all
        }
        Plan::Or(plans) => {
            let mut all = Vec::new();
            for plan in plans {
                match matching(segment, plan)? {
                    Some(numbers) => all.extend(numbers),
                    None => return Ok(None),
                }
            }
            all.sort_unstable();
            all.dedup();
            Some(all)
        }
    })
}

/// The texts that are in all lists; `None`: there is no list.
fn in_all(segment: &Segment, mut lists: Vec<List>) -> io::Result<Option<Vec<u32>>> {
    lists.sort_unstable_by_key(|list| list.bytes);
    let mut all: Option<Vec<u32>> = None;
    for list in lists {
        all = Some(match all {
            None => segment.read(list)?,
            Some(few) if few.len() <= FEW => return Ok(Some(few)),
            Some(all) => both(&all, &segment.read(list)?),
        });
    }
    Ok(all)
}

/// What is in both of two ascending lists.
fn both(a: &[u32], b: &[u32]) -> Vec<u32> {
    let mut b = b.iter().peekable();
    let is_there = |number: &&u32| {
        while b.next_if(|other| other < number).is_some() {}
        b.peek() == Some(number)
    };
    a.iter().filter(is_there).copied().collect()
}
