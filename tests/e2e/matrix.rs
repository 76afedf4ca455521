//! The kill matrix: a turn of thirty steps is cut at every one of its events, resumed, and gone on with to its end.
//!
//! What is on disk when a process is killed is a prefix of its log and the effects that belong to it: each event is
//! written before what follows from it happens. So one undisturbed run gives every state that a kill can leave; between
//! the beginning and the end of an effect there are two, with it and without. Each is opened by the library as the next
//! process would. `kills.rs` kills real processes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use futures::FutureExt as _;
use futures::future::{BoxFuture, ready};
use interline_agent::{Agent, Budget, Host, Request, Settings};
use interline_log::{
    Event, EventData, Mode, PermissionAnswer, SessionId, StepState, Store, Workflow,
};
use interline_model::{ModelSpec, Provider, Secret};
use interline_workspace::Workspace;
use interline_workspace::editor::{
    Abilities, Display, Editor, EditorError, PermissionPrompt, PermissionReply, Query, QueryAnswer,
    Question,
};
use interline_workspace::proposal::Landing;
use scripted_model::{Script, Server, Step};
use serde_json::{Value, json};

/// The files of a folder, by name.
type Files = BTreeMap<String, String>;

/// One step of the turn: the call, and its name in the log.
struct Wanted {
    id: String,
    tool: &'static str,
    input: Value,
}

fn lines(from: usize, to: usize) -> String {
    (from..=to).map(|line| format!("l{line}\n")).collect()
}

fn beginning() -> Files {
    let files = [
        ("a.txt", lines(1, 9)),
        ("b.txt", lines(1, 9)),
        ("gone-1.txt", "gone\n".to_owned()),
        ("gone-2.txt", "gone\n".to_owned()),
        ("old.txt", "moved\n".to_owned()),
    ];
    files.map(|(name, text)| (name.to_owned(), text)).into()
}

/// All steps but the last, which says that it is done.
fn wanted() -> Vec<Wanted> {
    let edit = |path: &str, old: &str, new: &str| {
        let edits = json!([{"old": old, "new": new}]);
        ("edit", json!({"path": path, "edits": edits}))
    };
    let write = |path: &str| ("write", json!({"path": path, "content": "new\ntext\n"}));
    let delete = |path: &str| ("delete", json!({"path": path}));
    let todo = |status: &str| {
        let items = json!([{"text": "the rest", "status": status}]);
        ("todo", json!({"items": items}))
    };
    let command = || ("shell", Value::Null);
    let steps = [
        ("read", json!({"path": "a.txt"})),
        todo("active"),
        edit("a.txt", "l1", "L1"),
        command(),
        edit("a.txt", "l2", "L2"),
        write("new-1.txt"),
        command(),
        edit("new-1.txt", "text", "TEXT"),
        ("read", json!({"path": "b.txt"})),
        edit("b.txt", "l1", "L1"),
        command(),
        delete("gone-1.txt"),
        ("move", json!({"from": "old.txt", "to": "kept.txt"})),
        edit("a.txt", "l3", "L3"),
        command(),
        ("grep", json!({"pattern": "l3"})),
        write("new-2.txt"),
        edit("b.txt", "l2", "L2"),
        command(),
        edit("a.txt", "l4", "L4"),
        delete("gone-2.txt"),
        command(),
        edit("a.txt", "l5", "L5"),
        write("new-3.txt"),
        ("list", json!({})),
        command(),
        edit("b.txt", "l3", "L3"),
        command(),
        todo("done"),
    ];
    let named = |(number, (tool, input)): (usize, (&'static str, Value))| {
        let id = format!("s{:02}", number + 1);
        // An effect outside, which nobody can take back and which tells how often it was had.
        let input = match tool {
            "shell" => json!({"command": format!("echo {id} >> ../ledger")}),
            _ => input,
        };
        Wanted { id, tool, input }
    };
    steps.into_iter().enumerate().map(named).collect()
}

fn call(wanted: &Wanted, id: String) -> scripted_model::Call {
    scripted_model::Call {
        tool: wanted.tool.to_owned(),
        input: wanted.input.clone(),
        id: Some(id),
        ..Default::default()
    }
}

/// Somebody who allows what is asked, and looks at the folder again and again.
#[derive(Default)]
struct Onlooker {
    project: PathBuf,
    seen: Mutex<Vec<Files>>,
}

impl Editor for Onlooker {
    fn abilities(&self) -> Abilities {
        Abilities {
            save: true,
            ..Abilities::default()
        }
    }

    fn apply(&self, _: Landing) -> BoxFuture<'static, Result<(), EditorError>> {
        ready(Err(EditorError::Unsupported("no buffers".to_owned()))).boxed()
    }

    fn permission(&self, _: PermissionPrompt) -> BoxFuture<'static, PermissionReply> {
        ready(PermissionReply::user(PermissionAnswer::Allow)).boxed()
    }

    fn save(&self, _: Vec<String>) -> BoxFuture<'static, Result<(), EditorError>> {
        ready(Ok(())).boxed()
    }

    fn question(&self, _: Question) -> BoxFuture<'static, Option<String>> {
        ready(None).boxed()
    }

    fn query(&self, _: Query) -> BoxFuture<'static, Result<QueryAnswer, EditorError>> {
        ready(Err(EditorError::Unsupported("no servers".to_owned()))).boxed()
    }

    fn show(&self, _: SessionId, display: Display) {
        if matches!(
            display,
            Display::Activity { .. } | Display::TurnEnded { .. }
        ) {
            let now = files(&self.project);
            let mut seen = self.seen.lock().unwrap();
            if seen.last() != Some(&now) {
                seen.push(now);
            }
        }
    }
}

