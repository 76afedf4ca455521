//! placeholder

mod protocol;
