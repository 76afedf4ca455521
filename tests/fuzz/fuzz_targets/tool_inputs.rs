//! The inputs of tools: any text is a call with facts or one error for the model.
#![no_main]

use std::sync::OnceLock;

use interline_fuzz::{environment, folder};
use interline_tools::{Environment, Registry};
use libfuzzer_sys::fuzz_target;

fn place() -> &'static Environment {
    static PLACE: OnceLock<(tempfile::TempDir, Environment)> = OnceLock::new();
    let (_, environment) = PLACE.get_or_init(|| {
        let folder = folder();
        std::fs::write(folder.path().join("a"), "one\n").expect("written");
        let environment = environment(folder.path());
        (folder, environment)
    });
    environment
}

fuzz_target!(|input: (u8, &str)| {
    let (tool, arguments) = input;
    let registry = Registry::built_in();
    let tools = registry.tools();
    let name = &tools[usize::from(tool) % tools.len()].definition.name;
    match registry.prepare(name, arguments, place()) {
        Ok(prepared) => {
            let _ = prepared.call().digest();
            assert!(!prepared.title().contains('\n'), "{}", prepared.title());
            let _ = prepared.detail();
        }
        Err(message) => assert!(!message.is_empty() && message.len() < 10_000, "{message}"),
    }
});
