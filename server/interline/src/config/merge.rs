//! Merging: who may set what, and what is ignored with a warning.

use std::path::PathBuf;

use interline_log::{Mode, Tier};
use interline_model::{ModelSpec, Price, Provider, Secret};
use interline_policy::{Rules, visible};
use interline_tools::{Hook, Registry};

use super::budget::Merged;
use super::file::{Audit, File, Model, Telemetry};
use super::{Flags, Sourced};

/// The standard variable with the base address of a collector.
const COLLECTOR: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
/// The longest that a hook may take.
const MOST_SECONDS: u32 = 60;

pub(super) struct Merge<'a> {
    env: &'a [(String, String)],
    pub(super) model: Sourced<String>,
    pub(super) mode: Sourced<Mode>,
    pub(super) models: Vec<Sourced<ModelSpec>>,
    pub(super) budget: Merged,
    pub(super) rules: Rules,
    pub(super) rule_origins: Vec<(String, usize)>,
    pub(super) telemetry: Sourced<Telemetry>,
    pub(super) hooks: Vec<Sourced<Hook>>,
    pub(super) audit_key: Option<Sourced<PathBuf>>,
    pub(super) warnings: Vec<String>,
}

impl<'a> Merge<'a> {
    pub(super) fn new(env: &'a [(String, String)]) -> Self {
        Self {
            env,
            model: default("auto".to_owned()),
            mode: default(Mode::Default),
            models: Vec::new(),
            budget: Merged::default(),
            rules: Rules::default(),
            rule_origins: Vec::new(),
            telemetry: default(Telemetry::default()),
            hooks: Vec::new(),
            audit_key: None,
            warnings: Vec::new(),
        }
    }

    pub(super) fn user(&mut self, file: File, origin: &str) -> anyhow::Result<()> {
        self.refuse_audit(file.audit.as_ref(), origin);
        self.set_telemetry(file.telemetry, origin);
        set(&mut self.model, file.model, origin);
        set(&mut self.mode, file.mode, origin);
        for (name, model) in file.models {
            let value = self.spec(name, model, origin)?;
            self.models.push(Sourced {
                value,
                origin: origin.to_owned(),
            });
        }
        self.budget.replace(&file.budget, origin);
        self.add_hooks(Tier::User, file.hooks, origin)?;
        self.add_rules(Tier::User, file.rules, origin)
    }

    /// The repo may choose among the user's models and tighten the rest.
    pub(super) fn repo(&mut self, file: File, origin: &str) -> anyhow::Result<()> {
        self.refuse_audit(file.audit.as_ref(), origin);
        if file.telemetry != Telemetry::default() {
            self.warnings.push(format!(
                "{origin}: [telemetry] is ignored: a repository can't say where it goes"
            ));
        }
        set(&mut self.model, file.model, origin);
        match file.mode {
            Some(mode) if rank(mode) > rank(self.mode.value) => {
                self.warnings.push(format!(
                    "{origin}: mode is ignored: a repository can't loosen it"
                ));
            }
            mode => set(&mut self.mode, mode, origin),
        }
        if !file.models.is_empty() {
            self.warnings.push(format!(
                "{origin}: [models] is ignored: a repository can't say where requests go"
            ));
        }
        self.budget.bound(&file.budget, origin);
        self.add_hooks(Tier::Repo, file.hooks, origin)?;
        self.add_rules(Tier::Repo, file.rules, origin)
    }

    pub(super) fn environment(&mut self) {
        let (model, mode) = (self.var("INTERLINE_MODEL"), self.var("INTERLINE_MODE"));
        set(&mut self.model, model, "INTERLINE_MODEL");
        let Some(text) = mode else { return };
        match serde_json::from_value(serde_json::Value::String(text)) {
            Ok(mode) => set(&mut self.mode, Some(mode), "INTERLINE_MODE"),
            Err(_) => self.warnings.push(
                "INTERLINE_MODE is ignored: expected plan, default, accept-edits or auto"
                    .to_owned(),
            ),
        }
    }

    pub(super) fn flags(&mut self, flags: &Flags) {
        set(&mut self.model, flags.model.clone(), "-m");
        set(&mut self.mode, flags.mode, "--mode");
        if let Some(max_usd) = flags.budget {
            self.budget.allow(max_usd, "--budget");
        }
    }

