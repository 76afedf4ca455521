//! Claims of answers, and what of them the record bears out.

use interline_log::{
    AssistantBlock, AssistantContent, CallStatus, EditVerdict, EventData, HunkId, HunkKind,
    HunkRecord,
};

use super::*;

/// A session in the making.
#[derive(Default)]
struct Story(Record);

impl Story {
    fn asked(text: &str) -> Self {
        let mut story = Self::default();
        story.0.apply(&EventData::InputUser {
            title: String::new(),
            text: text.to_owned(),
            context: String::new(),
        });
        story
    }

    fn block(mut self, content: AssistantContent) -> Self {
        let block = AssistantBlock { content, raw: None };
        self.0.apply(&EventData::ResponseBlock { block });
        self
    }

    fn ran(self, command: &str, status: CallStatus) -> Self {
        let arguments = serde_json::json!({ "command": command }).to_string();
        let mut story = self.block(AssistantContent::ToolUse {
            id: "1".to_owned(),
            name: "shell".to_owned(),
            arguments,
        });
        story.0.apply(&EventData::ToolOutcome {
            tool: "shell".to_owned(),
            tool_use_id: "1".to_owned(),
            status,
            content: String::new(),
            summary: String::new(),
        });
        story
    }

    fn edited(mut self, path: &str, kind: HunkKind) -> Self {
        let hunk = HunkRecord {
            id: HunkId::new(),
            kind,
            start_line: 0,
            old: String::new(),
            new: String::new(),
        };
        self.0.apply(&EventData::EditProposed {
            path: path.to_owned(),
            base_sha256: String::new(),
            replaces: Vec::new(),
            hunks: vec![hunk],
        });
        self
    }

    fn checked(mut self, new_errors: u32, left: u32) -> Self {
        let verdict = EditVerdict {
            by: "cargo check".to_owned(),
            cleared: 1,
            new_errors,
            new_warnings: 0,
            left,
            cleared_codes: Vec::new(),
            new_codes: Vec::new(),
        };
        self.0.apply(&EventData::EditChecked {
            verdict: Some(verdict),
            reason: String::new(),
        });
        self
    }

    /// What the record says instead of the claims of this answer, and how many it bears out.
    fn says(self, answer: &str) -> (u32, Vec<String>) {
        let text = answer.to_owned();
        let story = self.block(AssistantContent::Text { text });
        let verdict = check(&story.0);
        let records = verdict.unsupported.into_iter().map(|found| found.record);
        (verdict.supported, records.collect())
    }
}

const OK: CallStatus = CallStatus::Succeeded;
const BAD: CallStatus = CallStatus::Failed;
const NONE: (u32, Vec<String>) = (0, Vec::new());

