//! The settings as a program reads them: from flags, environment and file.

mod bad_values;
mod config_file;
mod good_values;
mod help;
mod precedence;
mod secrets;
mod told;