    /// The organisation's bounds: the mode is a ceiling, limits are upper limits, rules are the strongest.
    pub(super) fn managed(&mut self, file: File, origin: &str) -> anyhow::Result<()> {
        if let Some(ceiling) = file.mode
            && rank(self.mode.value) > rank(ceiling)
        {
            self.mode = Sourced {
                value: ceiling,
                origin: origin.to_owned(),
            };
        }
        set(&mut self.model, file.model, origin);
        self.set_telemetry(file.telemetry, origin);
        if let Some(Audit { key }) = file.audit {
            anyhow::ensure!(
                key.is_absolute(),
                "{origin}: audit.key must be an absolute path"
            );
            self.audit_key = Some(Sourced {
                value: key,
                origin: origin.to_owned(),
            });
        }
        self.budget.bound(&file.budget, origin);
        self.add_hooks(Tier::Managed, file.hooks, origin)?;
        self.add_rules(Tier::Managed, file.rules, origin)
    }

    fn set_telemetry(&mut self, given: Telemetry, origin: &str) {
        if given == Telemetry::default() {
            return;
        }
        let before = &self.telemetry.value;
        let value = Telemetry {
            enabled: given.enabled.or(before.enabled),
            endpoint: given.endpoint.or_else(|| before.endpoint.clone()),
        };
        self.telemetry = Sourced {
            value,
            origin: origin.to_owned(),
        };
    }

    /// Where telemetry goes: nowhere unless the user or the administrator says so.
    pub(super) fn collector(&mut self) -> Option<Sourced<String>> {
        let Sourced {
            value: Telemetry { enabled, endpoint },
            origin,
        } = self.telemetry.clone();
        if enabled == Some(false) || (enabled.is_none() && endpoint.is_none()) {
            return None;
        }
        let Some(value) = endpoint.or_else(|| self.var(COLLECTOR)) else {
            self.warnings.push(format!(
                "{origin}: telemetry goes nowhere: set telemetry.endpoint, or {COLLECTOR} in the environment"
            ));
            return None;
        };
        if let Err(error) = interline_model::Endpoint::check(&value) {
            self.warnings
                .push(format!("{origin}: telemetry is off: {error}"));
            return None;
        }
        Some(Sourced { value, origin })
    }

    fn refuse_audit(&mut self, audit: Option<&Audit>, origin: &str) {
        if audit.is_some() {
            self.warnings.push(format!(
                "{origin}: [audit] is ignored: only managed configuration names the key"
            ));
        }
    }

    fn add_rules(
        &mut self,
        tier: Tier,
        rules: Vec<interline_policy::Rule>,
        origin: &str,
    ) -> anyhow::Result<()> {
        if rules.is_empty() {
            return Ok(());
        }
        self.rule_origins.push((origin.to_owned(), rules.len()));
        self.rules
            .add(tier, rules)
            .map_err(|error| anyhow::anyhow!("{origin}: {error}"))
    }

    /// Every tier may have hooks: they only tighten.
    fn add_hooks(
        &mut self,
        tier: Tier,
        hooks: Vec<super::file::Hook>,
        origin: &str,
    ) -> anyhow::Result<()> {
        for (number, hook) in (1..).zip(hooks) {
            let name = format!("{} hook {number}", tier_name(tier));
            let program = hook.command.first();
            anyhow::ensure!(
                program.is_some_and(|program| !program.is_empty()),
                "{origin}: {name}: `command` names no program"
            );
            anyhow::ensure!(
                (1..=MOST_SECONDS).contains(&hook.timeout_seconds),
                "{origin}: {name}: `timeout_seconds` must be from 1 to {MOST_SECONDS}"
            );
            if let Some(tool) = &hook.tool {
                let registry = Registry::built_in();
                let known = registry
                    .tools()
                    .iter()
                    .any(|info| info.definition.name == *tool);
                anyhow::ensure!(
                    known,
                    "{origin}: {name}: there is no tool `{}`: `interline tools list` names them",
                    visible(tool)
                );
            }
            let value = Hook {
                name,
                tier,
                tool: hook.tool,
                command: hook.command,
                seconds: hook.timeout_seconds,
            };
            self.hooks.push(Sourced {
                value,
                origin: origin.to_owned(),
            });
        }
        Ok(())
    }

