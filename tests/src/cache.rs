//! What is kept between runs and between checkouts: programs that take minutes to build.

use std::path::{Path, PathBuf};

/// Directory of it: `WARREN_CACHE`, else `.cache/warren` in the user's home; `None` where there is neither.
pub fn directory() -> Option<PathBuf> {
    let named = std::env::var_os("WARREN_CACHE").map(PathBuf::from);
    named.or_else(|| Some(Path::new(&std::env::var_os("HOME")?).join(".cache/warren")))
}