#[test]
fn what_no_event_bears_out_is_told() {
    let edited = || Story::asked("do it").edited("src/main.rs", HunkKind::Text);
    for (story, answer, record) in [
        (
            edited(),
            "All tests pass.",
            "no test command ran in this turn",
        ),
        (
            edited(),
            "Done. The test suite passes now.",
            "no test command ran in this turn",
        ),
        (
            edited(),
            "- 12 tests passed",
            "no test command ran in this turn",
        ),
        (
            edited(),
            "The `parse` tests are passing, and nothing else changed.",
            "no test command ran in this turn",
        ),
        (
            edited(),
            "I ran the tests.",
            "no test command ran in this turn",
        ),
        (
            edited(),
            "I've run the unit tests; they are fine",
            "no test command ran in this turn",
        ),
        (
            edited(),
            "I verified that all tests pass.",
            "no test command ran in this turn",
        ),
        (
            edited(),
            "I ran `cargo fmt` over it.",
            "no command `cargo fmt` ran",
        ),
        (
            edited(),
            "`cargo clippy` passes.",
            "no command `cargo clippy` ran",
        ),
        (
            edited(),
            "I updated `src/lib.rs`.",
            "no change of `src/lib.rs`",
        ),
        (
            edited(),
            "- Created `docs/new.md`: the manual",
            "no change of `docs/new.md`",
        ),
        (
            edited(),
            "I fixed the bug in `src/parse.rs`.",
            "no change of `src/parse.rs`",
        ),
        (
            edited(),
            "I've updated `src/main.rs` and `src/lib.rs:10`.",
            "no change of `src/lib.rs`",
        ),
        (
            edited(),
            "I deleted `src/main.rs`.",
            "no deletion of `src/main.rs`",
        ),
        (
            edited(),
            "I committed the changes.",
            "no `git commit` has succeeded",
        ),
        (
            edited(),
            "The code compiles cleanly.",
            "nothing was built or checked in this turn",
        ),
        (
            edited(),
            "The build passes.",
            "nothing was built or checked in this turn",
        ),
        (
            edited(),
            "There are no errors left.",
            "nothing was built or checked in this turn",
        ),
        (
            edited().checked(2, 0),
            "There are no more errors.",
            "2 errors, checked by cargo check",
        ),
        (
            edited().checked(0, 1),
            "No errors remain.",
            "1 error, checked by cargo check",
        ),
        (
            edited().checked(1, 0),
            "It compiles now.",
            "1 error, checked by cargo check",
        ),
        (
            edited().ran("cargo test", BAD),
            "The tests pass.",
            "`cargo test` failed when it last ran",
        ),
        (
            edited()
                .ran("cargo test -p a", OK)
                .ran("cargo test -p b", BAD),
            "All tests pass.",
            "`cargo test -p b` failed when it last ran",
        ),
        (
            edited().ran("cargo build", BAD),
            "`cargo build` succeeds.",
            "`cargo build` failed when it last ran",
        ),
        (
            Story::asked("go").ran("ls", OK),
            "All tests pass.",
            "no test command ran in this turn",
        ),
    ] {
        assert_eq!(story.says(answer), (0, vec![record.to_owned()]), "{answer}");
    }
}

#[test]
fn what_is_on_record_is_borne_out() {
    let edited = || Story::asked("do it").edited("src/main.rs", HunkKind::Text);
    let moved = HunkKind::Move {
        to: "src/new.rs".to_owned(),
    };
    for (story, answer) in [
        (edited().ran("cargo test", OK), "All tests pass."),
        (
            edited().ran("cargo test", BAD).ran("cargo  test", OK),
            "All tests pass.",
        ),
        (
            edited()
                .ran("cargo test -p a", OK)
                .ran("cargo test -p b", BAD),
            "The tests of `a` pass.",
        ),
        (edited().ran("./run-tests.sh", BAD), "I ran the tests."),
        (
            edited().ran("npm run test -- x", OK),
            "I ran `npm run test`.",
        ),
        (edited(), "I updated `main.rs`."),
        (edited(), "Changed `./src/main.rs:12`."),
        (
            edited().edited("a/b.rs", HunkKind::Delete),
            "I deleted `a/b.rs`.",
        ),
        (
            Story::asked("x").edited("a.rs", moved),
            "I created `src/new.rs`.",
        ),
        (
            edited().ran("sed -i s/a/b/ notes.md", OK),
            "I updated `notes.md`.",
        ),
        (edited().checked(0, 0), "It compiles without errors."),
        (edited().checked(0, 0), "`cargo check` passes."),
        (edited().checked(0, 0), "There are no errors."),
        (edited().checked(0, 2), "There are no new errors."),
        (edited().ran("make", OK), "The build passes."),
        (
            edited().ran("git commit -m x", OK),
            "I committed the changes.",
        ),
    ] {
        assert_eq!(story.says(answer), (1, Vec::new()), "{answer}");
    }
}