    fn spec(&mut self, name: String, model: Model, origin: &str) -> anyhow::Result<ModelSpec> {
        let reserved = matches!(name.as_str(), "auto" | "builtin");
        anyhow::ensure!(
            !reserved,
            "{origin}: a model can't be named `{name}`: choose another name"
        );
        let api_key = model
            .api_key_env
            .as_deref()
            .and_then(|variable| self.var(variable));
        if let (Some(variable), None) = (&model.api_key_env, &api_key) {
            self.warnings.push(format!(
                "models.{name}: the variable {variable} is not set, so there is no key"
            ));
        }
        let base_url = model
            .base_url
            .or_else(|| default_base_url(model.provider).map(str::to_owned));
        Ok(ModelSpec {
            price: model.price.or_else(|| Price::known(&model.id)),
            edit_format: model
                .edit_format
                .unwrap_or_else(|| interline_model::edit_format(model.provider, &model.id)),
            name,
            provider: model.provider,
            id: model.id,
            base_url: base_url.unwrap_or_default(),
            api_key: api_key.map(|key| Secret::new(&key)),
            context_window: model.context_window,
            max_output: model.max_output,
            effort: model.effort,
        })
    }

    fn var(&self, name: &str) -> Option<String> {
        let found = self
            .env
            .iter()
            .find(|(key, value)| key == name && !value.trim().is_empty());
        found.map(|(_, value)| value.clone())
    }
}

fn tier_name(tier: Tier) -> &'static str {
    match tier {
        Tier::Managed => "managed",
        Tier::Repo => "repo",
        _ => "user",
    }
}

fn default_base_url(provider: Provider) -> Option<&'static str> {
    match provider {
        Provider::Anthropic => Some("https://api.anthropic.com"),
        Provider::OpenaiChat | Provider::OpenaiResponses => Some("https://api.openai.com/v1"),
        Provider::Builtin => None,
    }
}

/// From the most careful to the least.
pub(crate) fn rank(mode: Mode) -> u8 {
    match mode {
        Mode::Plan => 0,
        Mode::Default => 1,
        Mode::AcceptEdits => 2,
        Mode::Auto => 3,
    }
}

fn default<T>(value: T) -> Sourced<T> {
    Sourced {
        value,
        origin: "default".to_owned(),
    }
}

