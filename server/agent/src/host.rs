//! The process-wide part: configuration, models, rules, the session store. Serves many connections.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use interline_log::{
    Crashes, Event, EventData, KeyFile, Ledger, LogError, Mode, Running, Spending, Spent, Store,
    Tier,
};
use interline_model::{ModelClient, ModelSpec, Secret, find_auto};
use interline_policy::{AlwaysStore, Rule, Rules};
use interline_tools::{Confinement, Hook, Registry};
use tokio::sync::OnceCell;

use crate::budget::{self, Before, Budget, Taken};
use crate::telemetry::Telemetry;
use crate::trust::TrustStore;
use crate::upkeep::Upkeep;

/// The cache of what was spent, in the state folder.
const LEDGER: &str = "spent-2.jsonl";

/// What the configuration says, resolved.
#[derive(Clone)]
pub struct Settings {
    /// Version of the binary.
    pub version: String,
    /// The model to use: a name of `models`, or `auto`.
    pub model: String,
    /// The mode that sessions start in.
    pub mode: Mode,
    /// Configured models, in order.
    pub models: Vec<ModelSpec>,
    /// The limits, as the configuration has them when it is called: at the start of each turn, where blocking is allowed.
    pub budget: Arc<dyn Fn() -> Budget + Send + Sync>,
    /// Rules of every tier.
    pub rules: Rules,
    /// Programs that are asked before calls.
    pub hooks: Vec<Hook>,
    /// Sessions, trust and always-allow rules live below it.
    pub state: PathBuf,
    /// The `interline` binary, which sets up sandboxes; `None`: nothing runs in one.
    pub launcher: Option<PathBuf>,
    /// The environment as read at start: keys for `auto`, and what children may get.
    pub env: Arc<Vec<(String, String)>>,
    /// Where telemetry goes (OTLP/HTTP); `None`: nowhere.
    pub telemetry: Option<String>,
    /// Trusts the folder for this process, whatever is on record.
    pub trust: bool,
    /// Signs the sessions' checkpoints; `None`: a key of the user's own below `state`.
    pub audit_key: Option<PathBuf>,
}

impl Settings {
    /// From here on each panic of this process leaves a crash file below the state folder.
    pub fn watch_panics(&self) {
        interline_log::watch_panics(&self.version, Crashes::new(&self.state), &store(self));
    }

    /// Is there a model with this name?
    ///
    /// # Errors
    /// Names the models that there are.
    pub fn check_model(&self, name: &str) -> Result<(), String> {
        if self.model_names().iter().any(|known| known == name) {
            return Ok(());
        }
        Err(self.no_such_model(name))
    }

    fn audit_key(&self) -> KeyFile {
        match &self.audit_key {
            Some(path) => KeyFile::given(path.clone()),
            None => KeyFile::own(&self.state),
        }
    }

    fn no_such_model(&self, name: &str) -> String {
        let names = self.model_names().join(", ");
        format!("there is no model `{name}`: the names are {names}")
    }

    /// The names that a session's model can be set to.
    pub(crate) fn model_names(&self) -> Vec<String> {
        let configured = self.models.iter().map(|model| model.name.clone());
        std::iter::once("auto".to_owned())
            .chain(configured)
            .chain(["builtin".to_owned()])
            .collect()
    }
}

/// Process-wide state.
pub struct Host {
    pub(crate) settings: Settings,
    pub(crate) store: Store,
    pub(crate) crashes: Crashes,
    pub(crate) running: Running,
    pub(crate) telemetry: Option<Arc<Telemetry>>,
    pub(crate) ledger: Ledger,
    pub(crate) upkeep: Upkeep,
    /// Made when it is first used: schemas are a good part of what a start would cost.
    pub(crate) registry: LazyLock<Registry>,
    pub(crate) trust: TrustStore,
    /// Changes land one at a time: two edits of one buffer against one version would refuse each other.
    pub(crate) landing: tokio::sync::Mutex<()>,
    rules: Mutex<Arc<Rules>>,
    auto: OnceCell<ModelSpec>,
    confinement: OnceCell<Result<Confinement, String>>,
    /// By name: a client holds its connections, and for https the TLS roots.
    clients: Mutex<HashMap<String, Arc<dyn ModelClient>>>,
    /// Names of models that the user was told have no price.
    unpriced: Mutex<HashSet<String>>,
}

