//! Managed policy: Cedar policies of the organisation, in a folder that only administrators can write.
//!
//! They see every call and may forbid it (action `run`) or forbid that it goes unasked (action `auto`); they never
//! loosen anything. A `permit` for everything is built in, so that files need only say what is forbidden. A policy
//! that fails at run time would be skipped by the engine: here any such error denies. A bundle that can't be used
//! leaves the last good one in force, else only reading tools run.

use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use cedar_policy::{
    Authorizer, Context as Attributes, Decision, Entities, EntityUid, PolicySet, Request,
    RestrictedExpression as Value, Schema, ValidationMode, Validator,
};
use interline_log::{Access, Mode};
use sha2::{Digest as _, Sha256};

use crate::decide::{Context, Finding, Outcome};
use crate::facts::{Call, Effect};
use crate::reason::visible;

/// Bigger bundles are a mistake.
const MAX_BYTES: u64 = 4 << 20;

/// What policies may speak about. `argv` is every command of the call, its words joined by one space.
const SCHEMA: &str = r#"
entity Session;
entity Tool;
action "run", "auto" appliesTo {
    principal: Session,
    resource: Tool,
    context: {
        access: String,
        mode: String,
        commands: Set<String>,
        programs: Set<String>,
        hosts: Set<String>,
        paths: Set<String>,
        writes: Set<String>,
        effects: Set<String>,
        reasons: Set<String>,
        place: String,
        trusted: Bool,
        tainted: Bool,
        private: Bool,
        headless: Bool,
    }
};
"#;

const PERMIT_ALL: &str = "permit (principal, action, resource);\n";

/// The organisation's policy, loaded at the first call that needs it; or why there is none.
#[derive(Clone, Debug)]
pub struct Managed {
    folder: PathBuf,
    bundle: Arc<OnceLock<(Stamp, Result<Bundle, String>)>>,
    last_good: Option<Arc<Bundle>>,
}

/// Which files there are, how big, and when they were last changed. `None`: no folder.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp(Option<Vec<(PathBuf, u64, Option<SystemTime>)>>);

impl Stamp {
    fn of(folder: &Path) -> Self {
        let entries = folder.read_dir().ok().map(|entries| {
            let mut files: Vec<_> = entries
                .flatten()
                .map(|entry| {
                    let facts = entry.path().metadata().ok();
                    let size = facts.as_ref().map_or(0, std::fs::Metadata::len);
                    let changed = facts.and_then(|facts| facts.modified().ok());
                    (entry.path(), size, changed)
                })
                .collect();
            files.sort();
            files
        });
        Self(entries)
    }
}

/// One good set of policies.
#[derive(Clone, Debug)]
struct Bundle {
    policies: PolicySet,
    schema: Schema,
    count: usize,
    digest: String,
}

impl Managed {
    /// The policies of a folder (`*.cedar`); `None` where there is no such folder. Reads nothing yet.
    #[must_use]
    pub fn at(folder: &Path) -> Option<Self> {
        folder.symlink_metadata().is_ok().then(|| Self {
            folder: folder.to_owned(),
            bundle: Arc::default(),
            last_good: None,
        })
    }

    /// Looks at the folder again at the next call. What was good stays in force where the new files can't be used.
    #[must_use]
    pub fn reloaded(&self) -> Self {
        let last_good = match self.bundle.get() {
            Some((_, Ok(bundle))) => Some(Arc::new(bundle.clone())),
            _ => self.last_good.clone(),
        };
        Self {
            folder: self.folder.clone(),
            bundle: Arc::default(),
            last_good,
        }
    }

    /// How many policies there are.
    ///
    /// # Errors
    /// What is wrong with the files, in words for the user, and what holds until it is put right.
    pub fn check(&self) -> Result<usize, String> {
        match self.loaded() {
            Ok(bundle) => Ok(bundle.count),
            Err(error) => Err(match &self.last_good {
                Some(_) => format!("{error}; the last good policy stays in force"),
                None => format!("{error}; until it is corrected only reading tools run"),
            }),
        }
    }

    pub(crate) fn digest(&self) -> &str {
        match (self.loaded(), &self.last_good) {
            (Ok(bundle), _) => &bundle.digest,
            (Err(_), Some(bundle)) => &bundle.digest,
            (Err(_), None) => "unusable",
        }
    }

    /// Are the files others than those that were read? A look at the folder, not at what is in them.
    #[must_use]
    pub fn changed(&self) -> bool {
        let read = self.bundle.get();
        read.is_some_and(|(stamp, _)| *stamp != Stamp::of(&self.folder))
    }

    fn loaded(&self) -> Result<&Bundle, &String> {
        // The stamp first: what changes while it is read is read again.
        let load = || (Stamp::of(&self.folder), load(&self.folder));
        self.bundle.get_or_init(load).1.as_ref()
    }

    /// What the policies say of a call; `None`: nothing against it.
    pub(crate) fn judge(&self, call: &Call, context: &Context, place: &str) -> Option<Finding> {
        let deny = |code: &str| Some(Finding::new(Outcome::Deny, "managed policy", &[code]));
        let bundle = match (self.loaded(), &self.last_good) {
            (Ok(bundle), _) => bundle,
            (Err(_), Some(bundle)) => bundle,
            (Err(error), None) => {
                let reads = matches!(call.access, Access::Read | Access::Interact);
                return (!reads).then(|| Finding {
                    words: Some(format!(
                        "the managed policy can't be used, so only reading tools run: {error}"
                    )),
                    ..Finding::new(Outcome::Deny, "managed policy", &["policy-unusable"])
                });
            }
        };
        for (action, outcome) in [("run", Outcome::Deny), ("auto", Outcome::Ask)] {
            match bundle.allows(action, call, context, place) {
                Ok(true) => {}
                Ok(false) => return Some(Finding::new(outcome, "managed policy", &["managed"])),
                Err(_) => return deny("policy-error"),
            }
        }
        None
    }
}