fn files(folder: &Path) -> Files {
    let entries = std::fs::read_dir(folder).unwrap().flatten();
    let read = |path: PathBuf| {
        let name = path.file_name()?.to_str()?.to_owned();
        Some((name, std::fs::read_to_string(path).ok()?))
    };
    entries.filter_map(|entry| read(entry.path())).collect()
}

/// A project, a ledger beside it, and a state folder: what a process finds.
struct World {
    folder: tempfile::TempDir,
    state: tempfile::TempDir,
}

impl World {
    fn new(files: &Files, ledger: &BTreeSet<String>) -> Self {
        // Syncs cost nothing there; what they are for is tested elsewhere.
        let memory = Path::new("/dev/shm");
        let state = tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir());
        let world = Self {
            folder: tempfile::tempdir().unwrap(),
            state: state.unwrap(),
        };
        std::fs::create_dir(world.project()).unwrap();
        for (name, text) in files {
            put(&world.project().join(name), text.as_bytes());
        }
        let ledger: String = ledger.iter().map(|id| format!("{id}\n")).collect();
        put(&world.folder.path().join("ledger"), ledger.as_bytes());
        world
    }

    fn project(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    /// What commands have done, in order.
    fn ledger(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.folder.path().join("ledger")).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    fn store(&self) -> Store {
        Store::new(self.state.path().join("sessions"))
    }

    fn agent(&self, server: &Server) -> (Arc<Agent>, Arc<Workspace>, Arc<Onlooker>) {
        let model = ModelSpec {
            name: "scripted".to_owned(),
            provider: Provider::Anthropic,
            id: "scripted".to_owned(),
            base_url: server.base_url().to_owned(),
            api_key: Some(Secret::new("key")),
            ..ModelSpec::builtin()
        };
        let host = Host::new(Settings {
            version: "0".to_owned(),
            model: "scripted".to_owned(),
            mode: Mode::AcceptEdits,
            models: vec![model],
            budget: Arc::new(Budget::default),
            rules: interline_policy::Rules::default(),
            hooks: Vec::new(),
            state: self.state.path().to_owned(),
            launcher: None,
            env: Arc::new(vec![("PATH".to_owned(), crate::place::search_path())]),
            telemetry: None,
            trust: false,
            audit_key: None,
        });
        let workspace = Workspace::open(&self.project()).unwrap();
        let onlooker = Arc::new(Onlooker {
            project: self.project(),
            ..Onlooker::default()
        });
        let agent = Agent::new(host, workspace.clone(), onlooker.clone());
        (agent, workspace, onlooker)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test makes the state that it opens"
)]
fn put(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).unwrap();
}