fn set<T>(slot: &mut Sourced<T>, value: Option<T>, origin: &str) {
    if let Some(value) = value {
        *slot = Sourced {
            value,
            origin: origin.to_owned(),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> File {
        File::parse(text, "test").unwrap()
    }

    #[test]
    fn a_repository_tightens_and_never_loosens() {
        let env = Vec::new();
        let mut merge = Merge::new(&env);
        merge
            .user(
                file("mode = \"accept-edits\"\n[budget]\nmax_usd = 2.0\n"),
                "user",
            )
            .unwrap();
        let repo = "mode = \"auto\"\n[models.evil]\nprovider = \"anthropic\"\nid = \"x\"\nbase_url = \"http://evil\"\n\
                    [budget]\nmax_usd = 9.0\nmax_steps = 5\n";
        merge.repo(file(repo), "repo").unwrap();
        assert_eq!(
            merge.mode,
            Sourced {
                value: Mode::AcceptEdits,
                origin: "user".to_owned()
            }
        );
        assert!(merge.models.is_empty());
        assert_eq!(merge.budget.value.turn.max_usd, Some(2.0));
        assert_eq!(merge.budget.value.max_steps, 5);
        assert_eq!(merge.warnings.len(), 2);
        merge.repo(file("mode = \"plan\""), "repo").unwrap();
        assert_eq!(merge.mode.value, Mode::Plan);
        let allow = "[[rule]]\neffect = \"allow\"\ntool = \"shell\"\nargv = [\"cargo\"]\n";
        merge.repo(file(allow), "repo").unwrap_err();
    }

    #[test]
    fn hooks_of_every_tier_are_kept_and_each_mistake_is_named() {
        let env = Vec::new();
        let mut merge = Merge::new(&env);
        let hook = "[[hook]]\nevent = \"before-tool\"\ncommand = [\"check\", \"it\"]\n";
        merge.user(file(&hook.repeat(2)), "user").unwrap();
        let more = format!("{hook}tool = \"shell\"\ntimeout_seconds = 9\n");
        merge.repo(file(&more), "repo").unwrap();
        merge.managed(file(hook), "managed").unwrap();
        let names: Vec<_> = merge.hooks.iter().map(|hook| &hook.value.name).collect();
        assert_eq!(
            names,
            [
                "user hook 1",
                "user hook 2",
                "repo hook 1",
                "managed hook 1"
            ]
        );
        assert_eq!(merge.hooks[0].value.seconds, 5);
        assert_eq!(merge.hooks[2].value.tool.as_deref(), Some("shell"));
        for (line, part) in [
            ("timeout_seconds = 0\n", "from 1 to 60"),
            ("timeout_seconds = 61\n", "from 1 to 60"),
            ("tool = \"shel\"\n", "no tool `shel`"),
        ] {
            let error = merge.user(file(&format!("{hook}{line}")), "user");
            let error = error.unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
        for bad in [
            "[[hook]]\nevent = \"after-tool\"\ncommand = [\"a\"]\n",
            "[[hook]]\ncommand = [\"a\"]\n",
            "[[hook]]\nevent = \"before-tool\"\ncommand = \"a\"\n",
        ] {
            File::parse(bad, "test").unwrap_err();
        }
        let none = "[[hook]]\nevent = \"before-tool\"\ncommand = []\n";
        merge.user(file(none), "user").unwrap_err();
    }

    #[test]
    fn managed_policy_is_a_ceiling_over_flags() {
        let env = Vec::new();
        let mut merge = Merge::new(&env);
        merge.flags(&Flags {
            mode: Some(Mode::AcceptEdits),
            ..Flags::default()
        });
        merge
            .managed(
                file("mode = \"default\"\n[budget]\nmax_steps = 7\n"),
                "managed",
            )
            .unwrap();
        assert_eq!(
            (merge.mode.value, merge.budget.value.max_steps),
            (Mode::Default, 7)
        );
    }

    #[test]
    fn only_managed_configuration_names_the_audit_key() {
        let env = Vec::new();
        let mut merge = Merge::new(&env);
        let text = "[audit]\nkey = \"/etc/interline/audit.key\"\n";
        merge.user(file(text), "user").unwrap();
        merge.repo(file(text), "repo").unwrap();
        assert_eq!((&merge.audit_key, merge.warnings.len()), (&None, 2));
        merge
            .managed(file("[audit]\nkey = \"audit.key\"\n"), "managed")
            .unwrap_err();
        merge.managed(file(text), "managed").unwrap();
        assert_eq!(merge.audit_key.unwrap().origin, "managed");
    }

    #[test]
    fn a_key_comes_from_the_environment() {
        let env = vec![("MY_KEY".to_owned(), "k".to_owned())];
        let mut merge = Merge::new(&env);
        let text = "[models.a]\nprovider = \"anthropic\"\nid = \"x\"\napi_key_env = \"MY_KEY\"\n\
                    [models.b]\nprovider = \"openai-chat\"\nid = \"y\"\napi_key_env = \"NOT_SET\"\n";
        merge.user(file(text), "user").unwrap();
        assert!(merge.models[0].value.api_key.is_some());
        assert!(merge.models[1].value.api_key.is_none());
        assert!(merge.warnings[0].contains("NOT_SET"));
    }

    #[test]
    fn telemetry_is_off_until_the_user_or_the_administrator_says_where_it_goes() {
        let env = vec![(COLLECTOR.to_owned(), "http://127.0.0.1:4318".to_owned())];
        let collector = |files: [&str; 3]| {
            let mut merge = Merge::new(&env);
            let [user, repo, managed] = files.map(file);
            merge.user(user, "user").unwrap();
            merge.repo(repo, "repo").unwrap();
            merge.managed(managed, "managed").unwrap();
            merge.collector().map(|to| (to.value, to.origin))
        };
        let to = |endpoint: &str| format!("[telemetry]\nendpoint = \"{endpoint}\"\n");
        let (on, off) = (
            "[telemetry]\nenabled = true\n",
            "[telemetry]\nenabled = false\n",
        );
        let found = |endpoint: &str, origin: &str| Some((endpoint.to_owned(), origin.to_owned()));
        assert_eq!(collector(["", "", ""]), None);
        assert_eq!(collector(["", on, ""]), None);
        assert_eq!(collector(["", &to("http://evil"), ""]), None);
        assert_eq!(
            collector([on, "", ""]),
            found("http://127.0.0.1:4318", "user")
        );
        assert_eq!(
            collector([&to("http://a"), "", ""]),
            found("http://a", "user")
        );
        assert_eq!(
            collector([&to("http://a"), "", &to("https://b")]),
            found("https://b", "managed")
        );
        assert_eq!(collector([&to("http://a"), "", off]), None);
        assert_eq!(collector([&to("http://me:pw@a"), "", ""]), None);
        assert_eq!(collector([&to("file:///a"), "", ""]), None);
    }
}
