//! What `Pay` costs beside a hello on the same server, and `Notify` beside a bare client of it.

mod caller;
mod greeter;
mod kind;
mod load;
mod measure;
mod routes;
mod run;

pub(crate) use load::{Load, load};
pub(crate) use measure::{Plan, measure};
pub(crate) use routes::routes;
