//! Completion scripts.

const COMMANDS: &str = "validate print-config components featuregate completion help";
const FLAGS: &str = "--config --set --feature-gates --scrape-now --drain-timeout --state-dir --strict-exit --strict-upstream --mode --format --validate --version --help";

/// The script for a shell.
pub(super) fn script(name: &str, shell: &str) -> Result<String, String> {
    let function = name.replace('-', "_");
    match shell {
        "bash" => Ok(format!(
            "_{function}() {{\n  local word=\"${{COMP_WORDS[COMP_CWORD]}}\" before=\"${{COMP_WORDS[COMP_CWORD-1]}}\"\n  \
             if [ \"$before\" = --config ]; then COMPREPLY=( $(compgen -f -- \"$word\") ); else COMPREPLY=( $(compgen -W '{COMMANDS} {FLAGS}' -- \"$word\") ); fi\n}}\n\
             complete -o filenames -F _{function} {name}\n"
        )),
        "zsh" => Ok(format!(
            "#compdef {name}\n_{function}() {{\n  compadd -- {COMMANDS} {FLAGS}\n  _files\n}}\ncompdef _{function} {name}\n"
        )),
        "fish" => {
            let flags = FLAGS.split(' ').map(|flag| format!("complete -c {name} -l {}\n", flag.trim_start_matches('-')));
            Ok(format!("complete -c {name} -n __fish_use_subcommand -a '{COMMANDS}'\n{}", flags.collect::<String>()))
        }
        other => Err(format!("no completion for shell {other:?}: use bash, zsh or fish")),
    }
}
