//! What statements write, as far as it is known before they run.

use super::action::Action;
use super::expr::Keys;
use super::group::Group;
use crate::path::{Field, Index, PointField};
use warren_pdata::Text;

impl Group {
    /// Names of attributes of data points that statements set.
    pub fn point_attributes(&self) -> impl Iterator<Item = &Text> {
        self.actions().filter_map(|action| match action {
            Action::Set { target, .. } | Action::SetEntry { target, .. }
                if target.field == Field::DataPoint(PointField::Attributes) =>
            {
                match &target.keys {
                    Keys::Fixed(indexes) => match &**indexes {
                        [Index::Text(name)] => Some(name),
                        _ => None,
                    },
                    Keys::Computed(_) => None,
                }
            }
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::compile;
    use warren_pdata::Signal;

    #[test]
    fn attributes_that_are_set_by_name_are_known() {
        let statements = [
            r#"set(datapoint.attributes["instance"], "a")"#,
            r#"set(resource.attributes["job"], "a") where datapoint.attributes["x"] == 1"#,
            r#"set(datapoint.attributes["deep"]["er"], "a")"#,
            r#"delete_key(datapoint.attributes, "gone")"#,
        ];
        let group = compile(Signal::Metrics, None, &[], &statements).unwrap();
        assert_eq!(group.point_attributes().map(ToString::to_string).collect::<Vec<_>>(), ["instance"]);
    }
}