/// The turn as it is when nobody kills it.
struct Undisturbed {
    id: SessionId,
    events: Vec<Event>,
    /// As they stand on disk.
    log: Vec<String>,
    /// The folder after so many landings.
    states: Vec<Files>,
    world: World,
}

async fn undisturbed() -> Undisturbed {
    let steps = wanted();
    let steps = steps.iter().map(|wanted| Step {
        calls: vec![call(wanted, wanted.id.clone())],
        ..Step::default()
    });
    let server = Server::launch(Script::of(steps.chain([Step::say("Done.")])), None).unwrap();
    let world = World::new(&beginning(), &BTreeSet::new());
    let (agent, _, onlooker) = world.agent(&server);
    let id = agent.prompt(request("please")).unwrap().session.unwrap();
    agent.idle().await;
    agent.close().await;
    assert_eq!(server.steps_left(), 0);
    let folder = world.store().session_folder(id);
    let log = std::fs::read_to_string(folder.join("events-00000.jsonl")).unwrap();
    let events = world.store().read(id).unwrap();
    let states = onlooker.seen.lock().unwrap().clone();
    let landings = events
        .iter()
        .filter(|event| matches!(event.data, EventData::EditApplied { .. }));
    assert_eq!(states.len(), landings.count() + 1, "each landing was seen");
    Undisturbed {
        id,
        log: log.lines().map(str::to_owned).collect(),
        events,
        states,
        world,
    }
}

fn request(text: &str) -> Request {
    Request {
        title: text.to_owned(),
        text: text.to_owned(),
        ..Request::default()
    }
}

/// What a kill has left.
struct Cut<'a> {
    run: &'a Undisturbed,
    /// So many events are on record.
    at: usize,
    /// What had begun was done.
    done: bool,
}

