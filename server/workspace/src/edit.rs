//! Search-and-replace edits: where `old` stands in a text, and what to say when it doesn't.
//!
//! Matching goes exact, line endings normalised, trailing white space, uniform indent; each must be unique
//! (exactly `count` times). No edit distance, no first match, no other file.
