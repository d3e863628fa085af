//! Lists of statement groups: flat lists of statements, or blocks with a context, conditions and an error mode.

use warren_component::UPSTREAM_ODDITIES;
use warren_config::{Block, Custom, Fields, Map, Node, Place, Report, Value, nearest};
use warren_ottl::{Context, ErrorMode, Fault, Group, Oddities, Source, compile_as};
use warren_pdata::Signal;

/// Settings of one group of statements.
#[derive(Clone, Debug, Default)]
pub struct StatementGroup {
    /// The context of the statements; inferred if empty.
    pub context: String,
    /// Records are changed for which one of these holds.
    pub conditions: Vec<String>,
    /// What happens when a statement fails.
    pub error_mode: Option<ErrorMode>,
    /// What is done.
    pub statements: Vec<String>,
    /// Where the group's statements stand if it is a flat list: the rank of each in the list of the setting.
    flat: Option<Vec<usize>>,
}

impl Block for StatementGroup {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("context", &mut self.context);
        f.list("conditions", &mut self.conditions);
        f.optional_scalar("error_mode", &mut self.error_mode);
        f.list("statements", &mut self.statements);
    }
}

/// The groups of one signal.
#[derive(Clone, Debug)]
pub struct Groups {
    signal: Signal,
    groups: Vec<StatementGroup>,
    /// The rank of each group in the list of the setting.
    ranks: Vec<usize>,
}

/// A compiled group with its error mode.
pub(crate) struct Compiled {
    pub group: Group,
    pub mode: ErrorMode,
    /// Where it stands.
    pub place: GroupPlace,
}

/// Where a group stands in the configuration.
pub(crate) struct GroupPlace {
    key: &'static str,
    rank: usize,
    /// The rank of each statement, if it is a flat list.
    flat: Option<Vec<usize>>,
}

impl GroupPlace {
    /// The place of a block in the list of a setting.
    pub(crate) fn block(key: &'static str, rank: usize) -> Self {
        Self { key, rank, flat: None }
    }

    /// Where a statement or condition of the group stands, as `log_statements[0].statements[1]`.
    pub(crate) fn of(&self, source: Source) -> String {
        let Self { key, rank, flat } = self;
        match (source, flat) {
            (Source::Statement(index), Some(ranks)) => format!("{key}[{}]", ranks.get(index).unwrap_or(rank)),
            (Source::Statement(index), None) => format!("{key}[{rank}].statements[{index}]"),
            (Source::Condition(index), _) => format!("{key}[{rank}].conditions[{index}]"),
            (Source::Group, _) => format!("{key}[{rank}]"),
        }
    }
}

impl Groups {
    pub(crate) fn of(signal: Signal) -> Self {
        Self { signal, groups: Vec::new(), ranks: Vec::new() }
    }

    /// The key of the setting.
    fn key(&self) -> &'static str {
        match self.signal {
            Signal::Traces => "trace_statements",
            Signal::Metrics => "metric_statements",
            Signal::Logs => "log_statements",
        }
    }

    /// All groups, ready to run.
    pub(crate) fn compile(&self, mode: ErrorMode, oddities: Oddities) -> Result<Vec<Compiled>, String> {
        let mut compiled = Vec::new();
        let mut faults = Vec::new();
        for (settings, rank) in self.groups.iter().zip(&self.ranks) {
            match settings.compile(self.signal, oddities) {
                Ok(group) => {
                    let place = GroupPlace { flat: settings.flat.clone(), ..GroupPlace::block(self.key(), *rank) };
                    compiled.push(Compiled { group, mode: settings.error_mode.unwrap_or(mode), place });
                }
                Err(found) => faults.extend(found.iter().map(Fault::to_string)),
            }
        }
        if faults.is_empty() { Ok(compiled) } else { Err(faults.join("; ")) }
    }
}

impl StatementGroup {
    fn compile(&self, signal: Signal, oddities: Oddities) -> Result<Group, Vec<Fault>> {
        let context = Context::named(&self.context.to_lowercase());
        compile_as(oddities, signal, context, &self.conditions, &self.statements)
    }

    /// What is wrong with the name of the context.
    fn bad_context(&self, signal: Signal) -> Option<(String, Option<String>)> {
        let name = self.context.to_lowercase();
        let known = Context::of(signal);
        match Context::named(&name) {
            _ if name.is_empty() => None,
            Some(context) if known.contains(&context) => None,
            Some(_) => Some((format!("unknown context {:?} for statements: {:?}", self.context, self.statements), None)),
            None => {
                let near = nearest(&name, known.iter().map(|context| context.name()));
                Some((format!("unknown context {}", self.context), near.map(|near| format!("did you mean {near:?}?"))))
            }
        }
    }

