//! Which language a path is in, and its grammar.

/// A language that has a grammar here. The number stands in the persisted index: add at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Language {
    Rust,
    TypeScript,
    Tsx,
    JavaScript,
    Python,
    Go,
    C,
    Cpp,
    Java,
    Lua,
    Ruby,
    CSharp,
    Php,
    Bash,
    Markdown,
    Json,
    Toml,
    Yaml,
}

/// By the end of the file's name after its last `.`.
const EXTENSIONS: &[(&str, Language)] = &[
    ("rs", Language::Rust),
    ("ts", Language::TypeScript),
    ("mts", Language::TypeScript),
    ("cts", Language::TypeScript),
    ("tsx", Language::Tsx),
    ("js", Language::JavaScript),
    ("mjs", Language::JavaScript),
    ("cjs", Language::JavaScript),
    ("jsx", Language::JavaScript),
    ("py", Language::Python),
    ("pyi", Language::Python),
    ("go", Language::Go),
    ("c", Language::C),
    // A header may be either; C++ has nearly all of C.
    ("h", Language::Cpp),
    ("cc", Language::Cpp),
    ("cpp", Language::Cpp),
    ("cxx", Language::Cpp),
    ("hh", Language::Cpp),
    ("hpp", Language::Cpp),
    ("hxx", Language::Cpp),
    ("inl", Language::Cpp),
    ("ipp", Language::Cpp),
    ("java", Language::Java),
    ("lua", Language::Lua),
    ("rb", Language::Ruby),
    ("rake", Language::Ruby),
    ("gemspec", Language::Ruby),
    ("cs", Language::CSharp),
    ("php", Language::Php),
    ("sh", Language::Bash),
    ("bash", Language::Bash),
    ("md", Language::Markdown),
    ("markdown", Language::Markdown),
    ("json", Language::Json),
    ("jsonc", Language::Json),
    ("toml", Language::Toml),
    ("yaml", Language::Yaml),
    ("yml", Language::Yaml),
];

/// By the file's whole name.
const NAMES: &[(&str, Language)] = &[
    ("Rakefile", Language::Ruby),
    ("Gemfile", Language::Ruby),
    ("Cargo.lock", Language::Toml),
    (".bashrc", Language::Bash),
    (".bash_profile", Language::Bash),
    (".profile", Language::Bash),
    (".clangd", Language::Yaml),
    (".clang-format", Language::Yaml),
];

impl Language {
    /// In the order of their numbers.
    pub(crate) const ALL: [Self; 18] = [
        Self::Rust,
        Self::TypeScript,
        Self::Tsx,
        Self::JavaScript,
        Self::Python,
        Self::Go,
        Self::C,
        Self::Cpp,
        Self::Java,
        Self::Lua,
        Self::Ruby,
        Self::CSharp,
        Self::Php,
        Self::Bash,
        Self::Markdown,
        Self::Json,
        Self::Toml,
        Self::Yaml,
    ];

    /// The language of a `/`-separated path; `None` where it has no grammar.
    pub(crate) fn of(path: &str) -> Option<Self> {
        let name = path.rsplit('/').next().unwrap_or(path);
        let listed = |table: &[(&str, Self)], key: &str| {
            let found = table.iter().find(|(known, _)| *known == key);
            found.map(|(_, language)| *language)
        };
        listed(NAMES, name).or_else(|| {
            let (_, extension) = name.rsplit_once('.')?;
            if extension.bytes().any(|byte| byte.is_ascii_uppercase()) {
                return listed(EXTENSIONS, &extension.to_ascii_lowercase());
            }
            listed(EXTENSIONS, extension)
        })
    }

    /// `None` for Markdown and YAML: any text is Markdown, and YAML's scanner writes over its buffer (and then aborts
    /// the process) on a text that is nested some 250 deep. Their symbols are read line by line.
    pub(crate) fn grammar(self) -> Option<tree_sitter::Language> {
        let grammar = match self {
            Self::Rust => tree_sitter_rust::LANGUAGE,
            Self::TypeScript => tree_sitter_typescript::LANGUAGE_TYPESCRIPT,
            Self::Tsx => tree_sitter_typescript::LANGUAGE_TSX,
            Self::JavaScript => tree_sitter_javascript::LANGUAGE,
            Self::Python => tree_sitter_python::LANGUAGE,
            Self::Go => tree_sitter_go::LANGUAGE,
            Self::C => tree_sitter_c::LANGUAGE,
            Self::Cpp => tree_sitter_cpp::LANGUAGE,
            Self::Java => tree_sitter_java::LANGUAGE,
            Self::Lua => tree_sitter_lua::LANGUAGE,
            Self::Ruby => tree_sitter_ruby::LANGUAGE,
            Self::CSharp => tree_sitter_c_sharp::LANGUAGE,
            Self::Php => tree_sitter_php::LANGUAGE_PHP,
            Self::Bash => tree_sitter_bash::LANGUAGE,
            Self::Json => tree_sitter_json::LANGUAGE,
            Self::Toml => tree_sitter_toml_ng::LANGUAGE,
            Self::Markdown | Self::Yaml => return None,
        };
        Some(grammar.into())
    }
}
