//! Registering the servers of a file, many at once.

use crate::api::Api;
use crate::commands::{Shown, read_text};
use crate::table::cell;
use serde_json::{Map, Value, json};
use std::path::Path;

/// Servers in one request.
const PART: usize = 500;

/// What labels begin with in the first line of CSV.
const LABEL: &str = "label:";

/// Registers the servers of a file; with a token for each if they are to enrol.
pub(crate) async fn import(api: &Api, file: &Path, enrol: bool) -> Result<Shown, String> {
    let mut servers = servers_of(&read_text(file)?).map_err(|error| format!("{}: {error}", file.display()))?;
    servers.iter_mut().for_each(name);
    let path = if enrol { "/servers/actions/import?enrol=true" } else { "/servers/actions/import" };
    let (mut registered, mut items) = (0, Vec::new());
    for part in servers.chunks(PART) {
        let sent = api.post(path, &json!({"servers": part})).await;
        // What was registered before this part is told all the same: tokens are shown once.
        let answer = sent.map_err(|error| format!("{}{error}", told(registered, &items)))?.body;
        registered += answer.get("registered").and_then(Value::as_u64).unwrap_or(0);
        items.extend(answer.get("items").and_then(Value::as_array).cloned().unwrap_or_default());
    }
    let text = told(registered, &items);
    let failed: Vec<String> = items
        .iter()
        .filter(|item| item.get("error").is_some())
        .map(|item| format!("{}: {}", cell(item, "/id"), cell(item, "/error")))
        .collect();
    if failed.is_empty() {
        return Ok(Shown::new(json!({"registered": registered, "items": items}), text));
    }
    Err(format!("{text}not these:\n{}", failed.join("\n")))
}

fn told(registered: u64, items: &[Value]) -> String {
    let tokens = items.iter().filter(|item| item.get("token").is_some());
    let tokens: String = tokens.map(|item| format!("{} {}\n", cell(item, "/id"), cell(item, "/token"))).collect();
    format!("{tokens}{registered} servers are registered\n")
}

/// A server that nothing else is said of is called by its id.
fn name(server: &mut Value) {
    let id = server.get("id").cloned();
    if let (Some(id), Some(server)) = (id, server.as_object_mut()) {
        server.entry("name").or_insert(id);
    }
}

/// The servers of a file, as it says them.
pub(crate) fn servers_of(text: &str) -> Result<Vec<Value>, String> {
    let begin = text.trim_start();
    if begin.starts_with('[') {
        return serde_json::from_str(text).map_err(|error| error.to_string());
    }
    if !begin.is_empty() && !begin.starts_with('{') {
        return of_csv(text);
    }
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines.map(|(at, line)| serde_json::from_str(line).map_err(|error| format!("line {}: {error}", at + 1))).collect()
}

fn of_csv(text: &str) -> Result<Vec<Value>, String> {
    let mut rows = rows(text)?.into_iter();
    let Some((_, head)) = rows.next() else { return Ok(Vec::new()) };
    let mut servers = Vec::new();
    for (line, row) in rows {
        if row.len() != head.len() {
            return Err(format!("line {line}: {} fields, where the first line names {}", row.len(), head.len()));
        }
        let (mut server, mut broker, mut labels) = (Map::new(), Map::new(), Map::new());
        for (name, value) in head.iter().map(|name| name.trim()).zip(row).filter(|(_, value)| !value.is_empty()) {
            match name {
                "broker" => drop(broker.insert("kind".to_owned(), json!(value))),
                "broker_version" => drop(broker.insert("version".to_owned(), json!(value))),
                _ => match name.strip_prefix(LABEL) {
                    Some(label) => drop(labels.insert(label.to_owned(), json!(value))),
                    None => drop(server.insert(name.to_owned(), json!(value))),
                },
            }
        }
        server.extend([("broker".to_owned(), broker.into()), ("labels".to_owned(), labels.into())]);
        servers.push(server.into());
    }
    Ok(servers)
}

/// The rows of CSV with the lines that they begin in; fields may stand in quotes, which are doubled within.
fn rows(text: &str) -> Result<Vec<(usize, Vec<String>)>, String> {
    let (mut rows, mut row, mut field) = (Vec::new(), Vec::new(), String::new());
    let (mut line, mut begun, mut quoted) = (1, 1, false);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter == '\n' {
            line += 1;
        }
        match letter {
            '"' if quoted && letters.next_if_eq(&'"').is_some() => field.push('"'),
            '"' if quoted || field.is_empty() => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut field)),
            '\r' if !quoted => {}
            '\n' if !quoted => {
                row.push(std::mem::take(&mut field));
                rows.push((begun, std::mem::take(&mut row)));
                begun = line;
            }
            letter => field.push(letter),
        }
    }
    if quoted {
        return Err(format!("line {begun}: a quote is not closed"));
    }
    row.push(field);
    rows.push((begun, row));
    rows.retain(|(_, row)| row.iter().any(|field| !field.is_empty()));
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_without_a_name_are_called_by_their_id_when_they_are_registered() {
        let mut servers = [json!({"id": "a"}), json!({"id": "b", "name": "n"}), json!([]), json!({})];
        servers.iter_mut().for_each(name);
        assert_eq!(servers, [json!({"id": "a", "name": "a"}), json!({"id": "b", "name": "n"}), json!([]), json!({})]);
    }

    #[test]
    fn servers_are_read_from_lists_lines_and_tables() {
        let server = json!({"id": "a", "tenant": "t", "broker": {"kind": "lavinmq"}, "labels": {"ring": "x, \"y\""}});
        let csv = "id,tenant,broker,label:ring\r\na,t,lavinmq,\"x, \"\"y\"\"\"\r\n\n";
        for text in [json!([server]).to_string(), format!("{server}\n\n"), csv.to_owned()] {
            assert_eq!(servers_of(&text).unwrap(), std::slice::from_ref(&server), "{text}");
        }
        assert_eq!(servers_of("").unwrap(), [] as [Value; 0]);
        assert_eq!(servers_of("{\n").unwrap_err().split(':').next(), Some("line 1"));
        assert_eq!(servers_of("id,tenant\na\n").unwrap_err(), "line 2: 1 fields, where the first line names 2");
        assert_eq!(servers_of("id\n\"a\n").unwrap_err(), "line 2: a quote is not closed");
    }
}
