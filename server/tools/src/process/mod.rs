//! Child processes: a cleaned environment, a process group of their own, limits, and an end that is certain.
//!
//! The only place of the repository that starts processes. What runs outside of a sandbox shows the grant of a permit
//! that says so, or is a checker of a trusted folder.

mod capture;
mod environment;
mod group;
mod run;

pub(crate) use capture::Capture;
pub(crate) use environment::{ChildEnvironment, PROXIES, is_executable};
pub(crate) use run::{Confined, End, Finished, Ground, Job, Streams, Trusted};
