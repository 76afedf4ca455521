//! What a request names by `@` goes with it; what names nothing stays text.

use scripted_model::{Script, Server, Step};
use serde_json::{Value, json};

use super::{Client, TEXT, at};

struct Bench {
    model: Server,
    client: Client,
}

impl Bench {
    async fn new(steps: usize) -> Self {
        let model = Server::start(Script::of((0..steps).map(|_| Step::say("ok")))).await;
        let interline = json!({ "event": true, "query": true });
        let (mut client, _) = Client::start(Some(model.base_url()), interline).await;
        let root = client.root.path().to_owned();
        std::fs::create_dir(root.join("src")).unwrap();
        std::fs::write(root.join("src/lib.rs"), "fn one() {}\nfn two() {}\n").unwrap();
        std::fs::write(root.join(".env"), "PASSWORD=hunter22\n").unwrap();
        client.open("a.txt", TEXT).await;
        Self { model, client }
    }

    /// What the model gets; questions about symbols are answered so.
    async fn told(&mut self, text: &str, symbols: &Value) -> String {
        let argument = json!({ "text": text });
        let client = &mut self.client;
        client.command("interline.prompt", argument).await;
        loop {
            let message = client.next().await;
            if message["method"] == "interline/query" {
                let items = match message["params"]["kind"].as_str() {
                    Some("symbols") => symbols.clone(),
                    _ => json!([]),
                };
                let result = json!({ "items": items, "source": "other", "settled": true });
                client.answer(&message, result).await;
            }
            if message["params"]["event"]["type"] == "turnEnded" {
                break;
            }
        }
        let requests = self.model.requests();
        let messages = requests.last().unwrap().body["messages"].clone();
        let last = messages.as_array().unwrap().last().unwrap()["content"].clone();
        let texts = last.as_array().unwrap().iter();
        let texts = texts.filter_map(|block| block["text"].as_str());
        texts.collect::<Vec<_>>().join("\n")
    }
}

#[tokio::test]
async fn files_folders_and_symbols_go_with_the_request() {
    let mut bench = Bench::new(1).await;
    let symbol = json!({ "name": "two", "kind": 12, "location": {
        "uri": bench.client.uri("src/lib.rs"),
        "range": { "start": { "line": 1, "character": 3 }, "end": { "line": 1, "character": 6 } },
    } });
    let text =
        "compare @a.txt:2-3 with @src/ and @two, not @Override of me@example.org or @types/node.";
    let told = bench.told(text, &json!([symbol])).await;
    assert!(told.starts_with(text), "{told}");
    for part in [
        "<file path=\"a.txt\" lines=\"2-3\">\n2\ttwo\n3\tthree\n</file>\n",
        "<folder path=\"src\">\nsrc/lib.rs\n</folder>\n",
        "<symbol path=\"src/lib.rs\" name=\"two\" line=\"2\">\n2\tfn two() {}\n</symbol>\n",
    ] {
        assert!(told.contains(part), "{part}\n-- in --\n{told}");
    }
    assert_eq!(told.matches("<symbol").count(), 1, "{told}");
    assert_eq!(told.matches("types/node").count(), 1, "{told}");
}

#[tokio::test]
async fn a_symbol_that_no_server_knows_is_looked_up_in_the_index() {
    let model = Server::start(Script::of([Step::say("ok")])).await;
    let (client, _) = Client::start(Some(model.base_url()), json!({ "event": true })).await;
    let mut bench = Bench { model, client };
    let file = bench.client.root.path().join("lib.rs");
    std::fs::write(file, "struct Parser;\nimpl Parser {\n    fn two() {}\n}\n").unwrap();
    let told = bench.told("explain @Parser::two", &json!([])).await;
    let part = "<symbol path=\"lib.rs\" name=\"Parser::two\" line=\"3\">\n3\t    fn two() {}";
    assert!(told.contains(part), "{told}");
    assert_eq!(told.matches("<symbol").count(), 1, "{told}");
}

#[tokio::test]
async fn what_takes_permission_is_not_read_for_a_mention() {
    let mut bench = Bench::new(1).await;
    let told = bench
        .told("what is in @.env and @../x and @/etc/passwd", &json!([]))
        .await;
    assert!(
        !told.contains("hunter22") && !told.contains("root:"),
        "{told}"
    );
    assert!(told.contains("<file path=\".env\">\nnot shown"), "{told}");
    assert_eq!(told.matches("<file").count(), 1, "{told}");
}

#[tokio::test]
async fn the_words_mean_what_is_on_the_screen() {
    let mut bench = Bench::new(2).await;
    let uri = bench.client.uri("a.txt");
    let line =
        json!({ "start": { "line": 1, "character": 0 }, "end": { "line": 1, "character": 3 } });
    let focus = json!({ "uri": uri, "selections": [line], "visibleRanges": [] });
    bench.client.notify("interline/didChangeFocus", focus).await;
    let wrong = json!({ "range": at(0), "severity": 1, "message": "bad" });
    let diagnostics = json!({ "uri": uri, "diagnostics": [wrong] });
    bench
        .client
        .notify("interline/didChangeDiagnostics", diagnostics)
        .await;
    let none = json!([]);
    bench.told("hello", &none).await;
    let told = bench.told("@selection @diagnostics @diff", &none).await;
    for part in [
        "<selection file=\"a.txt\" lines=\"2-2\">\n    2\ttwo\n</selection>\n",
        "<diagnostics of=\"the workspace\">\na.txt:1:1: error: bad\n</diagnostics>\n",
        "<diff of=\"unsaved\" file=\"a.txt\">\n@@",
        "+two\n",
    ] {
        assert!(told.contains(part), "{part}\n-- in --\n{told}");
    }
}

#[tokio::test]
async fn a_mention_is_completed() {
    let mut bench = Bench::new(0).await;
    let mut offered = Vec::new();
    for begun in ["s", "src/", "a", "none"] {
        let argument = json!({ "begun": begun });
        let answer = bench.client.command("interline.complete", argument).await;
        let items = answer["result"]["items"].as_array().unwrap().clone();
        let texts = items
            .iter()
            .map(|item| item["text"].as_str().unwrap().to_owned());
        offered.push(texts.collect::<Vec<_>>().join(" "));
    }
    assert_eq!(offered, ["selection src/", "src/lib.rs", "a.txt", ""]);
}