impl Cut<'_> {
    fn events(&self) -> &[Event] {
        &self.run.events[..self.at]
    }

    /// Landings that have begun, and those that have ended.
    fn landings(&self) -> (usize, usize) {
        let count = |fits: fn(&EventData) -> bool| {
            let events = self.events().iter();
            events.filter(|event| fits(&event.data)).count()
        };
        (
            count(|data| matches!(data, EventData::EditAccepting { .. })),
            count(|data| matches!(data, EventData::EditApplied { .. })),
        )
    }

    /// The provider's ids of the commands that may have run, and the one of which that is not known.
    fn commands(&self) -> (BTreeSet<String>, Option<String>) {
        let workflow = Workflow::of(self.events());
        let commands = workflow.steps.iter().filter(|step| step.tool == "shell");
        let ran = commands
            .clone()
            .filter(|step| step.state == StepState::Done);
        let ran = ran.map(|step| step.tool_use_id.clone()).collect();
        let mut open = commands.filter(|step| step.state == StepState::Intended);
        (ran, open.next().map(|step| step.tool_use_id.clone()))
    }

    /// Is something in the middle of being done?
    fn is_open(&self) -> bool {
        let (begun, ended) = self.landings();
        begun > ended || self.commands().1.is_some()
    }

    fn world(&self) -> World {
        let (begun, ended) = self.landings();
        let landed = if self.done { begun } else { ended };
        let (mut ran, open) = self.commands();
        ran.extend(open.filter(|_| self.done));
        let world = World::new(&self.run.states[landed], &ran);
        let folder = world.store().session_folder(self.run.id);
        std::fs::create_dir_all(folder.join("blobs")).unwrap();
        let log: String = self.run.log[..self.at]
            .iter()
            .map(|line| format!("{line}\n"))
            .collect();
        put(&folder.join("events-00000.jsonl"), log.as_bytes());
        let blobs = self.run.world.store().session_folder(self.run.id);
        for blob in std::fs::read_dir(blobs.join("blobs")).into_iter().flatten() {
            let blob = blob.unwrap();
            std::fs::copy(blob.path(), folder.join("blobs").join(blob.file_name())).unwrap();
        }
        world
    }

    /// What a model asks for next, where it knows from the log and a look at the world what is done.
    fn rest(&self, world: &World) -> Vec<Wanted> {
        let workflow = Workflow::of(self.events());
        let ledger = world.ledger();
        let waits = self.waits();
        let done = |wanted: &Wanted| {
            let mut steps = workflow.steps.iter();
            let step = steps.find(|step| step.tool_use_id == wanted.id);
            step.is_some_and(|step| match (step.state, step.tool.as_str()) {
                (StepState::Done, _) => true,
                // The resumed process asks for it again.
                (StepState::Leased, "shell") => waits,
                (_, "shell") => ledger.contains(&wanted.id),
                _ => step.proposed,
            })
        };
        // What was proposed by a call without an outcome it reads again, as it is told to.
        let unsure = |wanted: &&Wanted| {
            let open = |step: &&interline_log::Step| {
                step.tool_use_id == wanted.id && step.state != StepState::Done
            };
            workflow
                .steps
                .iter()
                .find(open)
                .is_some_and(|step| step.proposed)
        };
        let all = wanted();
        let again = all.iter().filter(unsure).filter_map(|wanted| {
            let input = json!({"path": wanted.input.get("path")?});
            let (id, tool) = (format!("{}-again", wanted.id), "read");
            (wanted.tool != "delete").then_some(Wanted { id, tool, input })
        });
        let mut rest: Vec<_> = again.collect();
        rest.extend(all.into_iter().filter(|wanted| !done(wanted)));
        rest
    }

    fn waits(&self) -> bool {
        let last = self.events().last().map(|event| &event.data);
        matches!(last, Some(EventData::PermissionAsked { .. }))
    }

    async fn goes_on(&self) {
        let moment = format!(
            "cut at event {}, what had begun was done: {}",
            self.at, self.done
        );
        let world = self.world();
        let rest = self.rest(&world);
        let calls: Vec<_> = rest
            .iter()
            .map(|wanted| call(wanted, format!("r{}", wanted.id)))
            .collect();
        let mut steps = vec![Step::say("Done.")];
        if !calls.is_empty() {
            steps.insert(
                0,
                Step {
                    calls,
                    ..Step::default()
                },
            );
        }
        let server = Server::launch(Script::of(steps), None).unwrap();
        let (agent, workspace, _) = world.agent(&server);
        let (ledger, project) = (world.ledger(), files(&world.project()));
        agent.resume_and_wait(self.run.id).await.unwrap();
        if self.waits() {
            agent.idle().await;
        } else {
            assert_eq!(
                world.ledger(),
                ledger,
                "{moment}: resuming alone runs nothing"
            );
            assert_eq!(
                files(&world.project()),
                project,
                "{moment}: nor lands anything"
            );
            agent.prompt(request("go on")).unwrap();
            agent.idle().await;
        }
        assert_eq!(server.steps_left(), 0, "{moment}");
        let pending = workspace.hunks().into_iter().flat_map(|file| file.hunks);
        let pending: Vec<_> = pending.map(|hunk| hunk.id).collect();
        if !pending.is_empty() {
            agent.accept_and_wait(&pending).await.unwrap();
        }
        agent.close().await;
        let events = world.store().read(self.run.id).unwrap();
        self.is_settled(&events, &moment);
        self.is_as_undisturbed(&world, &moment).await;
    }

    /// Each step that was open has an outcome now, by what can be known of it; all else is as it was.
    fn is_settled(&self, events: &[Event], moment: &str) {
        let before = Workflow::of(self.events());
        let since = events.iter().skip(self.at);
        let resuming =
            since.take_while(|event| !matches!(event.data, EventData::SessionConfig { .. }));
        let resumed = self.at + resuming.count();
        let after = Workflow::of(&events[..resumed]);
        if self.waits() {
            assert_eq!(after.open().count(), 1, "{moment}: it goes on waiting");
            return;
        }
        assert_eq!(
            (after.open().count(), after.open_turn),
            (0, None),
            "{moment}"
        );
        assert_eq!(after.plan, before.plan, "{moment}");
        assert_eq!(after.steps.len(), before.steps.len(), "{moment}");
        for (before, after) in before.steps.iter().zip(&after.steps) {
            let expected = match before.state {
                StepState::Intended if before.tool == "shell" || before.proposed => {
                    StepState::Unknown
                }
                StepState::Ready | StepState::Leased | StepState::Intended => StepState::Failed,
                ended => ended,
            };
            assert_eq!(after.state, expected, "{moment}: {before:?}");
        }
    }

    async fn is_as_undisturbed(&self, world: &World, moment: &str) {
        let events = world.store().read(self.run.id).unwrap();
        assert_eq!(
            files(&world.project()),
            *self.run.states.last().unwrap(),
            "{moment}"
        );
        let mut ledger = world.ledger();
        ledger.sort();
        let mut expected = self.run.world.ledger();
        expected.sort();
        assert_eq!(ledger, expected, "{moment}: each command has run once");
        let (now, then) = (Workflow::of(&events), Workflow::of(&self.run.events));
        assert_eq!(now.plan, then.plan, "{moment}");
        let texts = |workflow: &Workflow| -> BTreeMap<String, String> {
            let artefacts = workflow.artefacts.iter();
            artefacts
                .map(|(path, made)| (path.clone(), made.sha256.clone()))
                .collect()
        };
        assert_eq!(texts(&now), texts(&then), "{moment}");
        assert_eq!((now.open().count(), now.open_turn), (0, None), "{moment}");
        let mut applied = BTreeSet::new();
        for event in &events {
            if let EventData::EditApplied { hunks, .. } = &event.data {
                assert!(
                    hunks.iter().all(|hunk| applied.insert(*hunk)),
                    "{moment}: applied twice"
                );
            }
        }
        assert_eq!(
            interline_agent::replay(&events).difference,
            None,
            "{moment}"
        );
        if self.at.is_multiple_of(10) {
            let rerun = interline_agent::rerun(events, None, &[]).await.unwrap();
            assert_eq!(rerun.difference, None, "{moment}");
        }
        world
            .store()
            .verify(self.run.id, &Default::default())
            .unwrap();
    }
}

