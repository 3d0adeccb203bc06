//! What `POST /pay` costs beside an echo on the same server.

mod load;
mod measure;
mod serve;
mod server_process;

pub(crate) use measure::{Plan, measure};
pub(crate) use serve::serve;
