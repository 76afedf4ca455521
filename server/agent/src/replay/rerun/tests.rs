//! Golden logs are lived through again without a difference, and a changed script is told from them.

use super::*;
use crate::replay::tests::golden;

async fn again(name: &str, script: Option<&str>) -> Rerun {
    let script = script.map(|text| Script::parse(text).unwrap());
    rerun(golden(name), script, &[]).await.unwrap()
}

#[tokio::test]
async fn golden_logs_are_lived_through_again() {
    for name in ["0.1.0", "0.1.0-early"] {
        let rerun = again(name, None).await;
        assert_eq!(rerun.difference, None, "{name}");
        assert_eq!((rerun.events, rerun.turns), (87, 2), "{name}");
    }
}

#[tokio::test]
async fn a_script_that_says_something_else_is_told_with_the_place() {
    let rerun = again(
        "0.1.0",
        Some(r#"[{"calls": [{"tool": "read", "input": {"path": "other"}}]}]"#),
    )
    .await;
    let difference = rerun.difference.unwrap();
    assert_eq!(
        (difference.seq, difference.event.as_str()),
        (5, "response.block")
    );
    assert_eq!(difference.what, "block.content.arguments");
}
