use warren_pdata::{KeyValue, Value};

use super::*;

fn editor(action: ActionSettings) -> Editor {
    Editor::build(&[action], Telemetry::discarded()).unwrap()
}

fn hash_queue() -> Editor {
    editor(ActionSettings { key: "queue".into(), action: "hash".into(), ..ActionSettings::default() })
}

fn set(queue: &str) -> Attrs {
    Attrs::new(vec![KeyValue::new("queue", queue)])
}

#[test]
fn a_shared_set_is_edited_once_and_found_again() {
    let mut editor = hash_queue();
    let kept = set("orders");
    let mut first = kept.clone();
    editor.begin_batch();
    editor.edit(&mut first);
    assert_ne!(first, kept);
    let mut second = kept.clone();
    editor.begin_batch();
    editor.edit(&mut second);
    assert!(second.same(&first));
    assert_eq!(kept.get("queue"), Some(&Value::from("orders")));
}

#[test]
fn an_unshared_set_is_edited_in_place_and_not_remembered() {
    let mut editor = hash_queue();
    let mut only = set("orders");
    let before = only.id();
    editor.begin_batch();
    editor.edit(&mut only);
    assert_eq!(only.id(), before);
    assert!(editor.results.is_empty());
}

#[test]
fn the_empty_set_has_one_result() {
    let mut editor = editor(ActionSettings {
        key: "a".into(),
        from_attribute: "b".into(),
        action: "insert".into(),
        ..ActionSettings::default()
    });
    let mut none = Attrs::EMPTY;
    editor.begin_batch();
    editor.edit(&mut none);
    assert!(none.is_empty());
}

#[test]
fn results_of_sets_that_are_gone_are_forgotten() {
    let mut editor = hash_queue();
    let kept = set("kept");
    let unchanged = Attrs::new(vec![KeyValue::new("vhost", "/")]);
    let gone: Vec<Attrs> = (0..1000).map(|i| set(&i.to_string())).collect();
    editor.begin_batch();
    for original in gone.iter().chain([&kept, &unchanged]) {
        editor.edit(&mut original.clone());
    }
    assert_eq!(editor.results.len(), 1002);
    drop(gone);
    for _ in 0..BATCHES_BETWEEN_SWEEPS {
        editor.begin_batch();
    }
    assert_eq!(editor.results.len(), 2);
    assert!(editor.results.capacity() < 100);
}

#[test]
fn no_more_results_are_remembered_than_the_bound() {
    let mut editor = hash_queue();
    let sets: Vec<Attrs> = (0..REMEMBERED_MAX + 10).map(|i| set(&i.to_string())).collect();
    editor.begin_batch();
    for original in &sets {
        let mut attrs = original.clone();
        editor.edit(&mut attrs);
        assert_ne!(attrs, *original);
    }
    assert_eq!(editor.results.len(), REMEMBERED_MAX);
    assert_eq!(editor.full.get(), 10.0);
}

#[test]
fn the_bytes_that_are_remembered_have_a_bound_and_are_given_back() {
    let mut editor = editor(ActionSettings { key: "queue".into(), action: "delete".into(), ..ActionSettings::default() });
    let set = |number: usize| Attrs::from([("queue", format!("{number}{}", "x".repeat(1_000_000))), ("vhost", "/".to_owned())]);
    for round in 1..=2 {
        let sets: Vec<Attrs> = (0..80).map(set).collect();
        editor.begin_batch();
        for original in &sets {
            let mut attrs = original.clone();
            editor.edit(&mut attrs);
            assert_eq!(attrs.len(), 1);
        }
        assert!((60..70).contains(&editor.results.len()), "{}", editor.results.len());
        assert!(editor.full.get() >= f64::from(round * 10));
        drop(sets);
        (0..BATCHES_BETWEEN_SWEEPS).for_each(|_| editor.begin_batch());
        assert_eq!((editor.results.len(), editor.bytes), (0, 0));
    }
}

#[tokio::test]
async fn what_depends_on_the_client_is_not_remembered() {
    let mut editor = editor(ActionSettings {
        key: "a".into(),
        from_context: "client.address".into(),
        action: "upsert".into(),
        ..ActionSettings::default()
    });
    let kept = set("orders");
    for address in ["192.0.2.1", "192.0.2.2"] {
        let client = Arc::new(ClientInfo { address: Some(address.parse().unwrap()), ..ClientInfo::default() });
        let mut attrs = kept.clone();
        client
            .scope(async {
                editor.begin_batch();
                editor.edit(&mut attrs);
            })
            .await;
        assert_eq!(attrs.get("a"), Some(&Value::from(address)));
    }
}
