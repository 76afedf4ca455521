//! Holds the generated files and the document to the types.
