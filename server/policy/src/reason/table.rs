//! The reason codes: what each says to the user and to the model, and whether it still holds inside of the sandbox.

/// What follows from a code where the call would run in the sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Holds {
    /// It can do no harm there: named in the transcript, nothing more.
    Noted,
    /// The user decides there too.
    Asks,
    /// Not even the user is asked.
    Denied,
}

/// One reason.
#[derive(Debug)]
pub(crate) struct Reason {
    pub(crate) code: &'static str,
    /// For the user: ends a sentence that begins with the call. Empty: nothing that the user need read.
    pub(crate) user: &'static str,
    /// For the model, where it differs: what to do instead.
    pub(crate) model: &'static str,
    pub(crate) holds: Holds,
}

pub(crate) fn find(code: &str) -> Option<&'static Reason> {
    REASONS.iter().find(|reason| reason.code == code)
}

/// What is not in the table is a doubt of somebody else's: it asks.
pub(crate) fn holds(code: &str) -> Holds {
    find(code).map_or(Holds::Asks, |reason| reason.holds)
}

const fn noted(code: &'static str, user: &'static str) -> Reason {
    Reason {
        code,
        user,
        model: "",
        holds: Holds::Noted,
    }
}

const fn asks(code: &'static str, user: &'static str, model: &'static str) -> Reason {
    Reason {
        code,
        user,
        model,
        holds: Holds::Asks,
    }
}

const fn denied(code: &'static str, user: &'static str, model: &'static str) -> Reason {
    Reason {
        code,
        user,
        model,
        holds: Holds::Denied,
    }
}