    /// Tells every fault at its place.
    fn validate(&self, signal: Signal, rank: usize, report: &mut Report<'_>) {
        let nowhere = Node::from_value(Value::Null);
        let list = report.node().and_then(Node::as_list).unwrap_or_default();
        let element = list.get(rank).unwrap_or(&nowhere);
        if let Some((message, hint)) = self.bad_context(signal) {
            let mut at = report.at_index(rank, element);
            return match hint {
                Some(hint) => at.error_with_hint("context", message, hint),
                None => at.error("context", message),
            };
        }
        // Tells something about a statement or condition at its place.
        let oddities = Oddities::upstream(report.has_gate(UPSTREAM_ODDITIES));
        let mut tell = |source: Source, tell: &dyn Fn(&mut Report<'_>)| {
            let (key, index) = match source {
                Source::Statement(index) => ("statements", index),
                Source::Condition(index) => ("conditions", index),
                Source::Group => return tell(&mut report.at_index(rank, element)),
            };
            if let Some(rank) = self.flat.as_ref().and_then(|ranks| ranks.get(index)) {
                return tell(&mut report.at_index(*rank, list.get(*rank).unwrap_or(&nowhere)));
            }
            let texts = element.get(key).unwrap_or(&nowhere);
            let text = texts.as_list().and_then(|texts| texts.get(index)).unwrap_or(&nowhere);
            tell(&mut report.at_index(rank, element).at_key(key, texts).at_index(index, text));
        };
        let faults = self.compile(signal, oddities).map_or_else(|faults| faults, |group| group.warnings().to_vec());
        for fault in faults {
            tell(fault.source, &|at| match fault.warning {
                true => at.warning("", fault.to_string()),
                false => at.error("", fault.to_string()),
            });
        }
    }

    fn encode(&self) -> Value {
        let texts = |texts: &[String]| list_of(texts.iter().cloned().map(Value::String));
        let mut map = Map::new();
        let mut put = |key: &str, value: Value| map.insert(key, Place::none(), Node::from_value(value));
        put("context", Value::String(self.context.clone()));
        put("conditions", texts(&self.conditions));
        if let Some(mode) = self.error_mode {
            put("error_mode", warren_config::Scalar::encode(&mode));
        }
        put("statements", texts(&self.statements));
        Value::Map(map)
    }
}

impl Custom for Groups {
    fn decode(&mut self, node: &Node, report: &mut Report<'_>) {
        self.groups.clear();
        self.ranks.clear();
        let Some(list) = node.as_list() else {
            report.error("", format!("invalid {} type, expected: array, got: {}", self.key(), node.value.go_type()));
            return;
        };
        let mut flat = StatementGroup { flat: Some(Vec::new()), ..StatementGroup::default() };
        for (rank, node) in list.iter().enumerate() {
            let mut at = report.at_index(rank, node);
            if let Value::Map(_) = node.value {
                if !flat.statements.is_empty() {
                    let message = "configuring multiple configuration styles is not supported, please use only Basic configuration or only Advanced configuration";
                    at.error_with_hint("", message, "blocks must stand before plain statements");
                    continue;
                }
                let mut group = StatementGroup::default();
                at.block(&mut group);
                self.groups.push(group);
                self.ranks.push(rank);
            } else if let Some(statement) = at.scalar::<String>(node) {
                flat.statements.push(statement);
                flat.flat.get_or_insert_default().push(rank);
            }
        }
        if let Some(first) = flat.flat.iter().flatten().next().copied() {
            self.groups.push(flat);
            self.ranks.push(first);
        }
    }

    fn validate(&self, report: &mut Report<'_>) {
        for (group, rank) in self.groups.iter().zip(&self.ranks) {
            group.validate(self.signal, *rank, report);
        }
    }

    fn encode(&self) -> Value {
        let mut elements = Vec::new();
        for group in &self.groups {
            if group.flat.is_some() {
                elements.extend(group.statements.iter().cloned().map(Value::String));
            } else {
                elements.push(group.encode());
            }
        }
        list_of(elements.into_iter())
    }
}

fn list_of(values: impl Iterator<Item = Value>) -> Value {
    Value::List(values.map(Node::from_value).collect())
}