impl Bundle {
    /// Does the set of policies let the action pass? An error is any doubt at all.
    fn allows(
        &self,
        action: &str,
        call: &Call,
        context: &Context,
        place: &str,
    ) -> Result<bool, String> {
        let uid = |kind: &str, id: &str| {
            let id = id.replace('\\', "\\\\").replace('"', "\\\"");
            EntityUid::from_str(&format!("{kind}::\"{id}\"")).map_err(|error| error.to_string())
        };
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let attributes = Attributes::from_pairs(attributes(call, context, place))
            .map_err(|error| text(&error))?;
        let request = Request::new(
            uid("Session", "session")?,
            uid("Action", action)?,
            uid("Tool", &visible(&call.tool))?,
            attributes,
            Some(&self.schema),
        )
        .map_err(|error| text(&error))?;
        let response =
            Authorizer::new().is_authorized(&request, &self.policies, &Entities::empty());
        if let Some(error) = response.diagnostics().errors().next() {
            return Err(text(error));
        }
        Ok(response.decision() == Decision::Allow)
    }
}

fn attributes(call: &Call, context: &Context, place: &str) -> Vec<(String, Value)> {
    let facts = &call.facts;
    let string = |text: &str| Value::new_string(text.to_owned());
    let set = |texts: Vec<String>| Value::new_set(texts.into_iter().map(Value::new_string));
    let commands = facts.argv.iter().chain(&facts.inside);
    let program = |argv: &Vec<String>| {
        argv.first()
            .map(|name| crate::shell::base_name(name).to_owned())
    };
    let paths = |write: bool| {
        let touched = facts.paths.iter().filter(|path| !write || path.write);
        touched
            .map(|path| path.resolved.to_string_lossy().into_owned())
            .collect()
    };
    let reasons = facts
        .doubts
        .iter()
        .chain(&facts.dangers)
        .chain(&facts.needs);
    [
        ("access", string(access(call.access))),
        ("mode", string(mode(context.mode))),
        (
            "commands",
            set(commands.clone().map(|argv| argv.join(" ")).collect()),
        ),
        ("programs", set(commands.filter_map(program).collect())),
        ("hosts", set(facts.hosts.clone())),
        ("paths", set(paths(false))),
        ("writes", set(paths(true))),
        (
            "effects",
            set(facts
                .effects
                .iter()
                .map(|effect| name(*effect).to_owned())
                .collect()),
        ),
        ("reasons", set(reasons.cloned().collect())),
        ("place", string(place)),
        ("trusted", Value::new_bool(context.trusted)),
        ("tainted", Value::new_bool(context.tainted)),
        ("private", Value::new_bool(context.private)),
        ("headless", Value::new_bool(context.headless)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

fn access(access: Access) -> &'static str {
    match access {
        Access::Read => "read",
        Access::Propose => "propose",
        Access::Execute => "execute",
        Access::Interact => "interact",
    }
}

fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Plan => "plan",
        Mode::Default => "default",
        Mode::AcceptEdits => "accept-edits",
        Mode::Auto => "auto",
    }
}

fn name(effect: Effect) -> &'static str {
    match effect {
        Effect::Read => "read",
        Effect::Write => "write",
        Effect::Network => "network",
        Effect::Execute => "execute",
        Effect::Secret => "secret",
        Effect::Destroy => "destroy",
        Effect::Outside => "outside",
    }
}

/// Reads and validates every file of the folder. All or nothing.
fn load(folder: &Path) -> Result<Bundle, String> {
    let (schema, _) = Schema::from_cedarschema_str(SCHEMA).map_err(|error| error.to_string())?;
    let io = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in folder.read_dir().map_err(|error| io(folder, error))? {
        let path = entry.map_err(|error| io(folder, error))?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "cedar")
        {
            files.push(path);
        }
    }
    files.sort();
    let mut hash = Sha256::new();
    let mut source = PERMIT_ALL.to_owned();
    for file in &files {
        let size = file.metadata().map_err(|error| io(file, error))?.len();
        if size.saturating_add(source.len() as u64) > MAX_BYTES {
            return Err(format!("{}: the policies are too big", file.display()));
        }
        let text = std::fs::read_to_string(file).map_err(|error| io(file, error))?;
        // Alone first, so that the error names its file.
        checked(&text, &schema).map_err(|error| format!("{}: {error}", file.display()))?;
        hash.update(text.len().to_le_bytes());
        hash.update(&text);
        source.push_str(&text);
        source.push('\n');
    }
    let policies = checked(&source, &schema)?;
    Ok(Bundle {
        count: policies.policies().count().saturating_sub(1),
        policies,
        schema,
        digest: format!("{:x}", hash.finalize()),
    })
}

fn checked(source: &str, schema: &Schema) -> Result<PolicySet, String> {
    let policies = PolicySet::from_str(source).map_err(|error| visible(&error.to_string()))?;
    if policies.templates().next().is_some() {
        return Err("templates are not linked by anybody: write policies".to_owned());
    }
    let result = Validator::new(schema.clone()).validate(&policies, ValidationMode::Strict);
    match result.validation_errors().next() {
        Some(error) => Err(visible(&error.to_string())),
        None => Ok(policies),
    }
}