impl Host {
    /// Touches neither disk nor network.
    #[must_use]
    pub fn new(settings: Settings) -> Arc<Self> {
        let store = store(&settings).signing(settings.audit_key());
        let ledger = Ledger::new(&store, settings.state.join(LEDGER));
        let crashes = Crashes::new(&settings.state);
        let running = Running::new(&settings.state);
        let telemetry = settings.telemetry.as_ref();
        let telemetry = telemetry.map(|to| Arc::new(Telemetry::new(to, &settings.version)));
        let trust = TrustStore::new(&settings.state);
        let rules = Mutex::new(Arc::new(settings.rules.clone()));
        Arc::new(Self {
            settings,
            store,
            crashes,
            running,
            telemetry,
            ledger,
            upkeep: Upkeep::default(),
            registry: LazyLock::new(Registry::built_in),
            trust,
            landing: tokio::sync::Mutex::default(),
            rules,
            auto: OnceCell::new(),
            confinement: OnceCell::new(),
            clients: Mutex::default(),
            unpriced: Mutex::default(),
        })
    }

    /// What signs the sessions' checkpoints.
    #[must_use]
    pub fn audit_key(&self) -> KeyFile {
        self.settings.audit_key()
    }

    /// Programs that are asked before calls.
    #[must_use]
    pub fn hooks(&self) -> &[Hook] {
        &self.settings.hooks
    }

    /// What is on record.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn rules(&self) -> Arc<Rules> {
        self.rules
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Reads the organisation's policy again where its files have changed. What is wrong with them is told, once; the
    /// last good policy stays in force then, or only reading tools run.
    pub(crate) fn refresh_policy(&self) -> Option<String> {
        let known = self.rules();
        let managed = known.managed().filter(|managed| managed.changed())?;
        let again = managed.reloaded();
        let problem = again.check().err();
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        let mut more = Rules::clone(&rules);
        more.manage(again);
        *rules = Arc::new(more);
        problem
    }

    /// Keeps an always-allow rule of the user's, here and for later processes.
    pub(crate) fn keep_rule(&self, root: &Path, rule: &Rule) -> Result<(), String> {
        self.always()
            .add(root, rule)
            .map_err(|error| error.to_string())?;
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        let mut more = Rules::clone(&rules);
        more.add(Tier::User, vec![rule.clone()])
            .map_err(|error| error.to_string())?;
        *rules = Arc::new(more);
        Ok(())
    }

    pub(crate) fn always(&self) -> AlwaysStore {
        AlwaysStore::new(&self.settings.state)
    }

    pub(crate) fn trusted(&self, root: &Path) -> bool {
        self.settings.trust || self.trust.trusted(root)
    }

    /// The sandbox. It is tried when it is first needed; the error says why there is none, and what to do.
    pub async fn confinement(&self) -> &Result<Confinement, String> {
        let find = || async {
            let Some(launcher) = &self.settings.launcher else {
                return Err("this process has no launcher for sandboxes".to_owned());
            };
            Confinement::find(launcher, &self.settings.state)
                .await
                .map_err(|fault| fault.to_string())
        };
        self.confinement.get_or_init(find).await
    }

    /// Takes this sandbox in place of looking for one, unless one was looked for already: for tests that stand in for
    /// the network.
    pub fn confine(&self, confinement: Confinement) {
        let _ = self.confinement.set(Ok(confinement));
    }

    /// The sandbox, where it was tried and works.
    pub(crate) fn known_confinement(&self) -> Option<Confinement> {
        self.confinement.get()?.as_ref().ok().cloned()
    }

    /// The model with this name. `auto` looks for one, once.
    ///
    /// # Errors
    /// Names the models that there are.
    pub async fn model(&self, name: &str) -> Result<ModelSpec, String> {
        match name {
            "auto" => {
                let configured = self.settings.models.first().cloned();
                let found = self
                    .auto
                    .get_or_init(|| async { find_auto(configured, &self.keys()).await })
                    .await;
                Ok(found.clone())
            }
            "builtin" => Ok(ModelSpec::builtin()),
            _ => self
                .settings
                .models
                .iter()
                .find(|model| model.name == name)
                .cloned()
                .ok_or_else(|| self.settings.no_such_model(name)),
        }
    }

