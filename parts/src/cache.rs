//! Where what was fetched is kept.

use std::env;
use std::path::PathBuf;

/// payflow's folder in the user's cache: outside the clone, so that the next clone need not fetch again.
///
/// `$XDG_CACHE_HOME/payflow`, else `~/.cache/payflow`; `target/payflow` where there is no home.
pub fn cache() -> PathBuf {
    let home = || env::home_dir().map(|home| home.join(".cache"));
    let user =
        env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute()).or_else(home);
    user.unwrap_or_else(|| PathBuf::from("target")).join("payflow")
}
