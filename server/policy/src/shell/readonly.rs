//! The programs that are known to only read, each with the options that keep it so. Options are matched whole: no
//! abbreviations; what is not listed is a doubt. Reading a whole tree is left out: it would read secrets unseen
//! (the `grep` tool is there for it).

use crate::wordlist::Words;

/// Which operands of a program are paths.
enum Operands {
    /// All.
    Paths,
    /// All but the first, which is a pattern (unless an option gave one).
    PatternThenPaths,
    /// At most this many; the next one would be written.
    AtMost(usize),
    /// None: they are text or names.
    Text,
    /// `find`: paths, then an expression.
    Find,
}

/// A program that only reads.
pub(crate) struct Spec {
    name: &'static str,
    /// Short options without a value.
    flags: &'static str,
    /// Short options with a value.
    valued: &'static str,
    /// Long options; with `=` at the end they take a value.
    long: Words,
    operands: Operands,
}

const SPECS: &[Spec] = &[
    Spec {
        name: "ls",
        flags: "aAbBcCdfFgGhHiklmnNopqQrRsStuUvxXZ1",
        valued: "Iw",
        long: Words(
            "--all --almost-all --human-readable --recursive --reverse --size --sort= --time= --color \
            --color= --directory --inode --full-time --group-directories-first --classify --ignore=",
        ),
        operands: Operands::Paths,
    },
    Spec {
        name: "cat",
        flags: "AbeEnstTuv",
        valued: "",
        long: Words(
            "--number --number-nonblank --show-all --show-ends --show-tabs --show-nonprinting \
            --squeeze-blank",
        ),
        operands: Operands::Paths,
    },
    Spec {
        name: "head",
        flags: "qvz0123456789",
        valued: "nc",
        long: Words("--lines= --bytes= --quiet --silent --verbose"),
        operands: Operands::Paths,
    },
    Spec {
        name: "tail",
        flags: "qvz0123456789",
        valued: "nc",
        long: Words("--lines= --bytes= --quiet --silent --verbose"),
        operands: Operands::Paths,
    },
    Spec {
        name: "wc",
        flags: "clmLw",
        valued: "",
        long: Words("--bytes --chars --lines --words --max-line-length"),
        operands: Operands::Paths,
    },
    Spec {
        name: "pwd",
        flags: "LP",
        valued: "",
        long: Words(""),
        operands: Operands::AtMost(0),
    },
    Spec {
        name: "true",
        flags: "",
        valued: "",
        long: Words(""),
        operands: Operands::AtMost(0),
    },
    Spec {
        name: "false",
        flags: "",
        valued: "",
        long: Words(""),
        operands: Operands::AtMost(0),
    },
    Spec {
        name: "which",
        flags: "a",
        valued: "",
        long: Words("--all"),
        operands: Operands::Text,
    },
    Spec {
        name: "grep",
        flags: "EFGPivwxcLlqsoHhnTZzabIyU",
        valued: "eAmBC",
        long: Words(
            "--extended-regexp --fixed-strings --basic-regexp --perl-regexp --regexp= --ignore-case \
            --no-ignore-case --invert-match --word-regexp --line-regexp --count --color --color= \
            --files-with-matches --files-without-match --max-count= --only-matching --quiet --silent \
            --no-messages --with-filename --no-filename --line-number --after-context= \
            --before-context= --context= --text",
        ),
        operands: Operands::PatternThenPaths,
    },
    Spec {
        name: "rg",
        flags: "aFiSsvwxclLnNoPqUHIp0",
        valued: "eAmBCtTMj",
        long: Words(
            "--fixed-strings --ignore-case --smart-case --case-sensitive --invert-match --word-regexp \
            --line-regexp --count --count-matches --files-with-matches --files-without-match --files \
            --line-number --no-line-number --only-matching --pcre2 --quiet --multiline --with-filename \
            --no-filename --heading --no-heading --column --vimgrep --json --stats --type-list \
            --regexp= --after-context= --before-context= --context= --max-count= --max-columns= \
            --max-depth= --type= --type-not= --sort= --sortr= --color= --colors= --no-config --trim",
        ),
        operands: Operands::PatternThenPaths,
    },
    Spec {
        name: "find",
        flags: "",
        valued: "",
        long: Words(""),
        operands: Operands::Find,
    },
    Spec {
        name: "stat",
        flags: "fLt",
        valued: "c",
        long: Words("--format= --printf= --terse --dereference --file-system"),
        operands: Operands::Paths,
    },
    Spec {
        name: "file",
        flags: "bihNr",
        valued: "",
        long: Words("--brief --mime --mime-type --mime-encoding --no-dereference"),
        operands: Operands::Paths,
    },
    Spec {
        name: "sort",
        flags: "bcCdfghimMnrRsuVz",
        valued: "kt",
        long: Words(
            "--key= --field-separator= --numeric-sort --reverse --unique --human-numeric-sort \
            --version-sort --ignore-case --stable --check",
        ),
        operands: Operands::Paths,
    },
    Spec {
        name: "uniq",
        flags: "cdDiuz",
        valued: "fsw",
        long: Words("--count --repeated --unique --ignore-case --skip-fields= --skip-chars="),
        operands: Operands::AtMost(1),
    },
    Spec {
        name: "cut",
        flags: "nsz",
        valued: "bcdf",
        long: Words(
            "--bytes= --characters= --delimiter= --fields= --only-delimited --complement \
            --output-delimiter=",
        ),
        operands: Operands::Paths,
    },
    Spec {
        name: "diff",
        flags: "abBcdeEinpqstTuwyZ",
        valued: "CUW",
        long: Words(
            "--unified --unified= --context --context= --brief --side-by-side --width= --ignore-case \
            --ignore-all-space --ignore-space-change --ignore-blank-lines --text --color --color= \
            --minimal --report-identical-files",
        ),
        operands: Operands::Paths,
    },
    Spec {
        name: "echo",
        flags: "",
        valued: "",
        long: Words(""),
        operands: Operands::Text,
    },
];

