//! Who a process is: its name, and the attributes of its resource, put together anew only when one of them changed.

use super::config::{ATTRIBUTES, AttributeSettings, ResourceSettings, ValueSettings};
use std::borrow::Cow;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use warren_host::process::words;
use warren_host::text::lossy;
use warren_host::users::Users;
use warren_host::{Paths, process::Stat};
use warren_pdata::{Attrs, KeyValue, Text, Value};
use warren_regex::{Error, Regex};

/// What is read of a process to say who it is. The buffers are used for one process after the other.
#[derive(Debug, Default)]
pub(super) struct Identity {
    pub(super) exe: Vec<u8>,
    pub(super) cgroup: Vec<u8>,
    pub(super) cmdline: Vec<u8>,
    /// Whether the command line could be read.
    pub(super) has_cmdline: bool,
    pub(super) user: Option<u32>,
}

impl Identity {
    /// Forgets the process.
    pub(super) fn clear(&mut self) {
        self.exe.clear();
        self.cgroup.clear();
        self.cmdline.clear();
        self.has_cmdline = false;
        self.user = None;
    }

    /// A number that is another one when anything changed; `users` says so of the names of users.
    pub(super) fn hash(&self, stat: &Stat, users: u64) -> u64 {
        let mut hasher = DefaultHasher::new();
        (stat.comm(), stat.parent, users).hash(&mut hasher);
        (&self.exe, &self.cgroup, &self.cmdline, self.has_cmdline, self.user).hash(&mut hasher);
        hasher.finish()
    }

    /// The name: what the kernel keeps, completed by the command line where that was cut.
    pub(super) fn name<'a>(&'a self, stat: &'a Stat) -> Cow<'a, str> {
        let comm = stat.comm();
        let program = words(&self.cmdline).next().unwrap_or_default();
        let base = program.trim_ascii_end().rsplit(|byte| *byte == b'/').find(|part| !part.is_empty()).unwrap_or_default();
        let whole = if comm.len() > super::COMM_WHOLE_BYTES_MAX && base.starts_with(comm) { base } else { comm };
        lossy(whole)
    }
}

/// Makes the resources of processes.
#[derive(Debug)]
pub(super) struct Resources {
    pub(super) users: Users,
    wanted: [Wanted; ATTRIBUTES.len()],
}

/// Whether an attribute is wanted, and which values of it.
#[derive(Debug)]
struct Wanted {
    enabled: bool,
    include: Option<Values>,
    exclude: Option<Values>,
}

#[derive(Debug)]
struct Values {
    strict: HashSet<String>,
    patterns: Vec<Regex>,
}

/// Places in [`ATTRIBUTES`].
pub(super) mod attribute {
    pub(in super::super) const CGROUP: usize = 0;
    pub(in super::super) const COMMAND: usize = 1;
    pub(in super::super) const COMMAND_LINE: usize = 2;
    pub(in super::super) const NAME: usize = 3;
    pub(in super::super) const PATH: usize = 4;
    pub(in super::super) const OWNER: usize = 5;
    pub(in super::super) const PARENT: usize = 6;
    pub(in super::super) const PID: usize = 7;
}

impl Resources {
    pub(super) fn new(settings: &ResourceSettings, paths: &Paths, corrected: bool) -> Result<Self, Error> {
        // Upstream looks users up where it runs, not on the machine that it looks at.
        let etc = if corrected { paths.etc.clone() } else { PathBuf::from("/etc") };
        let [cgroup, command, command_line, name, path, owner, parent, pid] = &settings.attributes;
        let wanted = [
            Wanted::new(cgroup)?,
            Wanted::new(command)?,
            Wanted::new(command_line)?,
            Wanted::new(name)?,
            Wanted::new(path)?,
            Wanted::new(owner)?,
            Wanted::new(parent)?,
            Wanted::new(pid)?,
        ];
        Ok(Self { users: Users::new(etc.join("passwd")), wanted })
    }

    /// Whether an attribute is wanted, by its place in [`ATTRIBUTES`].
    pub(super) fn wants(&self, attribute: usize) -> bool {
        self.wanted.get(attribute).is_some_and(|wanted| wanted.enabled)
    }

    /// The attributes of a process; none when one of them has a value that is not wanted.
    pub(super) fn attributes(&self, stat: &Stat, name: &str, identity: &Identity) -> Option<Attrs> {
        use attribute::{CGROUP, COMMAND, COMMAND_LINE, NAME, OWNER, PARENT, PATH, PID};
        let mut attrs = Vec::with_capacity(ATTRIBUTES.len());
        let mut add = |attribute: usize, value: Value| {
            if let Some((key, _)) = ATTRIBUTES.get(attribute).filter(|_| self.wants(attribute)) {
                attrs.push((attribute, KeyValue::new(Text::from(*key), value)));
            }
        };
        add(PID, Value::Int(stat.pid.into()));
        add(PARENT, Value::Int(stat.parent.into()));
        add(NAME, name.into());
        add(PATH, (&*lossy(&identity.exe)).into());
        add(CGROUP, (&*lossy(&identity.cgroup)).into());
        if identity.has_cmdline {
            add(COMMAND, (&*lossy(words(&identity.cmdline).next().unwrap_or_default())).into());
            let line = words(&identity.cmdline).map(lossy).collect::<Vec<_>>().join(" ");
            add(COMMAND_LINE, line.into());
        }
        if let Some(owner) = identity.user.and_then(|user| self.users.name(user)).filter(|owner| !owner.is_empty()) {
            add(OWNER, owner.into());
        }
        let passes =
            |(attribute, entry): &(usize, KeyValue)| self.wanted.get(*attribute).is_none_or(|wanted| wanted.passes(&entry.value));
        attrs.iter().all(passes).then(|| attrs.into_iter().map(|(_, entry)| entry).collect())
    }
}

impl Wanted {
    fn new(settings: &AttributeSettings) -> Result<Self, Error> {
        let values = |settings: &[ValueSettings]| if settings.is_empty() { Ok(None) } else { Values::new(settings).map(Some) };
        Ok(Self { enabled: settings.enabled, include: values(&settings.include)?, exclude: values(&settings.exclude)? })
    }

    fn passes(&self, value: &Value) -> bool {
        if self.include.is_none() && self.exclude.is_none() {
            return true;
        }
        let text = match value {
            Value::Int(number) => number.to_string(),
            value => value.as_str().unwrap_or_default().to_owned(),
        };
        self.include.as_ref().is_none_or(|values| values.matches(&text))
            && !self.exclude.as_ref().is_some_and(|values| values.matches(&text))
    }
}

impl Values {
    fn new(settings: &[ValueSettings]) -> Result<Self, Error> {
        let strict = settings.iter().map(|value| value.strict.clone()).filter(|value| !value.is_empty()).collect();
        let patterns = settings.iter().filter(|value| !value.regexp.is_empty()).map(|value| Regex::new(&value.regexp));
        Ok(Self { strict, patterns: patterns.collect::<Result<_, _>>()? })
    }

    fn matches(&self, text: &str) -> bool {
        self.strict.contains(text) || self.patterns.iter().any(|pattern| pattern.is_match(text))
    }
}
