//! What a symbol is.

/// What a symbol is. The number stands in the persisted index: add at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(crate) enum Kind {
    Function,
    Method,
    Constructor,
    Struct,
    Class,
    Interface,
    Trait,
    Enum,
    Union,
    Type,
    Constant,
    Variable,
    Field,
    Variant,
    Module,
    Macro,
    Heading,
    Key,
    /// Encloses symbols without being one: Rust's `impl`. Never stored.
    Scope,
}

impl Kind {
    const STORED: [Self; 18] = [
        Self::Function,
        Self::Method,
        Self::Constructor,
        Self::Struct,
        Self::Class,
        Self::Interface,
        Self::Trait,
        Self::Enum,
        Self::Union,
        Self::Type,
        Self::Constant,
        Self::Variable,
        Self::Field,
        Self::Variant,
        Self::Module,
        Self::Macro,
        Self::Heading,
        Self::Key,
    ];

    pub(crate) fn from_number(number: u8) -> Option<Self> {
        Self::STORED.get(usize::from(number)).copied()
    }

    /// As the editor's servers name it, where they have a name for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Function => "function",
            Self::Method => "method",
            Self::Constructor => "constructor",
            Self::Struct => "struct",
            Self::Class => "class",
            Self::Interface => "interface",
            Self::Trait => "trait",
            Self::Enum => "enum",
            Self::Union => "union",
            Self::Type => "type",
            Self::Constant => "constant",
            Self::Variable => "variable",
            Self::Field => "field",
            Self::Variant => "enummember",
            Self::Module => "module",
            Self::Macro => "macro",
            Self::Heading => "heading",
            Self::Key => "key",
            Self::Scope => "scope",
        }
    }

    /// Functions in it are methods.
    pub(super) fn is_type(self) -> bool {
        matches!(
            self,
            Self::Struct
                | Self::Class
                | Self::Interface
                | Self::Trait
                | Self::Enum
                | Self::Union
                | Self::Scope
        )
    }

    /// Variables in it are its own affair.
    pub(super) fn is_local(self) -> bool {
        matches!(self, Self::Function | Self::Method | Self::Constructor)
    }

    /// Keys of data and headings: they have names, but no program refers to them.
    pub(super) fn is_data(self) -> bool {
        matches!(self, Self::Heading | Self::Key)
    }

    /// Lower is what somebody who names it rather means.
    pub(super) fn weight(self) -> u8 {
        match self {
            Self::Struct
            | Self::Class
            | Self::Interface
            | Self::Trait
            | Self::Enum
            | Self::Union
            | Self::Type => 0,
            Self::Function | Self::Macro => 1,
            Self::Method | Self::Constructor | Self::Constant => 2,
            Self::Module => 3,
            Self::Variable | Self::Variant => 4,
            Self::Field => 5,
            Self::Heading | Self::Key | Self::Scope => 6,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Kind;

    #[test]
    fn numbers_stay() {
        for (number, kind) in Kind::STORED.into_iter().enumerate() {
            assert_eq!(kind as usize, number);
        }
        assert_eq!(Kind::from_number(Kind::Scope as u8), None);
    }
}