/// The turn holds all that can have an effect, each with its beginning and its end on record.
fn is_whole(run: &Undisturbed) {
    let mut types: BTreeMap<String, usize> = BTreeMap::new();
    for line in &run.log {
        let event: Value = serde_json::from_str(line).unwrap();
        *types
            .entry(event["type"].as_str().unwrap().to_owned())
            .or_default() += 1;
    }
    for (kind, least) in [
        ("request.sent", 30),
        ("response.stopped", 30),
        ("permission.asked", 8),
        ("permission.decided", 8),
        ("tool.intent", 25),
        ("tool.outcome", 29),
        ("edit.proposed", 15),
        ("edit.accepting", 15),
        ("edit.applied", 15),
        ("todo.set", 2),
        ("turn.ended", 1),
    ] {
        let found = types.get(kind).copied().unwrap_or_default();
        assert!(found >= least, "{kind}: {found} of {types:#?}");
    }
    assert_eq!(run.world.ledger().len(), 8, "each command has run");
}

/// One in so many boundaries; the tests run beside each other.
const PARTS: usize = 4;

fn part(part: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let run = undisturbed().await;
        is_whole(&run);
        for at in (1..=run.events.len()).filter(|at| at % PARTS == part) {
            let cut = |done| Cut {
                run: &run,
                at,
                done,
            };
            cut(false).goes_on().await;
            if cut(false).is_open() {
                cut(true).goes_on().await;
            }
        }
    });
}

#[test]
fn cut_at_every_event_1() {
    part(0);
}

#[test]
fn cut_at_every_event_2() {
    part(1);
}

#[test]
fn cut_at_every_event_3() {
    part(2);
}

#[test]
fn cut_at_every_event_4() {
    part(3);
}