#[test]
fn what_is_no_claim_is_left_alone() {
    for answer in [
        "I did not run the tests.",
        "I haven't run the tests.",
        "I couldn't run `cargo test` here.",
        "You should run the tests.",
        "Please run `cargo test` to see that all tests pass.",
        "Run the tests before you merge.",
        "If the tests pass, merge it.",
        "Once all tests pass, merge it.",
        "The tests should pass now.",
        "All tests will pass after this.",
        "This makes the tests pass.",
        "To make sure the tests pass, run them.",
        "Do all tests pass?",
        "The tests do not pass.",
        "No tests were run.",
        "The first test passes a string to `parse`.",
        "Tests that pass are left out of the report.",
        "The test passes with `x` set.",
        "You said that \"all tests pass\".",
        "> All tests pass.",
        "```\nAll tests pass.\nI updated `a.rs`.\n```",
        "~~~text\nAll tests pass.\n```\nAll tests pass.\n~~~",
        "Call `all tests pass` to go on.",
        "    All tests pass.",
        "| All tests pass. |",
        "- [ ] All tests pass",
        "I would update `src/lib.rs`.",
        "I'll update `src/lib.rs`.",
        "The updated `src/lib.rs` is shorter.",
        "I added a link to `docs/a.md`.",
        "I added `docs/a.md` to the index.",
        "I removed `b.ts` from the imports.",
        "I changed `self.count` to a method.",
        "I updated `Node.js` usage.",
        "I updated `/etc/hosts.txt`.",
        "`src/lib.rs` was changed in that commit.",
        "Someone deleted `src/lib.rs`.",
        "It compiles to WebAssembly.",
        "The function returns no errors for empty input.",
        "No errors are expected.",
        "`parse` passes the text on.",
        "`parse` passes.",
        "I suggest that I committed the changes by hand.",
        "The failing tests passed earlier.",
        "",
        "`",
        "\"",
        "``` ",
    ] {
        let story = Story::asked("do it").edited("src/main.rs", HunkKind::Text);
        assert_eq!(story.says(answer), NONE, "{answer}");
    }
}

#[test]
fn what_the_user_said_is_nobodys_claim() {
    let story = Story::asked("The tests pass. Write the message.");
    assert_eq!(story.says("The tests pass."), NONE);
}

#[test]
fn a_test_of_an_earlier_turn_counts_until_something_is_edited() {
    let again = |mut story: Story| {
        let next = Story::asked("and now?");
        drop(next);
        story.0.apply(&EventData::InputUser {
            title: String::new(),
            text: "and now?".to_owned(),
            context: String::new(),
        });
        story
    };
    let tested = || Story::asked("test it").ran("cargo test", OK);
    assert_eq!(again(tested()).says("All tests pass."), (1, Vec::new()));
    let edited = again(tested()).edited("a.rs", HunkKind::Text);
    let record = vec!["no test command ran in this turn".to_owned()];
    assert_eq!(edited.says("All tests pass."), (0, record));
}

#[test]
fn where_others_tools_or_programs_outside_may_have_done_it_nothing_is_said() {
    let mut outside = Story::asked("install it").ran("npm install x", OK);
    outside.0.apply(&EventData::PermissionDecided {
        answer: interline_log::PermissionAnswer::Allow,
        by: "user".to_owned(),
    });
    assert_eq!(outside.says("I updated `package.json`."), (1, Vec::new()));
    let mut theirs = Story::asked("test it").block(AssistantContent::ToolUse {
        id: "1".to_owned(),
        name: "mcp__ci__run".to_owned(),
        arguments: String::new(),
    });
    theirs.0.apply(&EventData::ToolOutcome {
        tool: "mcp__ci__run".to_owned(),
        tool_use_id: "1".to_owned(),
        status: OK,
        content: String::new(),
        summary: String::new(),
    });
    assert_eq!(theirs.says("All tests pass."), (1, Vec::new()));
}

#[test]
fn a_claim_is_quoted_in_its_own_words() {
    let mut story = Story::asked("do it").edited("a.rs", HunkKind::Text);
    let text = "Two things: **I ran** `cargo fmt`, and more.".to_owned();
    let block = AssistantBlock {
        content: AssistantContent::Text { text },
        raw: None,
    };
    story.0.apply(&EventData::ResponseBlock { block });
    let verdict = check(&story.0);
    let notes: Vec<_> = verdict.unsupported.iter().map(note).collect();
    assert_eq!(
        notes,
        ["not on record: “Two things: I ran `cargo fmt`, and more”: no command `cargo fmt` ran"]
    );
}

proptest::proptest! {
    #[test]
    fn no_text_breaks_it(text in "(?s)[ -~\n`\"…“’é;.]{0,200}") {
        Story::asked(&text).says(&text);
    }
}
