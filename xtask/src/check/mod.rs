//! `cargo xtask check`: formatting, lints, and the rules of the tree that no compiler knows. The rules are plain functions over
//! `cargo metadata` and the files; they run as a unit test too, so that nothing depends on this command being called.

mod files;
mod layers;
mod licences;

use anyhow::{Result, bail};

use crate::{sync, tool, workspace};

/// The command.
pub(crate) fn run(arguments: lexopt::Parser) -> Result<()> {
    crate::switch(arguments, None)?;
    let mut format = workspace::cargo();
    tool::run("formatting (remedy: cargo fmt --all)", format.args(["fmt", "--all", "--check"]))?;
    let mut lint = workspace::cargo();
    tool::run("lints", lint.args(["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"]))?;
    tool::announce("rules of the tree");
    let broken = rules()?;
    if broken.is_empty() {
        println!("  all kept");
        return Ok(());
    }
    for rule in &broken {
        println!("  ✗ {rule}");
    }
    bail!("{} rules of the tree are broken", broken.len())
}

/// Every breach of a rule, as a sentence that names the place and the remedy.
fn rules() -> Result<Vec<String>> {
    let mut broken = layers::broken(&workspace::metadata(false)?)?;
    broken.extend(licences::broken(&workspace::metadata(true)?)?);
    broken.extend(files::broken(workspace::root())?);
    broken.extend(sync::stale()?);
    Ok(broken)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_tree_keeps_its_rules() {
        assert_eq!(super::rules().unwrap(), Vec::<String>::new());
    }
}
