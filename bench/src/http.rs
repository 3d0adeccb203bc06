//! What `POST /pay` costs beside servers that do less.

mod bare;
mod connection;
mod load;
mod measure;
mod open_loop;
mod run;
mod serve;
mod server_process;

pub(crate) use bare::producer as bare_producer;
pub(crate) use measure::{Plan, measure};
pub(crate) use open_loop::Paced;
pub(crate) use run::{Run, Timing};
pub(crate) use serve::{Serve, serve};
pub(crate) use server_process::ServerProcess;