    /// The client of the model with this name, made once.
    pub(crate) async fn client(&self, name: &str) -> Result<Arc<dyn ModelClient>, String> {
        if let Some(client) = self.clients().get(name) {
            return Ok(client.clone());
        }
        let spec = self.model(name).await?;
        let mut clients = self.clients();
        if let Some(client) = clients.get(&spec.name) {
            return Ok(client.clone());
        }
        let name = spec.name.clone();
        let client = interline_model::client(spec).map_err(|error| error.to_string())?;
        clients.insert(name, client.clone());
        Ok(client)
    }

    /// Puts this client in the place of the one of that name.
    pub(crate) fn stand_in(&self, name: &str, client: Arc<dyn ModelClient>) {
        self.clients().insert(name.to_owned(), client);
    }

    fn clients(&self) -> MutexGuard<'_, HashMap<String, Arc<dyn ModelClient>>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The limits as they are now.
    /// What a session's last turn, the session, all sessions of today and those in its folder have spent, and may: as
    /// Markdown. What has no known price counts by a high one.
    ///
    /// # Errors
    /// If the logs of the other sessions can't be read.
    pub fn budget_figures(&self, events: &[Event]) -> Result<String, LogError> {
        let (mut own, mut turn, mut id, mut root) =
            (Spending::default(), Spent::default(), None, None);
        for event in events {
            own.apply(event.seq, event.ts, &event.data);
            id = Some(event.session);
            match &event.data {
                EventData::SessionCreated { roots, .. } => root = roots.first().cloned(),
                EventData::InputUser { .. } => turn = Spent::default(),
                EventData::ResponseStopped {
                    usage,
                    cost_micro_usd,
                    ..
                } => turn.add(*usage, *cost_micro_usd),
                _ => {}
            }
        }
        own.release();
        let today = budget::today();
        let others = self.ledger.others(id, today, &root.unwrap_or_default())?;
        let taken = Taken {
            spent: turn,
            ..Taken::default()
        };
        let before = Before::new(taken, &own.total(), &own.on(today), &others);
        Ok(budget::figures(&(self.settings.budget)(), &before))
    }

    pub(crate) async fn budget(&self) -> Budget {
        let budget = self.settings.budget.clone();
        match tokio::task::spawn_blocking(move || budget()).await {
            Ok(budget) => budget,
            Err(error) => {
                tracing::error!(%error, "the limits can't be read, the default ones count");
                Budget::default()
            }
        }
    }

    /// Was the user not told yet that this model has no price?
    pub(crate) fn is_news(&self, model: &str) -> bool {
        let mut unpriced = self.unpriced.lock().unwrap_or_else(PoisonError::into_inner);
        unpriced.insert(model.to_owned())
    }

    fn keys(&self) -> interline_model::Environment {
        let value = |name: &str| {
            let found = self
                .settings
                .env
                .iter()
                .find(|(key, value)| key == name && !value.trim().is_empty());
            found.map(|(_, value)| value.clone())
        };
        interline_model::Environment {
            anthropic_api_key: value("ANTHROPIC_API_KEY").map(|key| Secret::new(&key)),
            anthropic_base_url: value("ANTHROPIC_BASE_URL"),
            openai_api_key: value("OPENAI_API_KEY").map(|key| Secret::new(&key)),
            openai_base_url: value("OPENAI_BASE_URL"),
        }
    }
}

fn store(settings: &Settings) -> Store {
    Store::new(settings.state.join("sessions")).redacting(secrets(settings))
}

/// Values of the environment that must never reach a log: those whose name says that they are secret.
fn secrets(settings: &Settings) -> Vec<String> {
    const WORDS: [&str; 6] = ["KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL"];
    let secret = settings.env.iter().filter(|(name, value)| {
        let name = name.to_uppercase();
        value.len() >= 8 && WORDS.iter().any(|word| name.contains(word))
    });
    secret.map(|(_, value)| value.clone()).collect()
}