const REASONS: &[Reason] = &[
    // The text itself.
    noted("control-characters", "holds control characters"),
    noted(
        "invisible-characters",
        "holds characters that do not show, or that turn the text around",
    ),
    noted("odd-spaces", "holds spaces that are not plain ones"),
    noted(
        "look-alike",
        "names a program in letters that look like others",
    ),
    denied(
        "too-long",
        "the command is too long to be checked",
        "write it into a file with the edit tools and run that, or split it",
    ),
    noted(
        "too-many-commands",
        "holds more commands than can be checked",
    ),
    noted("too-deep", "is nested deeper than can be checked"),
    noted("parse-error", "can't be read as a shell would"),
    noted("parse-disagreement", "is read in two ways by two readers"),
    noted("empty", "is empty"),
    // What a shell would do with it before a program sees it.
    noted(
        "not-simple",
        "uses more of the shell than plain commands, so what it does can't be proven",
    ),
    noted("command-substitution", "runs a command for its words"),
    noted("process-substitution", "runs a command for a file name"),
    noted("parameter", "takes words from variables"),
    noted(
        "parameter-code",
        "has an expansion that can run or set things (`${x@P}`, `${!x}`, `${x:=y}`)",
    ),
    noted("arithmetic", "computes: subscripts in it can run commands"),
    noted("field-separator", "changes where words are split"),
    noted(
        "variable-program",
        "takes the name of its program from a variable",
    ),
    noted("ansi-c-quote", "spells characters by number"),
    noted("glob", "has a pattern that the shell fills in"),
    noted("brace", "has braces that the shell unfolds"),
    noted("pattern-program", "finds its program by a pattern"),
    noted("heredoc", "feeds a text from the command to a program"),
    noted(
        "heredoc-code",
        "feeds a text from the command to an interpreter",
    ),
    noted("continuation", "hides a line break inside of a word"),
    noted("many-lines", "is more than one line"),
    noted("redirect", "changes files by a redirect"),
    noted("redirect-odd", "has an unusual redirect"),
    noted("assignment", "sets variables for a program"),
    noted(
        "assignment-code",
        "sets a variable that makes programs load or run something",
    ),
    noted("state", "changes the shell's own state"),
    noted(
        "shadowing",
        "defines a function or an alias, so that names mean something else",
    ),
    noted("evaluation", "runs a text as commands"),
    noted("compound", "has loops, conditions or groups"),
    noted("background", "leaves something running beside it"),
    // Programs.
    noted("wrapper", "starts a program through another one"),
    noted(
        "interpreter",
        "starts an interpreter, which can do anything",
    ),
    noted("decode-and-run", "decodes or fetches a text and runs it"),
    noted("program-path", "starts a program by its path"),
    noted(
        "workspace-program",
        "starts a program from inside the workspace",
    ),
    noted(
        "program-escape",
        "has options that make a harmless program run others",
    ),
    noted(
        "unknown-option",
        "has options that are not known to be harmless",
    ),
    noted("toolchain-override", "picks another toolchain"),
    noted(
        "version-shim",
        "may install or set up a toolchain by merely being called",
    ),
    noted(
        "git-option",
        "gives git options that can make it run programs",
    ),
    noted(
        "git-code",
        "can make git run programs (configuration, transports, diff drivers)",
    ),
    noted(
        "git-persistence",
        "leaves something behind that git runs later",
    ),
    // Effects.
    noted("destructive", "can destroy what can't be had again"),
    noted("persistence", "leaves something that runs later"),
    noted(
        "protected",
        "changes a file that other programs run or obey",
    ),
    asks(
        "network",
        "uses the network",
        "work with what is there already",
    ),
    asks(
        "git-history",
        "changes git's history, branches or stash",
        "leave commits to the user unless you were asked for one",
    ),
    asks(
        "install",
        "installs or publishes packages",
        "use the dependencies that are there",
    ),
    asks(
        "service",
        "speaks to a service on this machine or elsewhere",
        "work without the service",
    ),
    asks(
        "outside-write",
        "changes files outside of the workspace",
        "keep to the workspace; /tmp is free to use",
    ),
    asks(
        "outside-read",
        "reads files outside of the workspace",
        "keep to the workspace",
    ),
    asks(
        "outside",
        "works outside the workspace",
        "keep to the workspace",
    ),
    asks(
        "secret",
        "touches a secret (a key, a token, a password)",
        "work without the secret",
    ),
    asks(
        "odd-address",
        "has an address that can be read in two ways",
        "write the address plainly",
    ),
    asks("too-many-hosts", "names more hosts than can be checked", ""),
    noted("too-many-paths", "names more paths than can be checked"),
    noted("path-unknown", "names a path that can't be resolved"),
    asks("untrusted-folder", "the folder is not trusted", ""),
    asks("tainted", "untrusted content is in the session", ""),
    asks(
        "trifecta",
        "the session holds both untrusted content and private data, and this could send it out",
        "nothing may leave this session without the user's word",
    ),
    asks(
        "changed",
        "what it would touch has changed since it was approved",
        "call it again",
    ),
    // What nobody is asked about.
    denied(
        "privilege",
        "takes on other rights than yours",
        "no command may take on other rights; tell the user what to run",
    ),
    denied(
        "metadata-address",
        "speaks to the address that hands out a cloud machine's keys",
        "",
    ),
    denied(
        "local-socket",
        "speaks to a socket that rules this machine (Docker, ssh-agent)",
        "",
    ),
    denied(
        "user-secret",
        "touches your keys or passwords",
        "no command may touch the user's keys",
    ),
    denied("device", "touches a device or the system's own files", ""),
    denied(
        "own-state",
        "touches Interline's own configuration or log",
        "",
    ),
    denied(
        "git-internals",
        "touches git's own files",
        "use git's commands",
    ),
    denied(
        "shell-start",
        "changes a file that your shell or your desktop runs by itself",
        "tell the user what to add there",
    ),
    denied(
        "editor-config",
        "changes the configuration of an editor or an agent",
        "propose it with the edit tool, so that the user reviews it",
    ),
    denied(
        "policy-unusable",
        "the managed policy can't be used",
        "only read until it is corrected",
    ),
    denied("policy-error", "the managed policy failed on it", ""),
    asks("managed", "your organisation's policy says so", ""),
    asks("hook", "a hook objects", ""),
    // Not effects of the call.
    noted("read-only", ""),
    noted("sandboxed", ""),
    noted("command", ""),
    noted("headless", ""),
    noted("plan-mode", ""),
    noted("mode", ""),
];

#[cfg(test)]
mod tests {
    use super::REASONS;

    #[test]
    fn each_code_stands_once_and_is_a_slug() {
        for (at, reason) in REASONS.iter().enumerate() {
            let slug = |c: char| c.is_ascii_lowercase() || c == '-';
            assert!(reason.code.chars().all(slug), "{}", reason.code);
            let again = REASONS.iter().skip(at + 1).any(|r| r.code == reason.code);
            assert!(!again, "{}", reason.code);
        }
    }
}
