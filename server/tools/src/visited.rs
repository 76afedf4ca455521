//! What a command asked of its sandbox's proxy: as data for the log, in words for the model and the user.

use std::fmt::Write as _;

use interline_log::{EventData, Visit};

use crate::count::counted;
use crate::visible;

/// Hosts that are kept for the log, and those that the model is told of.
const KEPT: usize = 1_000;
const TOLD: usize = 12;

/// The visits of a command, those to one place with one answer taken together.
#[derive(Debug, Default)]
pub(crate) struct Visited {
    visits: Vec<Visit>,
    left_out: u64,
}

impl Visited {
    pub(crate) fn of(all: Vec<Visit>) -> Self {
        let mut visited = Self::default();
        for visit in all {
            visited.add(visit);
        }
        visited
    }

    fn add(&mut self, visit: Visit) {
        let same = |known: &&mut Visit| {
            (&known.host, known.port, &known.refused) == (&visit.host, visit.port, &visit.refused)
        };
        if let Some(known) = self.visits.iter_mut().find(same) {
            known.times += visit.times;
            known.sent += visit.sent;
            known.received += visit.received;
        } else if self.visits.len() < KEPT {
            self.visits.push(visit);
        } else {
            self.left_out += visit.times;
        }
    }

    /// For the log, where there is something to tell.
    pub(crate) fn event(&self) -> Option<EventData> {
        (!self.visits.is_empty()).then(|| EventData::ToolVisited {
            visits: self.visits.clone(),
            left_out: self.left_out,
        })
    }

    /// Lines for the model, each with its end.
    pub(crate) fn lines(&self) -> String {
        let mut text = String::new();
        for visit in self.visits.iter().take(TOLD) {
            // Writing to a String can't fail.
            let _ = writeln!(text, "({})", line(visit));
        }
        let more = self.visits.len().saturating_sub(TOLD);
        if more > 0 {
            let _ = writeln!(
                text,
                "({} in the session's log)",
                counted(more, "more host", "more hosts")
            );
        }
        text
    }

    /// The end of a line for people; empty where nobody was asked for.
    pub(crate) fn summary(&self) -> String {
        let count = |refused: bool| {
            let visits = self.visits.iter();
            visits
                .filter(|visit| visit.refused.is_some() == refused)
                .count()
        };
        let mut text = String::new();
        for (number, what) in [(count(false), "reached"), (count(true), "refused")] {
            if number > 0 {
                let _ = write!(text, ", {} {what}", counted(number, "host", "hosts"));
            }
        }
        text
    }
}

fn line(visit: &Visit) -> String {
    let Visit {
        host,
        port,
        times,
        sent,
        received,
        ..
    } = visit;
    let often = if *times == 1 {
        String::new()
    } else {
        format!(" {times} times")
    };
    match &visit.refused {
        Some(why) if host.is_empty() => {
            format!(
                "a request to the network was refused{often}: {}",
                visible::line(why, 300)
            )
        }
        Some(why) => format!(
            "{host}:{port} was refused{often}: {}",
            visible::line(why, 300)
        ),
        None => {
            format!("{host}:{port} was reached{often}: {sent} bytes out, {received} bytes back")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visit(host: &str, refused: Option<&str>) -> Visit {
        Visit {
            host: host.to_owned(),
            port: 443,
            refused: refused.map(str::to_owned),
            times: 1,
            sent: 1,
            received: 20,
        }
    }

    #[test]
    fn visits_to_one_place_are_one() {
        let visited = Visited::of(vec![
            visit("a.org", None),
            visit("b.org", Some("no rule")),
            visit("a.org", None),
            visit("a.org", Some("gone")),
        ]);
        assert_eq!(
            visited.lines(),
            "(a.org:443 was reached 2 times: 2 bytes out, 40 bytes back)\n\
             (b.org:443 was refused: no rule)\n(a.org:443 was refused: gone)\n"
        );
        assert_eq!(visited.summary(), ", 1 host reached, 2 hosts refused");
        let none = Visited::of(Vec::new());
        assert!(none.lines().is_empty() && none.summary().is_empty() && none.event().is_none());
    }

    #[test]
    fn many_hosts_are_counted() {
        let all = (0..KEPT + 5).map(|number| visit(&format!("h{number}.org"), None));
        let visited = Visited::of(all.collect());
        let Some(EventData::ToolVisited { visits, left_out }) = visited.event() else {
            panic!("there are visits");
        };
        assert_eq!((visits.len(), left_out), (KEPT, 5));
        assert!(
            visited
                .lines()
                .ends_with("(988 more hosts in the session's log)\n")
        );
    }
}
