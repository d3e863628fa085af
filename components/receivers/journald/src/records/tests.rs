use super::*;

#[test]
fn an_expression_without_a_value_leaves_its_attribute_out_and_is_told() {
    let given = |text: &str| IndexMap::from([("unit".to_owned(), text.to_owned())]);
    let mut config = Config::default();
    (config.attributes, config.resource) = (given("of EXPR(body._SYSTEMD_UNIT)"), given("EXPR(body.NONE)"));
    let mut records = Records::new(&config, None).unwrap();
    for unit in [&b"a.service"[..], &[0xff]] {
        let mut fields = vec![records.field("MESSAGE", b"m"), records.field("_SYSTEMD_UNIT", unit)];
        assert!(records.entry(&Place::default(), &mut fields));
    }
    let troubles = records.troubles();
    let told = |name: &str| troubles.failures.get(name).map(|trouble| (trouble.count, trouble.quiet, trouble.message.as_str()));
    let message = "embedded expression returned non-string value of type";
    let (resource, attribute) = (told("resource['unit']"), told("attributes['unit']"));
    assert_eq!(resource, Some((2, false, &*format!("{message} <nil>"))));
    assert_eq!(attribute, Some((1, false, &*format!("{message} []interface {{}}"))));
    let Some(Batch::Logs(logs)) = records.take() else { panic!("logs") };
    let attributes = |index: usize| logs.resources[0].scopes[0].items[index].attrs.get("unit").cloned();
    assert_eq!((attributes(0), attributes(1)), (Some("of a.service".into()), None));
    assert!(records.troubles().failures.is_empty());
}

#[test]
fn what_journald_suppressed_is_counted() {
    let mut records = Records::new(&Config::default(), None).unwrap();
    let told = "a596d6fe7bfa4994828e72309e95d61e";
    for (fields, count) in [
        (&[("MESSAGE", "Suppressed 7 messages from a.service"), ("MESSAGE_ID", told), ("N_DROPPED", "12")][..], 12),
        (&[("MESSAGE", "Suppressed 7 messages from a.service"), ("MESSAGE_ID", told)], 7),
        (&[("MESSAGE", "Suppressed many"), ("MESSAGE_ID", told)], 0),
        (&[("MESSAGE", "Suppressed 7 messages from a.service"), ("N_DROPPED", "12")], 0),
        (&[("MESSAGE", "x"), ("MESSAGE_ID", "00"), ("N_DROPPED", "12")], 0),
    ] {
        let mut fields: Vec<Field> = fields.iter().map(|(name, text)| records.field(name, text.as_bytes())).collect();
        records.entry(&Place::default(), &mut fields);
        assert_eq!(records.troubles().suppressed, count);
    }
}
