//! `config.toml`: any text is a configuration or one error of one line that names the file and a line of it.
#![no_main]

#[path = "../../../server/interline/src/config/budget.rs"]
#[allow(dead_code)]
mod budget;
#[path = "../../../server/interline/src/config/file.rs"]
#[allow(dead_code)]
mod file;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Err(error) = file::File::parse(text, "config.toml") {
        let message = format!("{error:#}");
        assert!(message.starts_with("config.toml:"), "{message}");
        assert_eq!(message.lines().count(), 1, "{message}");
    }
});
