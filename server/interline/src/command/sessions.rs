//! `interline sessions`: what is on record, and going on with it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use interline_agent::Request;
use interline_log::{SessionId, SessionSummary};

use super::run::{Then, after, code, ended, title, turn};
use super::{Rooms, exit, print, runtime};
use crate::args::{Output, Sessions};
use crate::config::Flags;
use crate::terminal::Terminal;
use crate::terminal::count::counted;

pub(super) fn run(folder: Option<PathBuf>, command: Option<Sessions>) -> anyhow::Result<u8> {
    let command = command.unwrap_or(Sessions::List);
    let flags = Flags {
        trust: matches!(command, Sessions::Resume { trust: true, .. }),
        budget: match command {
            Sessions::Resume { budget, .. } => budget,
            _ => None,
        },
        ..Flags::default()
    };
    let rooms = Rooms::open(folder, &flags)?;
    if !matches!(command, Sessions::Resume { .. }) {
        let terminal = Arc::new(Terminal::new(Output::Text));
        rooms.tell_interrupted(&rooms.agent(terminal.clone()), &terminal);
    }
    match command {
        Sessions::List => list(&rooms),
        Sessions::Show { session } => {
            let events = rooms.host.store().read(session)?;
            print(&interline_agent::transcript(&events));
            print(&interline_agent::state(&events));
            print(&rooms.host.budget_figures(&events)?);
            Ok(exit::DONE)
        }
        Sessions::Fork { session, at } => fork(&rooms, session, at),
        Sessions::Export { session } => export(&rooms, session),
        Sessions::Resume {
            session,
            request,
            apply,
            diff,
            trust: _,
            budget: _,
        } => resume(&rooms, session, request, apply, diff),
    }
}

fn list(rooms: &Rooms) -> anyhow::Result<u8> {
    let sessions = rooms.host.store().list()?;
    if sessions.is_empty() {
        print("no sessions yet\n");
    }
    for session in &sessions {
        print(&line(session));
    }
    Ok(exit::DONE)
}

fn line(session: &SessionSummary) -> String {
    let state = match (&session.problem, session.open_turn, &session.waiting) {
        (Some(problem), ..) => format!("  ! {problem}"),
        (None, _, Some(text)) => format!(
            "  waiting for your permission: {}",
            crate::terminal::visible(text)
        ),
        (None, Some(_), None) => "  (unfinished)".to_owned(),
        (None, None, None) => String::new(),
    };
    let cost = session.spent.cost_micro_usd as f64 / 1e6;
    format!(
        "{}  {:>8}  {:>8}  {:>15}  {cost:>7.3} USD  {}{state}\n",
        session.id,
        ago(session.last_event),
        counted(session.turns, "turn"),
        counted(session.spent.usage.total(), "token"),
        crate::terminal::visible(&session.title),
    )
}

fn ago(ts: u64) -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |now| now.as_secs());
    let seconds = now.saturating_sub(ts / 1000);
    match seconds {
        0..60 => "just now".to_owned(),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

fn fork(rooms: &Rooms, session: SessionId, at: Option<u64>) -> anyhow::Result<u8> {
    let forked = rooms.host.store().fork(session, at)?;
    let events = counted(forked.events, "event");
    print(&format!(
        "{}  has the first {events} of {session}\n",
        forked.session
    ));
    if let Some(damage) = forked.damage {
        print(&format!(
            "left behind: {}\n",
            crate::terminal::visible(&damage.to_string())
        ));
    }
    print(&format!(
        "go on with `interline sessions resume {}`\n",
        forked.session
    ));
    Ok(exit::DONE)
}

fn export(rooms: &Rooms, session: SessionId) -> anyhow::Result<u8> {
    for event in rooms.host.store().read(session)? {
        print(&format!("{}\n", serde_json::to_string(&event)?));
    }
    Ok(exit::DONE)
}

fn resume(
    rooms: &Rooms,
    session: SessionId,
    request: Option<String>,
    apply: bool,
    diff: bool,
) -> anyhow::Result<u8> {
    // Whether there is such a session is known at once; opening it goes on beside.
    let before = rooms.host.store().read(session)?;
    let terminal = Arc::new(Terminal::new(Output::Text));
    let then = Then::new(apply, diff, &terminal);
    runtime()?.block_on(async {
        let agent = rooms.agent(terminal.clone());
        agent.resume_and_wait(session).await?;
        if request.is_none() {
            print(&interline_agent::transcript(&before));
        }
        // What waited for permission is asked before anything else.
        let asked = request.is_some() || agent.busy();
        if let Some(text) = request {
            let request = Request {
                session: Some(session),
                title: title(&text),
                text,
                ..Request::default()
            };
            turn(&agent, &terminal, request).await?;
        } else {
            ended(&agent, &terminal).await;
        }
        let reviewed = after(&agent, &terminal, &rooms.workspace, then, Output::Text).await;
        agent.close().await;
        reviewed?;
        Ok(if asked { code(&terminal) } else { exit::DONE })
    })
}
