//! Completion scripts.

use super::args::{COMMANDS, FLAGS};

/// The script for a shell.
pub(super) fn script(name: &str, shell: &str) -> Result<String, String> {
    let function = name.replace('-', "_");
    let commands = COMMANDS.join(" ");
    let flags = FLAGS.map(|flag| format!("--{flag}")).join(" ");
    match shell {
        "bash" => Ok(format!(
            "_{function}() {{\n  local word=\"${{COMP_WORDS[COMP_CWORD]}}\" before=\"${{COMP_WORDS[COMP_CWORD-1]}}\"\n  \
             if [ \"$before\" = --config ]; then COMPREPLY=( $(compgen -f -- \"$word\") ); else COMPREPLY=( $(compgen -W '{commands} {flags}' -- \"$word\") ); fi\n}}\n\
             complete -o filenames -F _{function} {name}\n"
        )),
        "zsh" => Ok(format!(
            "#compdef {name}\n_{function}() {{\n  compadd -- {commands} {flags}\n  _files\n}}\ncompdef _{function} {name}\n"
        )),
        "fish" => {
            let flags = FLAGS.map(|flag| format!("complete -c {name} -l {flag}\n")).concat();
            Ok(format!("complete -c {name} -n __fish_use_subcommand -a '{commands}'\n{flags}"))
        }
        other => Err(format!("no completion for shell {other:?}: use bash, zsh or fish")),
    }
}
