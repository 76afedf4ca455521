//! The streams of the three wires: any bytes are events or an error, and where they are cut changes nothing.
#![no_main]

use interline_model::{ModelEvent, Provider, fuzzing};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, u8, &[u8])| {
    let (wire, size, data) = input;
    let provider = [
        Provider::Anthropic,
        Provider::OpenaiChat,
        Provider::OpenaiResponses,
    ][usize::from(wire) % 3];
    let whole = fuzzing::decode(provider, std::iter::once(data));
    let cut = fuzzing::decode(provider, data.chunks(usize::from(size).max(1)));
    assert_eq!(settled(&whole), settled(&cut), "cut every {size} bytes");
    let stops = whole
        .iter()
        .filter(|event| matches!(event, Ok(ModelEvent::Stopped { .. })));
    let stops = stops.count();
    assert!(stops <= 1, "it stops once");
    // What ends well has stopped.
    assert!(
        stops == 1 || whole.last().is_some_and(Result::is_err),
        "{whole:?}"
    );
});

/// Deltas aside: how they are put together depends on the cuts.
fn settled(events: &[Result<ModelEvent, String>]) -> Vec<&Result<ModelEvent, String>> {
    let delta = |event: &&Result<ModelEvent, String>| {
        !matches!(
            event,
            Ok(ModelEvent::TextDelta(_) | ModelEvent::ThinkingDelta(_))
        )
    };
    events.iter().filter(delta).collect()
}
