//! A log that was cut, overwritten or added to: it is refused, or what is left of it is a prefix that can be written on.
#![no_main]

use std::sync::OnceLock;

use arbitrary::Arbitrary;
use interline_fuzz::folder;
use interline_log::{Actor, Entry, Event, EventData, LogError, SessionId, Store, TurnOutcome};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
enum Harm {
    Cut(u16),
    Set(u16, u8),
    Append(Vec<u8>),
    NoughtsAt(u16),
}

struct Good {
    session: SessionId,
    bytes: Vec<u8>,
    events: Vec<Event>,
}

fn entry(data: EventData) -> Entry {
    Entry {
        turn: None,
        call: None,
        causes: Vec::new(),
        actor: Actor::User,
        data,
    }
}

fn steer(text: &str) -> Entry {
    entry(EventData::InputSteer {
        text: text.to_owned(),
    })
}

fn good() -> &'static Good {
    static GOOD: OnceLock<Good> = OnceLock::new();
    GOOD.get_or_init(|| {
        let place = folder();
        let store = Store::new(place.path().to_owned());
        let session = SessionId::new();
        let mut log = store.create(session).expect("a new log");
        let created = EventData::SessionCreated {
            version: "0".to_owned(),
            roots: vec!["/w".to_owned()],
        };
        let ended = EventData::TurnEnded {
            outcome: TurnOutcome::Done,
        };
        let entries = [
            entry(created),
            steer("{\"hash\":\"\u{1d11e}"),
            steer(""),
            entry(ended),
        ];
        let events = entries
            .map(|entry| log.append(entry).expect("appended"))
            .to_vec();
        drop(log);
        let file = store.session_folder(session).join("events-00000.jsonl");
        Good {
            session,
            bytes: std::fs::read(file).expect("a segment"),
            events,
        }
    })
}

fuzz_target!(|harms: Vec<Harm>| {
    let Good {
        session,
        bytes,
        events,
    } = good();
    let mut bytes = bytes.clone();
    for harm in harms {
        match harm {
            Harm::Cut(at) => bytes.truncate(usize::from(at)),
            Harm::Set(at, value) => {
                let at = usize::from(at) % bytes.len().max(1);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = value;
                }
            }
            Harm::Append(more) => bytes.extend(more),
            Harm::NoughtsAt(at) => {
                bytes.truncate(usize::from(at));
                bytes.resize(bytes.len() + 64, 0);
            }
        }
    }
    let place = folder();
    let store = Store::new(place.path().to_owned());
    let session_folder = store.session_folder(*session);
    std::fs::create_dir(&session_folder).expect("a new folder");
    std::fs::write(session_folder.join("events-00000.jsonl"), &bytes).expect("written");
    let readable = store.read(*session).is_ok();
    match store.open(*session) {
        Ok((mut log, mut found)) => {
            assert!(readable);
            if matches!(
                found.last().map(|event| &event.data),
                Some(EventData::LogRecovered { .. })
            ) {
                found.pop();
            }
            assert_eq!(found, events[..found.len()], "a prefix");
            log.append(steer("more")).expect("it can be written on");
            drop(log);
            let verified = store.verify(*session, &interline_log::Against::default()).expect("a whole chain");
            assert_eq!(verified.torn_bytes, 0);
        }
        Err(LogError::Damaged { .. }) => assert!(!readable),
        Err(error) => panic!("{error}"),
    }
});