/// Primaries of `find` without a value.
const FIND_FLAGS: Words = Words(
    "( ) ! , -a -and -o -or -not -print -print0 -prune -empty -depth -xdev -mount -true -false -readable \
     -writable -executable -quit -ls",
);

/// Primaries of `find` with a value.
const FIND_VALUED: Words = Words(
    "-name -iname -path -ipath -wholename -regex -iregex -regextype -type -maxdepth -mindepth -size -mtime \
     -mmin -atime -amin -ctime -cmin -perm -user -group -links -printf",
);

pub(crate) fn spec(program: &str) -> Option<&'static Spec> {
    SPECS.iter().find(|spec| spec.name == program)
}

impl Spec {
    /// The paths that it reads; `None` where an argument is not known to be harmless.
    pub(crate) fn operands<'a>(&self, args: &'a [String]) -> Option<Vec<&'a str>> {
        match self.operands {
            Operands::Find => return find(args),
            Operands::Text if self.name == "echo" => return Some(Vec::new()),
            _ => {}
        }
        let (mut operands, pattern_given) = self.split(args)?;
        match self.operands {
            Operands::Text => operands.clear(),
            Operands::AtMost(most) if operands.len() > most => return None,
            Operands::PatternThenPaths if !pattern_given => {
                if operands.is_empty() {
                    return None;
                }
                operands.remove(0);
            }
            _ => {}
        }
        // Reads its standard input, not a file.
        operands.retain(|operand| *operand != "-");
        Some(operands)
    }

    /// Operands, and whether an option stood for the pattern.
    fn split<'a>(&self, args: &'a [String]) -> Option<(Vec<&'a str>, bool)> {
        let mut operands = Vec::new();
        let mut pattern = false;
        let mut args = args.iter().map(String::as_str);
        while let Some(arg) = args.next() {
            if arg == "--" {
                operands.extend(args.by_ref());
            } else if arg.starts_with("--") {
                pattern |= arg.starts_with("--regexp=") || arg == "--files" || arg == "--type-list";
                self.knows_long(arg).then_some(())?;
            } else if let Some(cluster) = arg.strip_prefix('-').filter(|rest| !rest.is_empty()) {
                pattern |= self.cluster(cluster, &mut args)?;
            } else {
                operands.push(arg);
            }
        }
        Some((operands, pattern))
    }

    fn knows_long(&self, arg: &str) -> bool {
        match arg.split_once('=') {
            None => self.long.has(arg),
            Some((name, _)) => {
                let valued = |long: &str| long.strip_suffix('=') == Some(name);
                self.long.iter().any(valued)
            }
        }
    }

    /// Clustered short options; the first with a value takes the rest or the next argument. Tells whether one of
    /// them was the pattern (`-e`).
    fn cluster<'a>(&self, cluster: &str, args: &mut impl Iterator<Item = &'a str>) -> Option<bool> {
        for (at, option) in cluster.char_indices() {
            if self.valued.contains(option) {
                if at + option.len_utf8() == cluster.len() {
                    args.next()?;
                }
                return Some(option == 'e');
            }
            if !self.flags.contains(option) {
                return None;
            }
        }
        Some(false)
    }
}

fn find(args: &[String]) -> Option<Vec<&str>> {
    let is_path = |arg: &&String| !arg.starts_with(['-', '(', '!', ')', ',']);
    let paths: Vec<&str> = args
        .iter()
        .take_while(is_path)
        .map(String::as_str)
        .collect();
    let mut expression = args.iter().skip(paths.len()).map(String::as_str);
    while let Some(primary) = expression.next() {
        if FIND_VALUED.has(primary) {
            expression.next()?;
        } else if !FIND_FLAGS.has(primary) {
            return None;
        }
    }
    Some(paths)
}
